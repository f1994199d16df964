//! The one reading of key ids, used for judging hosts and for finding keys alike.

use thiserror::Error;
use url::Url;

/// Longest key id that is looked at, in bytes.
const MAX_LENGTH: usize = 2048;

/// Why a key id was refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyIdFault {
    /// Longer than 2048 bytes.
    #[error("it is longer than {MAX_LENGTH} bytes")]
    TooLong,
    /// Not an absolute URL, or one with spaces or control characters.
    #[error("it is not an absolute URL")]
    NotUrl,
    /// Not `https` (nor `http` where that is allowed).
    #[error("its scheme is not https")]
    Scheme,
    /// A user name or password stands before the host.
    #[error("it carries a user name or password")]
    Credentials,
    /// The host is empty or ends in a dot, under which one host has two names.
    #[error("its host is empty or ends in a dot")]
    Host,
}

impl KeyIdFault {
    /// Whether the same text may be a key id later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

/// Reads a key id, in the one canonical form.
///
/// # Errors
/// See [`KeyIdFault`]. `acct:` and other non-web ids are refused.
///
/// # Security
/// Every later decision (block lists, key lookup, ownership) works on the returned URL and never
/// again on the text, so no two of them can read it differently.
pub fn parse_key_id(text: &str, allow_http: bool) -> Result<Url, KeyIdFault> {
    if text.len() > MAX_LENGTH {
        return Err(KeyIdFault::TooLong);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(KeyIdFault::NotUrl);
    }
    let url = Url::parse(text).map_err(|_fault| KeyIdFault::NotUrl)?;
    match url.scheme() {
        "https" => {}
        "http" if allow_http => {}
        _ => return Err(KeyIdFault::Scheme),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(KeyIdFault::Credentials);
    }
    match url.host_str() {
        Some(host) if !host.is_empty() && !host.ends_with('.') => Ok(url),
        _ => Err(KeyIdFault::Host),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn attack_04_one_reading_of_key_ids() {
        let parse = |text| parse_key_id(text, false).map(String::from);
        assert_eq!(
            parse("HTTPS://A.Test:443/x#main-key").as_deref(),
            Ok("https://a.test/x#main-key")
        );
        assert_eq!(
            parse("https://a.test/users/x/main-key").as_deref(),
            Ok("https://a.test/users/x/main-key")
        );
        assert_eq!(parse("http://a.test/x"), Err(KeyIdFault::Scheme));
        assert!(parse_key_id("http://a.test/x", true).is_ok());
        assert_eq!(parse("acct:x@a.test"), Err(KeyIdFault::Scheme));
        assert_eq!(parse("data:text/plain,x"), Err(KeyIdFault::Scheme));
        assert_eq!(
            parse("https://b.test@a.test/x"),
            Err(KeyIdFault::Credentials)
        );
        assert_eq!(parse("https://a.test./x"), Err(KeyIdFault::Host));
        assert_eq!(parse("https://a.test/\tx"), Err(KeyIdFault::NotUrl));
        assert_eq!(parse("#main-key"), Err(KeyIdFault::NotUrl));
        assert_eq!(parse(""), Err(KeyIdFault::NotUrl));
        assert_eq!(
            parse(&format!("https://a.test/{}", "x".repeat(2048))),
            Err(KeyIdFault::TooLong)
        );
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,100}") {
            let _ = parse_key_id(&text, true);
            let _ = parse_key_id(&format!("https://{text}"), false);
        }
    }
}
