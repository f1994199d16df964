//! The links between accounts and people of the issuer: made and taken away by members who are
//! signed in.

use federation_core::store::sql::Connection;

use super::Oidc;
use super::error::OidcError;
use super::flow;
use super::store::{self, Identity};
use super::wire::{Finish, StartLink, Started};
use crate::auth::Auth;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::proof::Proven;
use crate::auth::reset::notes::{self, Change};
use crate::auth::store::revoke_all_but;
use crate::base::ids::{ExternalIdentityId, UserId};
use crate::config::Secret;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;

/// Begins to link the account of a member, who proves again who they are.
///
/// # Errors
/// The password is wrong, no issuer is set, or it cannot be reached.
pub(super) async fn start(
    ctx: &Ctx,
    auth: &Auth,
    oidc: &Oidc,
    (me, caller): (CurrentUser, &Caller),
    sent: StartLink,
) -> Result<Started, OidcError> {
    oidc.parts()?;
    let given = sent.password.unwrap_or_else(|| Secret::new(String::new()));
    match Proven::password(ctx, auth, me.id, caller, given).await {
        Ok(proven) => {
            let hold = move |connection: &mut Connection| proven.hold(connection);
            ctx.db().write(hold).await?;
        }
        // Who has none came by the issuer, or by a passkey.
        Err(AuthError::NoPassword) => {}
        Err(error) => return Err(error.into()),
    }
    flow::start(oidc, sent.redirect_uri, Some((me.id, me.session))).await
}

/// Links the person who came back to the member who is signed in.
///
/// # Errors
/// See [`OidcError`].
pub(super) async fn finish(
    ctx: &Ctx,
    oidc: &Oidc,
    sent: &Finish,
    (me, caller): (CurrentUser, Caller),
) -> Result<(), OidcError> {
    let arrived = flow::come_back(oidc, sent, Some((me.id, me.session))).await?;
    let shared = ctx.clone();
    let link = move |connection: &mut Connection| {
        let now = shared.now();
        arrived.settle(connection)?;
        arrived.person.link(connection, me.id, &caller, now)?;
        notes::tell(&shared, connection, me.id, Change::IssuerLinked, now)?;
        Ok::<_, OidcError>(())
    };
    ctx.db().write(link).await
}

/// The links of a member.
///
/// # Errors
/// The database failed.
pub(super) async fn list(ctx: &Ctx, me: UserId) -> Result<Vec<Identity>, OidcError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, me)?))
        .await
}

/// Removes a link of a member, and ends all their sessions but the one that asks: which of them
/// were opened by the link is not known.
///
/// # Errors
/// There is none such, or the member could not sign in any more.
pub(super) async fn remove(
    ctx: &Ctx,
    auth: &Auth,
    (me, caller): (CurrentUser, Caller),
    id: ExternalIdentityId,
) -> Result<(), OidcError> {
    let shared = ctx.clone();
    let remove = move |connection: &mut Connection| {
        let now = shared.now();
        let links = store::hold(connection, me.id)?;
        if !store::remove(connection, me.id, id)? {
            return Err(OidcError::NoSuchLink);
        }
        if links == 1 && !store::has_password(connection, me.id)? {
            return Err(OidcError::LastSignIn);
        }
        let ended = revoke_all_but(connection, me.id, Some(me.session), now)?;
        caller.record(connection, me.id, "external_identity.unlink", now)?;
        notes::tell(&shared, connection, me.id, Change::IssuerUnlinked, now)?;
        Ok(ended)
    };
    let ended = ctx.db().write(remove).await?;
    auth.gate.revoked(&ended);
    Ok(())
}
