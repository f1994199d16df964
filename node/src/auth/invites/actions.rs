//! What those can do who may invite.

use std::time::Duration;

use federation_core::store::sql::Connection;
use http::StatusCode;

use super::store;
use super::store::{Invite, Terms};
use super::wire::{Invited, NewInvite};
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::model::{INVITE_LIFETIME, OpaqueToken};
use crate::base::ids::InviteId;
use crate::base::page::{Page, PageQuery};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Idempotency};

/// Accounts that one invitation is good for at most.
const MOST_USES: i32 = 1000;
/// How long one is good at least.
const SHORTEST: Duration = Duration::from_mins(1);
/// How long one is good at most.
const LONGEST: Duration = Duration::from_hours(90 * 24);

/// Makes an invitation.
pub(super) async fn create(
    ctx: &Ctx,
    me: CurrentUser,
    caller: Caller,
    request: NewInvite,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let terms = Terms {
        by: Some(me.id),
        uses: request.uses.unwrap_or(1),
        lifetime: request
            .expires_in
            .map_or(INVITE_LIFETIME, Duration::from_secs),
    };
    let fits =
        (1..=MOST_USES).contains(&terms.uses) && (SHORTEST..=LONGEST).contains(&terms.lifetime);
    if !fits {
        return Err(AuthError::InvalidInviteTerms.into());
    }
    let code = OpaqueToken::generate().map_err(AuthError::from)?;
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let scope = format!("invites/{}", me.id);
        idempotency.once(&shared, connection, &scope, |connection| {
            if !store::has_room(connection, me.id, now)? {
                return Err(AuthError::TooManyInvites.into());
            }
            let id = store::insert(connection, &code, terms, now)?;
            let entry = caller.entry(me.id, "invite.create").on("invite", &id);
            let entry = entry.change(None, Some(terms.recorded()));
            audit::record(connection, &entry, now)?;
            let invite = store::by_id(connection, id)?.ok_or_else(ApiError::not_found)?;
            let invited = Invited {
                invite: invite.into(),
                code: code.expose().to_owned(),
            };
            Ok((StatusCode::CREATED, invited))
        })
    };
    ctx.db().write(effect).await
}

/// Invitations, newest first.
pub(super) async fn list(
    ctx: &Ctx,
    page: PageQuery<InviteId>,
) -> Result<Page<Invite, InviteId>, AuthError> {
    ctx.db()
        .read(move |connection| Ok(store::list(connection, &page)?))
        .await
}

/// Takes an invitation back.
pub(super) async fn remove(
    ctx: &Ctx,
    me: CurrentUser,
    caller: Caller,
    id: InviteId,
) -> Result<(), ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            if !store::remove(connection, id)? {
                return Err(ApiError::not_found());
            }
            let entry = caller.entry(me.id, "invite.delete").on("invite", &id);
            audit::record(connection, &entry, now)?;
            Ok(())
        })
        .await
}
