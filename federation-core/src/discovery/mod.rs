//! Discovery documents: NodeInfo and its well-known index, and host-meta.
//!
//! The types serialise as they are served. Reading what other servers serve is tolerant, since
//! nothing here carries authority: it tells people and statistics what runs where.

mod host_meta;
mod lookup;
mod node_info;
mod well_known;

pub use host_meta::{HOST_META_MEDIA_TYPE, host_meta};
pub use lookup::{NodeInfoError, fetch_node_info};
pub use node_info::{NodeInfo, Software, UserCounts};
pub use well_known::{
    APPLICATION_REL, NODE_INFO_MEDIA_TYPE, NODE_INFO_PATH, NODE_INFO_REL, NodeInfoIndex,
    NodeInfoLink,
};
