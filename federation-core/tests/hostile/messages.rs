//! The messages of the node handshake, the frames of the push stream, and the header that compares
//! followers.

use std::net::IpAddr;

use bytes::Bytes;
use federation_core::followers::{FollowersDigest, Synchronization};
use federation_core::handshake::message::{
    ChallengeAnswer, ChallengeRequest, IntrospectRequest, Introspection, RevokeRequest,
    VerifyAnswer, VerifyRequest,
};
use federation_core::handshake::{ChallengeId, InvalidId, Scope, Scopes, SessionId, TokenHash};

use federation_core::inbox::TrustedProxies;
use federation_core::stream::{Frame, MAX_HEADERS, Message};
use http::{HeaderMap, HeaderValue};

use super::{corpus, on_each};

#[test]
fn handshake_messages_are_read_or_refused() {
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        let faults = [
            ChallengeRequest::parse(bytes).err(),
            ChallengeAnswer::parse(bytes).err(),
            VerifyRequest::parse(bytes).err(),
            VerifyAnswer::parse(bytes).err(),
            IntrospectRequest::parse(bytes).err(),
            Introspection::parse(bytes).err(),
            RevokeRequest::parse(bytes).err(),
        ];
        for fault in faults.into_iter().flatten() {
            assert!(!fault.is_retryable() && !fault.to_string().is_empty());
        }
        let _ = TokenHash::from_slice(bytes);
        let text = String::from_utf8_lossy(bytes);
        let refused = [
            text.parse::<Scope>()
                .is_err_and(|error| error.is_retryable()),
            text.parse::<ChallengeId>()
                .is_err_and(InvalidId::is_retryable),
            text.parse::<SessionId>()
                .is_err_and(InvalidId::is_retryable),
        ];
        assert_eq!(refused, [false; 3]);
        match text.parse::<Scopes>() {
            Ok(scopes) => assert_eq!(scopes.to_string().parse::<Scopes>(), Ok(scopes)),
            Err(error) => assert!(!error.is_retryable()),
        }
    });
}

#[test]
fn frames_of_the_stream_are_read_as_they_were_written_or_refused() {
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        let whole = Bytes::copy_from_slice(bytes);
        let text = String::from_utf8_lossy(bytes);
        for read in [Frame::from_binary(&whole), Frame::from_text(&text)] {
            match read {
                Ok(frame) => {
                    if let Frame::Activity(activity) = &frame {
                        assert!(activity.headers.len() <= MAX_HEADERS);
                    }
                    let again = match frame.to_message() {
                        Message::Text(text) => Frame::from_text(&text),
                        Message::Binary(bytes) => Frame::from_binary(&bytes),
                        other => panic!("{other:?} is no message of a frame"),
                    };
                    // What is read fits within every limit as it is written, too.
                    assert_eq!(again.expect("what was written is read"), frame);
                }
                Err(error) => assert!(!error.is_retryable() && !error.to_string().is_empty()),
            }
        }
    });
}

#[test]
fn headers_about_followers_and_proxies_are_read_or_ignored() {
    let peer: IpAddr = "127.0.0.1".parse().unwrap();
    let proxies = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    on_each(corpus::documents(), Vec::as_slice, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        match Synchronization::parse(&text) {
            Ok(read) => assert!(read.url.has_host() && read.collection_id.has_host()),
            Err(error) => assert!(!error.is_retryable() && !error.to_string().is_empty()),
        }
        match text.parse::<FollowersDigest>() {
            Ok(digest) => assert_eq!(digest.to_string().parse(), Ok(digest)),
            Err(error) => assert!(!error.is_retryable()),
        }
        if let Ok(value) = HeaderValue::from_bytes(bytes) {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", value.clone());
            headers.insert("forwarded", value);
            let _ = proxies.source(peer, &headers);
        }
    });
}
