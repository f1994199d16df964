//! HTTP signatures: draft-cavage-12 and RFC 9421, signing and verifying.
