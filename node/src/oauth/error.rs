//! Why an application gets nothing, in the words of OAuth (OAuth 2.1 s3.2.4, RFC 7591 s3.2.2).

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use federation_core::store::sql::DatabaseError;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use openssl::error::ErrorStack;
use serde::Serialize;

use crate::auth::error::AuthError;
use crate::platform::http::error::ApiError;

/// Why an application gets nothing.
#[derive(Debug)]
pub(super) enum OauthError {
    /// Something that OAuth has a word for.
    Told(Told),
    /// A fault of the server, or too much at once.
    Other(ApiError),
}

/// An error with its word and a sentence for people.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) error: &'static str,
    pub(super) description: Cow<'static, str>,
    /// Whether the client showed no right credentials.
    is_unauthorized: bool,
}

/// The JSON of an error.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OauthProblem {
    /// What is wrong, for programs: such as `invalid_grant`.
    error: &'static str,
    /// What is wrong, for people.
    error_description: String,
}

impl OauthError {
    fn told(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self::Told(Told {
            error,
            description: description.into(),
            is_unauthorized: false,
        })
    }

    pub(super) fn invalid_request(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told("invalid_request", description)
    }

    pub(super) fn invalid_client() -> Self {
        Self::Told(Told {
            error: "invalid_client",
            description: "The application is unknown or its secret is wrong.".into(),
            is_unauthorized: true,
        })
    }

    pub(super) fn invalid_grant(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told("invalid_grant", description)
    }

    pub(super) fn invalid_scope() -> Self {
        let description =
            "The scopes are among read, write and admin, and no more than were given.";
        Self::told("invalid_scope", description)
    }

    pub(super) fn unauthorized_client() -> Self {
        let description = "This token was given to another application.";
        Self::told("unauthorized_client", description)
    }

    pub(super) fn unsupported_grant_type() -> Self {
        let description = "The grants are authorization_code and refresh_token. A bot takes a \
            personal access token of its member.";
        Self::told("unsupported_grant_type", description)
    }

    pub(super) fn unsupported_response_type() -> Self {
        Self::told("unsupported_response_type", "The response type is code.")
    }

    pub(super) fn invalid_redirect_uri(description: &'static str) -> Self {
        Self::told("invalid_redirect_uri", description)
    }

    pub(super) fn invalid_client_metadata(description: impl Into<Cow<'static, str>>) -> Self {
        Self::told("invalid_client_metadata", description)
    }

    pub(super) fn access_denied() -> Self {
        Self::told("access_denied", "The member said no.")
    }
}

impl From<ApiError> for OauthError {
    fn from(error: ApiError) -> Self {
        Self::Other(error)
    }
}

impl From<DatabaseError> for OauthError {
    fn from(error: DatabaseError) -> Self {
        Self::Other(error.into())
    }
}

impl From<diesel::result::Error> for OauthError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Other(error.into())
    }
}

impl From<ErrorStack> for OauthError {
    fn from(error: ErrorStack) -> Self {
        Self::Other(ApiError::internal(error))
    }
}

impl From<AuthError> for OauthError {
    fn from(error: AuthError) -> Self {
        Self::Other(error.into())
    }
}

/// For the routes of the native API, which answer problems.
impl From<OauthError> for ApiError {
    fn from(error: OauthError) -> Self {
        match error {
            OauthError::Told(told) => Self::invalid("oauth_refused", {
                format!("{}: {}", told.error, told.description)
            }),
            OauthError::Other(error) => error,
        }
    }
}

impl IntoResponse for OauthError {
    fn into_response(self) -> Response {
        let told = match self {
            Self::Told(told) => told,
            Self::Other(error) => return error.into_response(),
        };
        let status = if told.is_unauthorized {
            StatusCode::UNAUTHORIZED
        } else {
            StatusCode::BAD_REQUEST
        };
        let problem = OauthProblem {
            error: told.error,
            error_description: told.description.into_owned(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let json = HeaderValue::from_static("application/json");
        let mut response = (status, [(CONTENT_TYPE, json)], body).into_response();
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if told.is_unauthorized {
            let basic = HeaderValue::from_static("Basic realm=\"oauth\"");
            headers.insert(WWW_AUTHENTICATE, basic);
        }
        response
    }
}
