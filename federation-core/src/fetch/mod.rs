//! Guarded fetching: the one way out to other servers, and what is fetched through it.
