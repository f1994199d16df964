//! Which application sends a request, and whether it really is that one (OAuth 2.1 s2.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use federation_core::store::sql::Connection;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use openssl::memcmp;
use url::form_urlencoded;

use super::error::OauthError;
use super::form::Parameters;
use super::model::Application;
use super::store;
use crate::auth::model::hash_of;
use crate::base::ids::ApplicationId;
use crate::platform::ctx::Ctx;

/// What a request says about who sends it.
struct Credentials {
    id: String,
    secret: Option<String>,
}

/// The application that sends this request.
///
/// # Errors
/// `invalid_client` when it is unknown, its secret is wrong, or it should have one.
pub(super) async fn authenticate(
    ctx: &Ctx,
    headers: &HeaderMap,
    sent: &Parameters,
) -> Result<Application, OauthError> {
    let Credentials { id, secret } = credentials(headers, sent)?;
    let application = find(ctx, &id)
        .await?
        .ok_or_else(OauthError::invalid_client)?;
    let proved = match (&application.secret_hash, secret) {
        (None, None) => true,
        (Some(known), Some(shown)) => {
            let shown = hash_of(&shown);
            shown.len() == known.len() && memcmp::eq(&shown, known)
        }
        (None, Some(_)) | (Some(_), None) => false,
    };
    if proved {
        Ok(application)
    } else {
        Err(OauthError::invalid_client())
    }
}

/// The application with this `client_id`.
pub(super) async fn find(ctx: &Ctx, id: &str) -> Result<Option<Application>, OauthError> {
    let Ok(id) = id.parse::<ApplicationId>() else {
        return Ok(None);
    };
    let read = move |connection: &mut Connection| Ok(store::application(connection, id)?);
    ctx.db().read(read).await
}

fn credentials(headers: &HeaderMap, sent: &Parameters) -> Result<Credentials, OauthError> {
    let in_body = sent.get("client_secret");
    let Some(header) = headers.get(AUTHORIZATION) else {
        return Ok(Credentials {
            id: sent.need("client_id")?.to_owned(),
            secret: in_body.map(str::to_owned),
        });
    };
    if in_body.is_some() {
        let detail = "Show the secret in one way: in the header or in the body.";
        return Err(OauthError::invalid_request(detail));
    }
    let text = header.to_str().ok();
    let (id, secret) = text
        .and_then(basic)
        .ok_or_else(OauthError::invalid_client)?;
    if sent.get("client_id").is_some_and(|named| named != id) {
        return Err(OauthError::invalid_client());
    }
    let secret = Some(secret);
    Ok(Credentials { id, secret })
}

/// Id and secret of `Authorization: Basic`, each encoded as in forms (RFC 6749 s2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((decoded(id)?, decoded(secret)?))
}

fn decoded(text: &str) -> Option<String> {
    if text.contains(['&', '=']) {
        return None;
    }
    let mut pairs = form_urlencoded::parse(text.as_bytes());
    let (name, _) = pairs.next()?;
    Some(name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_basic_credentials() {
        let read = |text: &str| basic(&format!("Basic {}", BASE64.encode(text)));
        let pair = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        assert_eq!(read("id:secret"), pair("id", "secret"));
        assert_eq!(read("i%3Ad:se+c%2Bret"), pair("i:d", "se c+ret"));
        assert_eq!(read("id"), None);
        assert_eq!(basic("Bearer abc"), None);
    }
}
