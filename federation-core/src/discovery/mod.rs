//! Discovery documents: NodeInfo and its well-known index.
