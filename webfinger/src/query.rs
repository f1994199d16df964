//! The query of a WebFinger request (RFC 7033 s4.1): one `resource`, any number of `rel`.

use std::fmt;

use url::Url;

use crate::handle::Handle;
use crate::handle::HandleError;
use crate::percent;

/// The longest query string that is read, in bytes.
const MAX_QUERY: usize = 4096;
/// The most `rel` filters in one query.
const MAX_RELS: usize = 32;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What it asks about.
    pub resource: Resource,
    /// The link relations it wants; all when empty.
    pub rels: Vec<String>,
}

impl Query {
    /// Reads the raw query string of a request, without the `?`. The order of the parameters does
    /// not matter and unknown ones are ignored.
    ///
    /// # Errors
    /// When `resource` is absent, given more than once, or no URI; when an escape is broken; when
    /// the query or its list of relations is too long. Each of them is a 400 (RFC 7033 s4.2).
    pub fn parse(raw: &str) -> Result<Self, QueryError> {
        if raw.len() > MAX_QUERY {
            return Err(QueryError::TooLong);
        }
        let mut resource = None;
        let mut rels = Vec::new();
        for pair in raw.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match percent::decode(name).as_deref() {
                Some("resource") if resource.is_some() => return Err(QueryError::Repeated),
                Some("resource") => resource = Some(decode(value)?),
                Some("rel") if rels.len() >= MAX_RELS => return Err(QueryError::TooLong),
                Some("rel") => rels.push(decode(value)?),
                Some(_) => {}
                None => return Err(QueryError::BadEscape),
            }
        }
        let resource = resource
            .filter(|text| !text.is_empty())
            .ok_or(QueryError::Missing)?;
        Ok(Self {
            resource: Resource::parse(&resource)?,
            rels,
        })
    }
}

/// A resource that can be asked about: an account, or anything else that has a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// An `acct:` URI.
    Account(Handle),
    /// A URI of any other scheme.
    Uri(Url),
}

impl Resource {
    /// Reads an absolute URI of any scheme (RFC 7033 s4.1).
    ///
    /// # Errors
    /// When the text is no absolute URI, or an `acct:` URI that names no account.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        match Handle::from_acct(text) {
            Ok(handle) => Ok(Self::Account(handle)),
            Err(HandleError::NotAcct) => match Url::parse(text) {
                Ok(url) => Ok(Self::Uri(url)),
                Err(error) => Err(QueryError::NotAUri(error)),
            },
            Err(error) => Err(QueryError::BadAccount(error)),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(handle) => f.write_str(&handle.acct()),
            Self::Uri(url) => f.write_str(url.as_str()),
        }
    }
}

/// Why a query cannot be answered; always a 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// There is no `resource`, or it is empty.
    #[error("the resource parameter is missing")]
    Missing,
    /// `resource` is given more than once.
    #[error("the resource parameter is given more than once")]
    Repeated,
    /// An escape is broken or does not decode to UTF-8.
    #[error("the query has a broken percent escape")]
    BadEscape,
    /// The query or its list of relations is too long.
    #[error("the query is too long")]
    TooLong,
    /// `resource` is no absolute URI.
    #[error("the resource is no absolute URI")]
    NotAUri(#[source] url::ParseError),
    /// `resource` is an `acct:` URI that names no account.
    #[error("the resource names no account")]
    BadAccount(#[source] HandleError),
}

impl QueryError {
    /// Whether the same text may be read later; never: its sender has to change it.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

fn decode(value: &str) -> Result<String, QueryError> {
    percent::decode(value).ok_or(QueryError::BadEscape)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn account(text: &str) -> Resource {
        Resource::Account(text.parse().unwrap())
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let expected = Query {
            resource: account("@a@b.example"),
            rels: vec!["self".into(), "http://x".into()],
        };
        for raw in [
            "resource=acct:a@b.example&rel=self&rel=http://x",
            "rel=self&resource=acct%3Aa%40b.example&rel=http%3A%2F%2Fx",
            "x=1&rel=self&rel=http://x&&resource=acct:a@b.example&y",
        ] {
            assert_eq!(Query::parse(raw), Ok(expected.clone()), "{raw}");
        }
    }

    #[test]
    fn any_scheme_is_a_resource() {
        for uri in [
            "https://a.example/users/a",
            "mailto:a@b.example",
            "urn:isbn:1",
            "device:p1",
        ] {
            let query = Query::parse(&format!("resource={}", percent::encode(uri, b""))).unwrap();
            assert_eq!(query.resource.to_string(), uri);
        }
    }

    #[test]
    fn bad_queries_say_what_is_wrong() {
        assert_eq!(Query::parse(""), Err(QueryError::Missing));
        assert_eq!(Query::parse("rel=self"), Err(QueryError::Missing));
        assert_eq!(Query::parse("resource="), Err(QueryError::Missing));
        assert_eq!(
            Query::parse("resource=acct:a@b&resource=acct:a@b"),
            Err(QueryError::Repeated)
        );
        assert_eq!(Query::parse("resource=%"), Err(QueryError::BadEscape));
        assert_eq!(
            Query::parse("resource=acct:alice"),
            Err(QueryError::BadAccount(HandleError::NoHost))
        );
        assert!(matches!(
            Query::parse("resource=alice@b.example"),
            Err(QueryError::NotAUri(_))
        ));
        assert_eq!(Query::parse(&"a".repeat(5000)), Err(QueryError::TooLong));
        assert_eq!(Query::parse(&"rel=a&".repeat(33)), Err(QueryError::TooLong));
    }

    proptest! {
        #[test]
        fn no_query_panics(raw in "\\PC{0,80}", tail in "[ -~]{0,60}") {
            let _ = Query::parse(&raw);
            let _ = Query::parse(&format!("resource={tail}"));
        }
    }
}
