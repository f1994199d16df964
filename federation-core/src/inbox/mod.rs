//! From a signed request to a `Verified` activity.
