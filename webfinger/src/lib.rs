//! WebFinger (RFC 7033).
