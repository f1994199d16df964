//! Gives the code back to the issuer and reads who came (OpenID Connect Core s3.1.3).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use federation_core::fetch::{FetchLimits, OutboundRequest};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use url::form_urlencoded;

use super::Parts;
use super::error::OidcError;
use super::flow::Binding;
use super::provider::{MAX_BYTES, Metadata};
use super::verify::{Verified, verify};

/// What the token endpoint answers; the rest is not needed.
#[derive(Deserialize)]
struct Answer {
    id_token: String,
    access_token: Option<String>,
}

/// The ID token behind a code.
///
/// # Errors
/// The issuer does not take the code or cannot be reached, or the token is not for this sign-in.
pub(super) async fn redeem(
    parts: &Parts,
    metadata: &Metadata,
    binding: &Binding,
    code: &str,
) -> Result<Verified, OidcError> {
    let request = request(parts, metadata, binding, code)?;
    let answer = parts.provider.execute(request).await?;
    if answer.status.is_server_error() {
        return Err(OidcError::Unavailable("the issuer fails at the code"));
    }
    if answer.status != StatusCode::OK {
        return Err(OidcError::Refused);
    }
    let read = serde_json::from_slice(&answer.body);
    let answer: Answer = read.map_err(|_unreadable| OidcError::Refused)?;
    let token = verify(&parts.provider, &answer.id_token, parts.ctx.now()).await?;
    let access_token = answer.access_token.as_deref();
    let client_id = &parts.settings().client_id;
    token.as_id_token(client_id, &binding.nonce, access_token)?;
    Ok(token)
}

/// What the token endpoint is sent (RFC 6749 s4.1.3, RFC 7636 s4.5).
fn request(
    parts: &Parts,
    metadata: &Metadata,
    binding: &Binding,
    code: &str,
) -> Result<OutboundRequest, OidcError> {
    let settings = parts.settings();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", binding.redirect_uri.as_str()),
        ("code_verifier", binding.verifier.as_str()),
        ("client_id", settings.client_id.as_str()),
    ]);
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    let media_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, media_type);
    if let Some(secret) = &settings.client_secret {
        let methods = metadata.token_endpoint_auth_methods_supported.as_ref();
        let takes = |name: &str| methods.is_some_and(|all| all.iter().any(|it| it == name));
        if takes("client_secret_post") && !takes("client_secret_basic") {
            form.append_pair("client_secret", secret.expose());
        } else {
            headers.insert(AUTHORIZATION, basic(&settings.client_id, secret.expose())?);
        }
    }
    let limits = FetchLimits::document()
        .with_max_bytes(MAX_BYTES)
        .with_max_redirects(0);
    let body = Bytes::from(form.finish());
    let endpoint = metadata.token_endpoint.clone();
    Ok(OutboundRequest::post(endpoint, headers, body, limits))
}

/// Id and secret, each encoded as in forms (RFC 6749 s2.3.1).
fn basic(id: &str, secret: &str) -> Result<HeaderValue, OidcError> {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let both = BASE64.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {both}"))
        .map_err(|_unsendable| OidcError::Unavailable("oidc.client_secret"))?;
    value.set_sensitive(true);
    Ok(value)
}
