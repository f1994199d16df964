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
use super::store;
use super::wire::{Finish, Started};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::factor::Factor;
use crate::auth::model::{OpaqueToken, hash_of};
use crate::auth::opening::{Opened, Opening};
use crate::auth::wire::SignedIn;
use crate::base::ids::{SessionId, UserId};
use crate::platform::activity::Kind;
use crate::platform::ctx::Ctx;

/// In which the member must come back.
const LIFETIME: Duration = Duration::from_mins(10);
/// What the seal of a binding is for.
const PLACE: &[u8] = b"oidc/binding";
/// What the seal of a person who came back is for, beside the state and the code.
const PLACE_OF_PERSON: &[u8] = b"oidc/person/";

/// A member who links their account, and the session they do it by.
pub(super) type Linking = (UserId, SessionId);

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
    /// Who links their account, and by which session; none for a sign-in.
    link: Option<Linking>,
    /// Milliseconds since the Unix epoch.
    expires_at: i64,
}

/// Somebody who came back from the issuer.
#[derive(Clone)]
pub(super) struct Arrived {
    pub(super) person: Person,
    /// By what the state is known.
    arrival: Vec<u8>,
}

/// Begins a sign-in, or with `link` the linking of that account.
///
/// # Errors
/// No issuer is set, or it cannot be reached.
pub(super) async fn start(
    oidc: &Oidc,
    redirect_uri: String,
    link: Option<Linking>,
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
///
/// # Errors
/// See [`OidcError`].
pub(super) async fn come_back(
    oidc: &Oidc,
    sent: &Finish,
    link: Option<Linking>,
) -> Result<Arrived, OidcError> {
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
    let arrival = hash_of(&binding.state);
    let code = sent.code.expose();
    let place = [
        PLACE_OF_PERSON,
        arrival.as_slice(),
        hash_of(code).as_slice(),
    ]
    .concat();
    let (hash, until) = (arrival.clone(), binding.expires_at);
    let first = move |connection: &mut Connection| {
        Ok::<_, OidcError>(store::use_state(connection, &hash, until)?)
    };
    if !parts.ctx.db().write(first).await? {
        let person = waiting(&parts.ctx, &arrival, &place).await?;
        return Ok(Arrived { person, arrival });
    }
    let token = redeem(parts, &issuer.metadata, &binding, code).await?;
    let claims = &parts.settings().claims;
    let person = Person::new(&parts.provider.issuer, &token, claims);
    let plain = serde_json::to_vec(&person).map_err(|_never| bad())?;
    let sealed = parts.ctx.keyring().seal(&plain, &place)?;
    let hash = arrival.clone();
    let keep = move |connection: &mut Connection| {
        Ok::<_, OidcError>(store::keep_person(connection, &hash, &sealed)?)
    };
    parts.ctx.db().write(keep).await?;
    Ok(Arrived { person, arrival })
}

/// Who came back before by this state and this code, and was asked for something more.
async fn waiting(ctx: &Ctx, arrival: &[u8], place: &[u8]) -> Result<Person, OidcError> {
    let hash = arrival.to_vec();
    let find = move |connection: &mut Connection| {
        Ok::<_, OidcError>(store::kept_person(connection, &hash)?)
    };
    let sealed = ctx.db().read(find).await?.ok_or(OidcError::InvalidState)?;
    let plain = ctx.keyring().open_sealed(&sealed, place);
    let plain = plain.map_err(|_another_code| OidcError::InvalidState)?;
    serde_json::from_slice(&plain).map_err(|_damaged| OidcError::InvalidState)
}

impl Arrived {
    /// Uses up the sign-in; call it in the transaction of what it is for.
    ///
    /// # Errors
    /// It was used before.
    pub(super) fn settle(&self, connection: &mut Connection) -> Result<(), OidcError> {
        if store::forget_person(connection, &self.arrival)? {
            Ok(())
        } else {
            Err(OidcError::InvalidState)
        }
    }
}

/// What a sign-in needs in its transaction.
#[derive(Clone)]
struct Admission {
    ctx: Ctx,
    arrived: Arrived,
    factor: Factor,
    accept_terms: Option<String>,
    caller: Caller,
    opening: Opening,
}

/// Signs the member in who came back.
///
/// # Errors
/// See [`OidcError`].
///
/// # Security
/// Whoever is asked for a code or the terms of use sends the same again with it: the issuer's code
/// counts once, so who came is kept, sealed, until the end of the sign-in or its time.
pub(super) async fn finish(
    ctx: &Ctx,
    auth: &Auth,
    oidc: &Oidc,
    sent: Finish,
    caller: Caller,
) -> Result<SignedIn, OidcError> {
    let arrived = come_back(oidc, &sent, None).await?;
    let person = arrived.person.clone();
    let find = move |connection: &mut Connection| person.find(connection);
    let known = ctx.db().read(find).await?;
    let member = known.map(|(_, user)| user.id);
    let factor = Factor::begin(ctx, member, &caller, sent.otp).await?;
    let admission = Admission {
        ctx: ctx.clone(),
        arrived,
        factor,
        accept_terms: sent.accept_terms,
        opening: Opening::prepare(ctx, auth, caller.clone())?,
        caller,
    };
    let mut outcome = admission.clone().commit().await;
    if outcome.as_ref().is_err_and(OidcError::is_race) {
        outcome = admission.clone().commit().await;
    }
    match outcome {
        Ok((opened, kind)) => {
            auth.gate.revoked(&opened.ended);
            ctx.activity().count(kind, "", ctx.now());
            Ok(opened.answer)
        }
        Err(error) => {
            let was_wrong = matches!(error, OidcError::Auth(AuthError::WrongOtp));
            admission.factor.failed(ctx, was_wrong).await?;
            Err(error)
        }
    }
}

impl Admission {
    /// Opens the session, and the account where there is none and the operator wants it.
    async fn commit(self) -> Result<(Opened, Kind), OidcError> {
        let ctx = self.ctx.clone();
        let effect = move |connection: &mut Connection| self.admit(connection);
        ctx.db().write(effect).await
    }

    fn admit(&self, connection: &mut Connection) -> Result<(Opened, Kind), OidcError> {
        let now = self.ctx.now();
        self.arrived.settle(connection)?;
        let person = &self.arrived.person;
        let ((identity, user), kind) = match person.find(connection)? {
            Some(known) => (known, Kind::SignIn),
            None if self.ctx.config().oidc.auto_register => {
                let terms = self.accept_terms.as_deref();
                let made = person.register(connection, &self.ctx, &self.caller, terms, now)?;
                (made, Kind::Signup)
            }
            None => return Err(OidcError::Unknown),
        };
        // Whoever may not come in at all is asked for no code.
        let opened = self.opening.open(connection, &user, now)?;
        self.factor.hold(connection, &self.ctx, user.id, now)?;
        store::touch(connection, identity, now)?;
        Ok((opened, kind))
    }
}
