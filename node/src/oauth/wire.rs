//! Registration, tokens and metadata as JSON.

use serde::{Deserialize, Serialize};

/// The body of `POST /oauth/register` (RFC 7591 s2); what is not named here is ignored.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
pub(super) struct Registration {
    /// What members are shown.
    pub(super) client_name: String,
    /// Where members may be sent back to, exactly.
    pub(super) redirect_uris: Vec<String>,
    /// What it may ask for, with spaces in between; `read write` when it is missing.
    #[serde(default)]
    pub(super) scope: Option<String>,
    /// `none` (the default), `client_secret_basic` or `client_secret_post`.
    #[serde(default)]
    pub(super) token_endpoint_auth_method: Option<String>,
    /// Among `authorization_code` and `refresh_token`.
    #[serde(default)]
    pub(super) grant_types: Option<Vec<String>>,
    /// `code`.
    #[serde(default)]
    pub(super) response_types: Option<Vec<String>>,
    /// A page about the application.
    #[serde(default)]
    pub(super) client_uri: Option<String>,
}

/// What registering answers (RFC 7591 s3.2.1).
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Registered {
    pub(super) client_id: String,
    /// Shown once; only for an application that can keep it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_secret: Option<String>,
    /// Zero: the secret does not end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_secret_expires_at: Option<i64>,
    /// Seconds since the Unix epoch.
    pub(super) client_id_issued_at: i64,
    pub(super) client_name: String,
    pub(super) redirect_uris: Vec<String>,
    pub(super) scope: String,
    pub(super) token_endpoint_auth_method: &'static str,
    pub(super) grant_types: [&'static str; 2],
    pub(super) response_types: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_uri: Option<String>,
}

/// What the token endpoint answers (OAuth 2.1 s3.2.3).
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Tokens {
    pub(super) access_token: String,
    pub(super) token_type: &'static str,
    /// Seconds.
    pub(super) expires_in: u64,
    pub(super) refresh_token: String,
    /// What was given, which may be less than was asked for.
    pub(super) scope: String,
}

/// What introspection answers (RFC 7662 s2.2); only `active` for what is not the caller's.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
pub(super) struct Introspected {
    pub(super) active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) token_type: Option<&'static str>,
    /// Seconds since the Unix epoch; of an access token alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<String>,
}

/// What an application asks for, as a signed-in client hands it over.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Consent {
    /// The query with which the application sent its member to `/oauth/authorize`, untouched.
    pub(super) query: String,
    /// Whether the member agrees.
    pub(super) agree: bool,
}

/// Where to send the member now.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Consented {
    /// The application's redirect URI with the answer.
    pub(super) redirect_to: String,
}

/// An application as a member sees it before agreeing.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ApplicationView {
    pub(super) id: crate::base::ids::ApplicationId,
    pub(super) name: String,
    pub(super) website: Option<String>,
    pub(super) scopes: Vec<crate::base::scope::Scope>,
}

/// What this server offers to applications (RFC 8414 s2).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) registration_endpoint: String,
    pub(super) revocation_endpoint: String,
    pub(super) introspection_endpoint: String,
    pub(super) scopes_supported: Vec<&'static str>,
    pub(super) response_types_supported: [&'static str; 1],
    pub(super) response_modes_supported: [&'static str; 1],
    pub(super) grant_types_supported: [&'static str; 2],
    pub(super) token_endpoint_auth_methods_supported: Vec<&'static str>,
    pub(super) revocation_endpoint_auth_methods_supported: Vec<&'static str>,
    pub(super) introspection_endpoint_auth_methods_supported: Vec<&'static str>,
    pub(super) code_challenge_methods_supported: [&'static str; 1],
    pub(super) authorization_response_iss_parameter_supported: bool,
}

/// Tokens and secrets do not show themselves.
macro_rules! silent {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}
silent!(Registered, Tokens, Consented);
