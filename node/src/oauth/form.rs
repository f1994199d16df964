//! Parameters of OAuth: from a query or from a form, each at most once (OAuth 2.1 s3.1, s3.2).

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use url::form_urlencoded;

use super::error::OauthError;

/// Characters in a value at most.
const MAX_VALUE: usize = 8192;

/// The parameters of a request by name. They hold secrets, so they do not show themselves.
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads what stands in a query or a form.
    pub(super) fn parse(text: &[u8]) -> Result<Self, OauthError> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if value.len() > MAX_VALUE {
                return Err(OauthError::invalid_request("A parameter is too long."));
            }
            let before = found.insert(name.into_owned(), value.into_owned());
            if before.is_some() {
                return Err(OauthError::invalid_request("A parameter is there twice."));
            }
        }
        Ok(Self(found))
    }

    /// The value of a parameter; an empty one counts as missing (OAuth 2.1 s3.1).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The value of a parameter that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, OauthError> {
        self.get(name)
            .ok_or_else(|| OauthError::invalid_request(format!("The parameter {name} is missing.")))
    }
}

/// The parameters in the query.
pub(super) struct Query(pub(super) Result<Parameters, OauthError>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(Parameters::parse(query.as_bytes())))
    }
}

/// The parameters in a body of `application/x-www-form-urlencoded`; those in the query do not count.
pub(super) struct Form(pub(super) Parameters);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = OauthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, OauthError> {
        if !is_form(request.headers()) {
            let detail = "Send the parameters as application/x-www-form-urlencoded.";
            return Err(OauthError::invalid_request(detail));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|_unreadable| OauthError::invalid_request("The body cannot be read."))?;
        Ok(Self(Parameters::parse(&body)?))
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = value.and_then(|text| text.split(';').next());
    media_type.is_some_and(|text| {
        text.trim()
            .eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_parameter_once() {
        let read = Parameters::parse(b"a=1&b=x%20y&c=").ok().unwrap();
        assert_eq!(read.get("a"), Some("1"));
        assert_eq!(read.get("b"), Some("x y"));
        assert_eq!(read.get("c"), None);
        assert!(Parameters::parse(b"a=1&b=2&a=1").is_err());
    }
}
