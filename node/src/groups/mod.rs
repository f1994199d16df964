//! Who follows channels across nodes: actors of other nodes those of this one, and members of this
//! node those of others (FEP-1b12; `docs/channels-federation.md`).
//!
//! This folder alone writes `group_followers`, `group_joins` and `group_checks`. It knows nothing of
//! communities and what members may do there: who asks it has judged that.

pub mod federate;
pub mod model;
pub mod store;
