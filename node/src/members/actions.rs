//! What operators do with accounts of others: one use case, one function, one transaction.

use federation_core::handshake::{SessionFilter, Sessions};
use federation_core::store::sql::Connection;
use federation_core::vocab::parse_id;
use serde_json::json;

use super::store::{self, Filter};
use super::wire::NewMember;
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::announcements;
use crate::accounts::authority::{self, Authority};
use crate::accounts::edits;
use crate::accounts::error::AccountError;
use crate::accounts::model::{ProfileChange, User};
use crate::accounts::profile::Change;
use crate::accounts::standing;
use crate::auth;
use crate::auth::Auth;
use crate::auth::error::AuthError;
use crate::auth::model::OpaqueToken;
use crate::auth::reset::{self, Handed};
use crate::base::ids::{SessionId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::privilege::Privilege;
use crate::config::Secret;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Characters in the reason of a suspension at most.
const MAX_REASON: usize = 500;
/// Characters of a password that is made up.
const MADE_UP: usize = 22;

/// People that the filter lets through.
pub(super) async fn list(
    ctx: &Ctx,
    filter: Filter,
    page: PageQuery<UserId>,
) -> Result<Page<User, UserId>, ApiError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, &filter, &page)?))
        .await
}

/// A person, even when gone.
pub(super) async fn find(ctx: &Ctx, id: UserId) -> Result<User, AccountError> {
    let user = ctx
        .db()
        .read(move |connection| accounts::store::by_id(connection, id))
        .await?;
    user.ok_or(AccountError::NotFound)
}

/// Opens an account for somebody else.
pub(super) async fn open(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    new: NewMember,
) -> Result<(User, Option<String>), AuthError> {
    let made_up = match &new.password {
        Some(_) => None,
        None => Some(made_up_password()?),
    };
    let password = new.password.or_else(|| made_up.clone().map(Secret::new));
    let password = password.ok_or(AuthError::InvalidPassword)?;
    let account = auth::actions::NewAccount::check(&new.username, new.email)?;
    let hash = auth.passwords.hash(password).await?;
    let (held, now) = (ctx.clone(), ctx.now());
    let user = ctx
        .db()
        .write(move |connection| {
            Authority::of(connection, by.id, Privilege::CreateUsers)?;
            let user = account.insert(connection, held.origin(), &hash, now)?;
            let entry = by.entry("user.create").on("user", &user.id);
            let entry = entry.change(None, Some(json!({"username": user.username})));
            audit::record(connection, &entry, now)?;
            Ok::<_, AuthError>(user)
        })
        .await?;
    Ok((user, made_up))
}

fn made_up_password() -> Result<String, AuthError> {
    let token = OpaqueToken::generate()?;
    Ok(token.expose().chars().take(MADE_UP).collect())
}

/// Changes what an account of this node says about its member.
pub(super) async fn edit(
    ctx: &Ctx,
    by: Acting,
    id: UserId,
    change: ProfileChange,
) -> Result<User, AccountError> {
    let now = ctx.now();
    change.check(now)?;
    ctx.db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, Privilege::EditUsers)?;
            let user = local(connection, &authority, id)?;
            if change.email != Change::Keep {
                // Whoever reads the mail of a member can act as the member.
                authority.holds(authority::effective(connection, id, user.role)?)?;
            }
            edits::update_profile(connection, id, &change, now)?;
            announcements::note_status(connection, id, &change.profile)?;
            if change.is_shown() {
                announcements::note(connection, id, now)?;
            }
            let changed = accounts::store::by_id(connection, id)?.ok_or(AccountError::NotFound)?;
            let told = |user: &User| {
                Some(json!({
                    "display_name": user.display_name,
                    "bio": user.bio,
                    "profile": user.profile,
                    "email": user.email.is_some(),
                }))
            };
            let entry = by.entry("user.update").on("user", &id);
            audit::record(connection, &entry.change(told(&user), told(&changed)), now)?;
            Ok(changed)
        })
        .await
}

/// Somebody who is still there and within reach.
fn within_reach(
    connection: &mut Connection,
    authority: &Authority,
    id: UserId,
) -> Result<User, AccountError> {
    let user = accounts::store::by_id(connection, id)?;
    let user = user
        .filter(|user| user.deleted_at.is_none())
        .ok_or(AccountError::NotFound)?;
    authority.over(&user)?;
    Ok(user)
}

/// The same, of this node alone.
fn local(
    connection: &mut Connection,
    authority: &Authority,
    id: UserId,
) -> Result<User, AccountError> {
    let user = within_reach(connection, authority, id)?;
    if user.is_local() {
        Ok(user)
    } else {
        Err(AccountError::NotOfThisNode)
    }
}

/// Suspends a person of any node: they may not act here, and all that they have open ends.
pub(super) async fn suspend(
    ctx: &Ctx,
    (auth, sessions): (&Auth, &Sessions),
    by: Acting,
    id: UserId,
    reason: String,
) -> Result<User, ApiError> {
    let bad = |letter: char| letter.is_control() && letter != '\n';
    if reason.trim().is_empty() || reason.chars().count() > MAX_REASON || reason.chars().any(bad) {
        let detail = "Say why, in at most 500 characters.";
        return Err(ApiError::invalid("invalid_reason", detail));
    }
    let now = ctx.now();
    let (user, ended) = ctx
        .db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, Privilege::BanUsers)?;
            let user = within_reach(connection, &authority, id)?;
            if user.is_local() {
                authority::keep_an_owner(connection, id)?;
            }
            let mut ended = Vec::new();
            if standing::set_suspended(connection, id, Some(reason.trim()), now)? {
                ended = auth::store::revoke_all_but(connection, id, None, now)?;
                let entry = by.entry("user.suspend").on("user", &id);
                let entry = entry.change(None, Some(json!({"reason": reason.trim()})));
                audit::record(connection, &entry, now)?;
            }
            let user = accounts::store::by_id(connection, id)?.ok_or(AccountError::NotFound)?;
            Ok::<_, AccountError>((user, ended))
        })
        .await?;
    auth.gate.revoked(&ended);
    end_visits(ctx, sessions, &user).await?;
    Ok(user)
}

/// Ends the sessions that a person of another node has here through that node.
async fn end_visits(ctx: &Ctx, sessions: &Sessions, user: &User) -> Result<(), ApiError> {
    let Some(actor) = parse_id(&user.actor_uri).filter(|_| !user.is_local()) else {
        return Ok(());
    };
    let ending = sessions.revoke_all(SessionFilter::Subject(actor), ctx.now());
    ending.await.map_err(ApiError::internal)?;
    Ok(())
}

/// Lets a suspended person act again; they have to sign in anew.
pub(super) async fn unsuspend(ctx: &Ctx, by: Acting, id: UserId) -> Result<User, AccountError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, Privilege::BanUsers)?;
            let user = within_reach(connection, &authority, id)?;
            if standing::set_suspended(connection, id, None, now)? {
                let entry = by.entry("user.unsuspend").on("user", &id);
                let before = json!({"reason": user.suspension_reason});
                audit::record(connection, &entry.change(Some(before), None), now)?;
            }
            accounts::store::by_id(connection, id)?.ok_or(AccountError::NotFound)
        })
        .await
}

/// Makes a code by which a member sets a new password, to be handed over by the operator; the old
/// password and every sign-in end, since somebody else may hold them.
pub(super) async fn reset_password(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    id: UserId,
) -> Result<OpaqueToken, AuthError> {
    let now = ctx.now();
    let (code, ended) = ctx
        .db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, Privilege::ResetUserTokens)?;
            let user = local(connection, &authority, id)?;
            // Whoever has the code can act as the member.
            authority.holds(authority::effective(connection, id, user.role)?)?;
            let code = reset::issue(connection, id, Handed::InPerson, now)?;
            auth::credentials::forget(connection, id)?;
            let ended = auth::store::revoke_all_but(connection, id, None, now)?;
            let entry = by.entry("user.reset_password").on("user", &id);
            audit::record(connection, &entry, now)?;
            Ok::<_, AuthError>((code, ended))
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(code)
}

/// Ends every sign-in of a member; how many there were.
pub(super) async fn reset_sessions(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    id: UserId,
) -> Result<usize, AccountError> {
    let now = ctx.now();
    let ended: Vec<SessionId> = ctx
        .db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, Privilege::ResetUserTokens)?;
            local(connection, &authority, id)?;
            let ended = auth::store::revoke_all_but(connection, id, None, now)?;
            let entry = by.entry("user.reset_sessions").on("user", &id);
            let entry = entry.change(None, Some(json!({"ended": ended.len()})));
            audit::record(connection, &entry, now)?;
            Ok::<_, AccountError>(ended)
        })
        .await?;
    auth.gate.revoked(&ended);
    Ok(ended.len())
}
