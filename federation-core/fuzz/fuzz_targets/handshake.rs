//! Messages of the node handshake: none panics, and what is read is written and read the same.
#![no_main]

use federation_core::handshake::message::{
    ChallengeAnswer, ChallengeRequest, IntrospectRequest, Introspection, RevokeRequest,
    VerifyAnswer, VerifyRequest,
};
use federation_core::handshake::{ChallengeId, Scopes, SessionId, TokenHash};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(read) = ChallengeRequest::parse(bytes) {
        let again = ChallengeRequest::parse(&read.to_json());
        // A request for nothing that is known here is written as one for nothing.
        assert!(read.scopes.is_empty() || again.is_ok_and(|again| again == read));
    }
    if let Ok(read) = ChallengeAnswer::parse(bytes) {
        let again = ChallengeAnswer::parse(&read.to_json()).expect("written by us");
        assert_eq!(again.challenge_id, read.challenge_id);
        assert_eq!(again.nonce, read.nonce);
    }
    if let Ok(read) = VerifyRequest::parse(bytes) {
        assert_eq!(VerifyRequest::parse(&read.to_json()).expect("written by us"), read);
    }
    if let Ok(read) = VerifyAnswer::parse(bytes) {
        let again = VerifyAnswer::parse(&read.to_json()).expect("written by us");
        assert_eq!(again.session_token.hash(), read.session_token.hash());
    }
    if let Ok(read) = IntrospectRequest::parse(bytes) {
        TokenHash::of(&read.token);
    }
    if let Ok(RevokeRequest::Token(token)) = RevokeRequest::parse(bytes) {
        TokenHash::of(&token);
    }
    if let Ok(read) = Introspection::parse(bytes) {
        let again = Introspection::parse(&read.to_json()).expect("written by us");
        assert_eq!(again.active().is_some(), read.active().is_some());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(id) = text.parse::<ChallengeId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(id) = text.parse::<SessionId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(scopes) = text.parse::<Scopes>() {
            assert_eq!(scopes.to_string().parse(), Ok(scopes));
        }
    }
});
