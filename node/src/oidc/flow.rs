//! The two halves of a sign-in: the member leaves for the issuer, and comes back.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::store::sql::Connection;
use openssl::memcmp;
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use url::Url;

use super::Oidc;
use super::error::OidcError;
use super::exchange::redeem;
use super::people::Person;
use super::store::{self, Identity};
use super::wire::{Finish, Started};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::granting;
use crate::auth::model::{OpaqueToken, hash_of};
use crate::auth::opening::Opening;
use crate::auth::wire::SignedIn;
use crate::base::ids::{ExternalIdentityId, UserId};
use crate::platform::ctx::Ctx;

/// In which the member must come back.
const LIFETIME: Duration = Duration::from_mins(10);
/// What the seal of a binding is for.
const PLACE: &[u8] = b"oidc/binding";

/// What ties the two halves together; the client keeps it sealed.
///
/// # Security
/// Whoever brings somebody else's code and state into this client has no binding for them, so
/// nobody is signed in to an account that is not theirs (RFC 9700 s4.7).
#[derive(Serialize, Deserialize)]
pub(super) struct Binding {
    issuer: String,
    state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    pub(super) redirect_uri: String,
    /// Who links their account; none for a sign-in.
    link: Option<UserId>,
    /// Milliseconds since the Unix epoch.
    expires_at: i64,
}

/// Begins a sign-in, or with `link` the linking of that account.
///
/// # Errors
/// No issuer is set, or it cannot be reached.
pub(super) async fn start(
    oidc: &Oidc,
    redirect_uri: String,
    link: Option<UserId>,
) -> Result<Started, OidcError> {
    let parts = oidc.parts()?;
    let target = Url::parse(&redirect_uri).map_err(|_relative| OidcError::InvalidRedirect)?;
    if target.fragment().is_some() || redirect_uri.len() > 2000 {
        return Err(OidcError::InvalidRedirect);
    }
    let known = parts.provider.known().await?;
    let random = || OpaqueToken::generate().map(|token| token.expose().to_owned());
    let binding = Binding {
        issuer: parts.provider.issuer.clone(),
        state: random()?,
        nonce: random()?,
        verifier: random()?,
        redirect_uri,
        link,
        expires_at: parts.ctx.now().plus(LIFETIME).as_millis(),
    };
    let settings = parts.settings();
    let mut url = known.metadata.authorization_endpoint.clone();
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", settings.client_id.as_str()),
        ("redirect_uri", binding.redirect_uri.as_str()),
        ("scope", settings.scopes.join(" ").as_str()),
        ("state", binding.state.as_str()),
        ("nonce", binding.nonce.as_str()),
        (
            "code_challenge",
            &BASE64URL.encode(sha256(binding.verifier.as_bytes())),
        ),
        ("code_challenge_method", "S256"),
    ]);
    let plain = serde_json::to_vec(&binding).map_err(|_never| OidcError::InvalidState)?;
    Ok(Started {
        authorization_url: url.into(),
        state: binding.state,
        binding: BASE64URL.encode(parts.ctx.keyring().seal(&plain, PLACE)?),
        expires_in: LIFETIME.as_secs(),
    })
}

/// Who came back.
async fn come_back(oidc: &Oidc, sent: &Finish, link: Option<UserId>) -> Result<Person, OidcError> {
    let parts = oidc.parts()?;
    let bad = || OidcError::InvalidState;
    let sealed = BASE64URL
        .decode(sent.binding.expose())
        .map_err(|_bad| bad())?;
    let plain = parts.ctx.keyring().open_sealed(&sealed, PLACE);
    let plain = plain.map_err(|_not_ours| bad())?;
    let binding: Binding = serde_json::from_slice(&plain).map_err(|_damaged| bad())?;
    let (state, now) = (sent.state.expose(), parts.ctx.now());
    let same = state.len() == binding.state.len()
        && memcmp::eq(state.as_bytes(), binding.state.as_bytes());
    let known = binding.issuer == parts.provider.issuer && binding.link == link;
    if !same || !known || binding.expires_at <= now.as_millis() {
        return Err(bad());
    }
    let issuer = parts.provider.known().await?;
    // Another issuer's answer must not be taken to this one (RFC 9207, RFC 9700 s4.4).
    let says = sent.iss.as_deref();
    let always = issuer
        .metadata
        .authorization_response_iss_parameter_supported;
    if says.map_or(always, |says| says != parts.provider.issuer) {
        return Err(bad());
    }
    let (hash, until) = (hash_of(&binding.state), binding.expires_at);
    let first = move |connection: &mut Connection| {
        Ok::<_, OidcError>(store::use_state(connection, &hash, until)?)
    };
    if !parts.ctx.db().write(first).await? {
        return Err(bad());
    }
    let token = redeem(parts, &issuer.metadata, &binding, sent.code.expose()).await?;
    let claims = &parts.settings().claims;
    Ok(Person::new(&parts.provider.issuer, &token, claims))
}

/// Signs the member in who came back.
///
/// # Errors
/// See [`OidcError`].
pub(super) async fn finish(
    ctx: &Ctx,
    auth: &Auth,
    oidc: &Oidc,
    sent: &Finish,
    caller: Caller,
) -> Result<SignedIn, OidcError> {
    let person = come_back(oidc, sent, None).await?;
    let opening = Opening::prepare(ctx, auth, caller)?;
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let registers = shared.config().oidc.auto_register;
        let origin = registers.then_some(shared.origin());
        let (identity, user) = person.find_or_register(connection, origin, now)?;
        store::touch(connection, identity, now)?;
        Ok::<_, OidcError>(opening.open(connection, &user, now)?)
    };
    let opened = ctx.db().write(effect).await?;
    auth.gate.revoked(&opened.ended);
    Ok(opened.answer)
}

/// Links the person who came back to the member who is signed in.
///
/// # Errors
/// See [`OidcError`].
pub(super) async fn link(
    ctx: &Ctx,
    oidc: &Oidc,
    sent: &Finish,
    me: UserId,
) -> Result<(), OidcError> {
    let person = come_back(oidc, sent, Some(me)).await?;
    let now = ctx.now();
    ctx.db()
        .write(move |connection| person.link(connection, me, now))
        .await
}

/// The links of a member.
///
/// # Errors
/// The database failed.
pub(super) async fn links(ctx: &Ctx, me: UserId) -> Result<Vec<Identity>, OidcError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, me)?))
        .await
}

/// Removes a link of a member, and ends the sessions that stood on it.
///
/// # Errors
/// There is none such, or the member could not sign in any more.
pub(super) async fn unlink(
    ctx: &Ctx,
    auth: &Auth,
    me: UserId,
    id: ExternalIdentityId,
) -> Result<(), OidcError> {
    let remove = move |connection: &mut Connection| {
        let links = store::list(connection, me)?;
        let standing = store::remove(connection, me, id)?.ok_or(OidcError::NoSuchLink)?;
        if links.len() == 1 && !store::has_password(connection, me)? {
            return Err(OidcError::LastSignIn);
        }
        Ok(standing)
    };
    let standing = ctx.db().write(remove).await?;
    granting::end(ctx, auth, me, &standing).await?;
    Ok(())
}
