//! The opening handshake of the WebSocket, as headers (RFC 6455 s4).

use http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::stream::PROTOCOL;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");
const VERSION: &str = "13";
#[cfg(any(test, feature = "axum"))]
/// Base64 of the sixteen octets that a key is made of.
const KEY_CHARACTERS: usize = 24;

/// The headers that ask for a push stream, and the answer to their key.
#[cfg(any(test, feature = "client"))]
pub(super) fn request(key: &str) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    Ok(HeaderMap::from_iter([
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, WEBSOCKET),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION)),
        (SEC_WEBSOCKET_KEY, HeaderValue::from_str(key)?),
        (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)),
    ]))
}

/// Whether a 101 is the answer to this key, for a push stream (RFC 6455 s4.1).
#[cfg(any(test, feature = "client"))]
pub(super) fn is_agreed(headers: &HeaderMap, key: &str) -> bool {
    let accept = derive_accept_key(key.as_bytes());
    names(headers, &UPGRADE, "websocket")
        && names(headers, &CONNECTION, "upgrade")
        && only(headers, &SEC_WEBSOCKET_ACCEPT) == Some(accept.as_str())
        && only(headers, &SEC_WEBSOCKET_PROTOCOL) == Some(PROTOCOL)
}

/// The headers of the 101, when a push stream is asked for (RFC 6455 s4.2).
#[cfg(any(test, feature = "axum"))]
pub(super) fn agree(asked: &HeaderMap) -> Option<HeaderMap> {
    let key = only(asked, &SEC_WEBSOCKET_KEY)?;
    let fits = key.len() == KEY_CHARACTERS
        && only(asked, &SEC_WEBSOCKET_VERSION) == Some(VERSION)
        && names(asked, &UPGRADE, "websocket")
        && names(asked, &CONNECTION, "upgrade")
        && names(asked, &SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()?;
    fits.then(|| {
        HeaderMap::from_iter([
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (UPGRADE, WEBSOCKET),
            (SEC_WEBSOCKET_ACCEPT, accept),
            (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)),
        ])
    })
}

/// The value of a header that occurs once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then(|| value.trim())
}

/// Whether a list of words has this one, in whatever case.
fn names(headers: &HeaderMap, name: &HeaderName, word: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    #[test]
    fn agrees_as_rfc_6455_does() {
        let asked = request(KEY).unwrap();
        let agreed = agree(&asked).unwrap();
        // The example of RFC 6455 s1.3.
        assert_eq!(agreed[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert!(is_agreed(&agreed, KEY));
        assert!(!is_agreed(&agreed, "AAAAAAAAAAAAAAAAAAAAAA=="));
    }

    #[test]
    fn agrees_to_nothing_else() {
        for (name, value) in [
            (CONNECTION, Some("keep-alive")),
            (UPGRADE, Some("h2c")),
            (SEC_WEBSOCKET_VERSION, Some("8")),
            (SEC_WEBSOCKET_KEY, Some("short")),
            (SEC_WEBSOCKET_PROTOCOL, Some("folkmoot.v1")),
            (SEC_WEBSOCKET_PROTOCOL, None),
        ] {
            let mut asked = request(KEY).unwrap();
            match value {
                Some(value) => asked.insert(&name, HeaderValue::from_static(value)),
                None => asked.remove(&name),
            };
            assert!(agree(&asked).is_none(), "{name}: {value:?}");
        }
        let mut twice = request(KEY).unwrap();
        twice.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static(KEY));
        assert!(agree(&twice).is_none());
    }
}
