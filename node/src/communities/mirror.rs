//! Communities of other nodes, as far as members of this one are in them.
//!
//! Such a mirror is private: those are in it who followed one of its channels. Nobody here shapes it;
//! what its own node says of everyone is not known, and what a member may do is judged there.

use federation_core::store::sql::{Connection, DatabaseError};
use url::Url;

use super::error::CommunityError;
use super::members;
use super::model::{self, Community, Visibility, mirror_slug};
use super::roles;
use super::store;
use super::tell;
use super::wire::CommunityView;
use crate::base::ids::{CommunityId, UserId};
use crate::base::permission::{Permission, Permissions};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// The mirror of the community with this actor, made when there is none; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub fn open(
    ctx: &Ctx,
    connection: &mut Connection,
    actor: &Url,
    name: &str,
) -> Result<Community, DatabaseError> {
    if let Some(known) = store::by_actor(connection, actor.as_str())? {
        return Ok(known);
    }
    let now = ctx.now();
    let id = CommunityId::new(now);
    let host = actor.host_str().unwrap_or_default();
    let short: String = name.chars().take(model::MAX_NAME).collect();
    let mirror = Community {
        id,
        slug: mirror_slug(id, host),
        name: model::name(&short).unwrap_or_else(|_unusable| host.to_owned()),
        description: String::new(),
        visibility: Visibility::Private,
        owner_id: None,
        is_default: false,
        actor_uri: actor.to_string(),
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    match store::insert(connection, &mirror) {
        Ok(()) => {}
        Err(CommunityError::Database(error)) => return Err(error),
        Err(_taken) => return Err(DatabaseError::Malformed { what: "community" }),
    }
    roles::store::insert_everyone_with(connection, id, held(), now)?;
    Ok(mirror)
}

/// What everyone holds in a mirror: to read and to write, and nothing that shapes it.
const fn held() -> Permissions {
    Permissions::OF_NEW_EVERYONE
        .without(Permissions::only(Permission::CreateInvites))
        .without(Permissions::only(Permission::ChangeNickname))
        .without(Permissions::only(Permission::CreateThreads))
}

/// Puts a member of this node into a mirror; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub fn enter(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    mirror: &Community,
    user: UserId,
) -> Result<(), DatabaseError> {
    members::store::join(connection, mirror.id, user, ctx.now())?;
    let view = CommunityView::from(mirror);
    tell::renew_one(ctx, connection, log, user, "community.joined", &view)
}
