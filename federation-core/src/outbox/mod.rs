//! From an audience to durable, ordered, retried deliveries.
