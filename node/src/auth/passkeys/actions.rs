//! Making passkeys and signing in by them.

use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::Webauthn;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential,
};

use super::ceremony::{self, Ceremony, Opened};
use super::store;
use super::store::Known;
use super::wire::{Answer, AskToRegister, Challenged, Register};
use crate::accounts::store as accounts;
use crate::auth::Auth;
use crate::auth::attempts::Attempt;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::opening::Opening;
use crate::auth::proof::Proven;
use crate::auth::reset::notes;
use crate::auth::reset::notes::Change;
use crate::auth::wire::SignedIn;
use crate::base::ids::{PasskeyId, UserId};
use crate::config::Secret;
use crate::platform::activity::Kind;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;

/// Characters in the name of a passkey at most.
const MAX_NAME: usize = 60;

fn party(auth: &Auth) -> Result<&Webauthn, AuthError> {
    auth.passkeys
        .as_deref()
        .ok_or(AuthError::PasskeysUnavailable)
}

/// What an authenticator knows a member by.
fn handle(user: UserId) -> Uuid {
    Uuid::try_parse(user.as_str()).unwrap_or_default()
}

/// Begins to make a passkey of a member, who proves again who they are.
pub(super) async fn ask_to_register(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: &Caller,
    request: AskToRegister,
) -> Result<Challenged, AuthError> {
    let party = party(auth)?;
    let given = request
        .password
        .unwrap_or_else(|| Secret::new(String::new()));
    let proven = match Proven::password(ctx, auth, me.id, caller, given).await {
        Ok(proven) => Some(proven),
        Err(AuthError::NoPassword) => None,
        Err(error) => return Err(error),
    };
    let (user, known) = ctx
        .db()
        .write(move |connection| {
            if let Some(proven) = &proven {
                proven.hold(connection)?;
            }
            let user = accounts::by_id(connection, me.id)?.ok_or(AuthError::SessionEnded)?;
            Ok::<_, AuthError>((user, store::credential_ids(connection, me.id)?))
        })
        .await?;
    let name = &user.username;
    let shown = if user.display_name.is_empty() {
        name
    } else {
        &user.display_name
    };
    let (options, state) = party
        .start_passkey_registration(handle(me.id), name, shown, Some(known))
        .map_err(AuthError::Passkey)?;
    let mut options = to_json(&options)?;
    // Signing in starts without a name, so the authenticator has to know whose the passkey is.
    if let Some(wanted) = options.pointer_mut("/publicKey/authenticatorSelection") {
        wanted["residentKey"] = "required".into();
        wanted["requireResidentKey"] = true.into();
    }
    let ceremony = Ceremony::Register(me.id, me.session);
    let challenge = ceremony::seal(ctx.keyring(), ceremony, state, ctx.now())?;
    Ok(Challenged { challenge, options })
}

fn to_json(options: &impl serde::Serialize) -> Result<Value, AuthError> {
    serde_json::to_value(options).map_err(|_no_json| AuthError::PasskeyRefused)
}

/// Makes a passkey of a member out of the answer of their browser.
pub(super) async fn register(
    ctx: &Ctx,
    auth: &Auth,
    me: CurrentUser,
    caller: Caller,
    request: Register,
) -> Result<Known, AuthError> {
    let party = party(auth)?;
    let name = checked_name(&request.name)?;
    let ceremony = Ceremony::Register(me.id, me.session);
    let opened: Opened<PasskeyRegistration> =
        ceremony::open(ctx.keyring(), ceremony, &request.challenge, ctx.now())
            .map_err(|_refused| AuthError::InvalidPasskey)?;
    let credential: RegisterPublicKeyCredential = serde_json::from_value(request.credential.into())
        .map_err(|_unreadable| AuthError::InvalidPasskey)?;
    let passkey = party
        .finish_passkey_registration(&credential, &opened.state)
        .map_err(|_refused| AuthError::InvalidPasskey)?;
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            if !store::use_challenge(connection, &opened.hash, opened.expires_at)? {
                return Err(AuthError::InvalidPasskey);
            }
            let known = store::insert(connection, me.id, &passkey, &name, now)?;
            caller.record(connection, me.id, "passkey.add", now)?;
            notes::tell(&shared, connection, me.id, Change::PasskeyAdded, now)?;
            Ok(known)
        })
        .await
}

fn checked_name(name: &str) -> Result<String, AuthError> {
    let name = name.trim();
    if (1..=MAX_NAME).contains(&name.chars().count()) && !name.contains(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(AuthError::InvalidPasskeyName)
    }
}

/// The passkeys of a member.
pub(super) async fn list(ctx: &Ctx, me: CurrentUser) -> Result<Vec<Known>, AuthError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, me.id)?))
        .await
}

/// Names a passkey of a member anew.
pub(super) async fn rename(
    ctx: &Ctx,
    me: CurrentUser,
    id: PasskeyId,
    name: &str,
) -> Result<Known, AuthError> {
    let name = checked_name(name)?;
    ctx.db()
        .write(move |connection| {
            let renamed = store::rename(connection, me.id, id, &name)?;
            renamed.ok_or(AuthError::NoSuchPasskey)
        })
        .await
}

/// Takes a passkey of a member away.
pub(super) async fn remove(
    ctx: &Ctx,
    me: CurrentUser,
    caller: Caller,
    id: PasskeyId,
) -> Result<(), AuthError> {
    let shared = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let now = shared.now();
            if !store::remove(connection, me.id, id)? {
                return Err(AuthError::NoSuchPasskey);
            }
            caller.record(connection, me.id, "passkey.remove", now)?;
            notes::tell(&shared, connection, me.id, Change::PasskeyRemoved, now)
        })
        .await
}

/// Begins a sign-in; whose it will be is not known yet.
pub(super) fn challenge(ctx: &Ctx, auth: &Auth) -> Result<Challenged, AuthError> {
    let (options, state) = party(auth)?
        .start_discoverable_authentication()
        .map_err(AuthError::Passkey)?;
    Ok(Challenged {
        challenge: ceremony::seal(ctx.keyring(), Ceremony::SignIn, state, ctx.now())?,
        options: to_json(&options)?,
    })
}

/// Signs in whoever answers a challenge by a passkey of theirs.
///
/// # Security
/// The origin, the signature, the verification of the member and the counter are held by the
/// library; here: that the passkey is the one of the member named, and that nothing counts twice.
pub(super) async fn sign_in(
    ctx: &Ctx,
    auth: &Auth,
    caller: Caller,
    request: Answer,
) -> Result<SignedIn, AuthError> {
    party(auth)?;
    let attempt = Attempt::at_name(ctx, None, &caller).await?;
    let outcome = admit(ctx, auth, caller, request).await;
    if matches!(outcome, Err(AuthError::PasskeyRefused)) {
        attempt.failed(ctx).await?;
    }
    outcome
}

async fn admit(
    ctx: &Ctx,
    auth: &Auth,
    caller: Caller,
    request: Answer,
) -> Result<SignedIn, AuthError> {
    let party = party(auth)?;
    let refused = || AuthError::PasskeyRefused;
    let opened: Opened<DiscoverableAuthentication> = ceremony::open(
        ctx.keyring(),
        Ceremony::SignIn,
        &request.challenge,
        ctx.now(),
    )?;
    let answer: PublicKeyCredential =
        serde_json::from_value(request.credential.into()).map_err(|_unreadable| refused())?;
    let (named, credential_id) = party
        .identify_discoverable_authentication(&answer)
        .map_err(|_unnamed| refused())?;
    let credential_id = credential_id.to_vec();
    let stored = ctx
        .db()
        .read(move |connection| {
            Ok::<_, AuthError>(store::by_credential(connection, &credential_id)?)
        })
        .await?;
    let mut stored = stored
        .filter(|stored| handle(stored.user) == named)
        .ok_or_else(refused)?;
    let proof = party
        .finish_discoverable_authentication_v2(&answer, opened.state, &stored.passkey)
        .map_err(|_refused| refused())?;
    if !proof.user_verified() {
        return Err(refused());
    }
    stored.passkey.update_credential(&proof);
    let opening = Opening::prepare(ctx, auth, caller)?;
    let (shared, hash, expires_at) = (ctx.clone(), opened.hash, opened.expires_at);
    let session = ctx
        .db()
        .write(move |connection| {
            let now = shared.now();
            let is_first = store::use_challenge(connection, &hash, expires_at)?;
            if !is_first || !store::note_use(connection, &stored, proof.counter(), now)? {
                return Err(AuthError::PasskeyRefused);
            }
            let user = accounts::by_id(connection, stored.user)?;
            let user = user.ok_or(AuthError::PasskeyRefused)?;
            opening.open(connection, &user, now)
        })
        .await?;
    auth.gate.revoked(&session.ended);
    ctx.activity().count(Kind::SignIn, "", ctx.now());
    Ok(session.answer)
}
