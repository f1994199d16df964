//! What can be done with communities: one use case, one function, one transaction.

use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::{Value, json};

use super::acts;
use super::authority::Authority;
use super::error::CommunityError;
use super::invites;
use super::known::Known;
use super::members;
use super::model::{self, Community, MAX_OWNED, Slug, Visibility, actor_of};
use super::roles;
use super::store;
use super::tell::{self, Of};
use super::wire::{CommunityView, MyCommunity, NewCommunity, PatchCommunity};
use crate::accounts::acting::Acting;
use crate::base::ids::{AuditId, CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::groups;
use crate::platform::audit::Recorded;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// The slug of the community that every account belongs to.
const DEFAULT_SLUG: &str = "main";

/// Makes the default community unless there is one; answers its id when it was made now.
///
/// # Errors
/// The database failed.
pub fn ensure_default(
    ctx: &Ctx,
    connection: &mut Connection,
) -> Result<Option<CommunityId>, CommunityError> {
    // Two processes that start at once meet at this lock.
    let _log = EventLog::begin(connection)?;
    if store::default(connection)?.is_some() {
        return Ok(None);
    }
    let slug: Slug = DEFAULT_SLUG.parse()?;
    if store::is_slug_taken(connection, slug.as_str())? {
        return Ok(None);
    }
    let mut community = fresh(ctx, &slug, ctx.origin().authority().to_owned());
    community.is_default = true;
    community.visibility = Visibility::Public;
    store::insert(connection, &community)?;
    roles::store::insert_everyone(connection, community.id, ctx.now())?;
    Ok(Some(community.id))
}

fn fresh(ctx: &Ctx, slug: &Slug, name: String) -> Community {
    let now = ctx.now();
    Community {
        id: CommunityId::new(now),
        slug: slug.as_str().to_owned(),
        name,
        description: String::new(),
        visibility: Visibility::Private,
        owner_id: None,
        is_default: false,
        actor_uri: actor_of(ctx.origin(), slug),
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    }
}

/// Makes a community; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    me: &Acting,
    new: &NewCommunity,
) -> Result<CommunityView, CommunityError> {
    let slug: Slug = new.slug.parse()?;
    let mut community = fresh(ctx, &slug, model::name(&new.name)?);
    community.description = model::description(&new.description)?;
    community.visibility = new.visibility.unwrap_or(Visibility::Private);
    community.owner_id = Some(me.id);
    if store::count_owned(connection, me.id)? >= MAX_OWNED {
        let (what, most) = ("communities of yours", MAX_OWNED);
        return Err(CommunityError::TooMany { what, most });
    }
    members::store::has_room(connection, me.id)?;
    if store::is_slug_taken(connection, slug.as_str())? {
        return Err(CommunityError::SlugTaken);
    }
    store::insert(connection, &community)?;
    roles::store::insert_everyone(connection, community.id, ctx.now())?;
    members::store::join(connection, community.id, me.id, ctx.now())?;
    let entry = me.entry("community.create").on("community", &community.id);
    let after = json!({"slug": community.slug, "visibility": community.visibility});
    let entry = entry.change(None, Some(after));
    acts::record(connection, community.id, &entry, ctx.now())?;
    let view = CommunityView::from(&community);
    tell::renew_one(ctx, connection, log, me.id, "community.joined", &view)?;
    Ok(view)
}

/// The communities that a member is in.
pub(super) async fn joined(ctx: &Ctx, user: UserId) -> Result<Vec<CommunityView>, CommunityError> {
    let read = move |connection: &mut Connection| store::of_member(connection, user);
    let found = ctx.db().read(read).await?;
    Ok(found.iter().map(CommunityView::from).collect())
}

/// The communities that anybody may join.
pub(super) async fn public(
    ctx: &Ctx,
    page: PageQuery<CommunityId>,
) -> Result<Page<CommunityView, CommunityId>, CommunityError> {
    let read = move |connection: &mut Connection| store::public(connection, &page);
    let found = ctx.db().read(read).await?;
    Ok(found.map(|community| CommunityView::from(&community)))
}

/// A community, as the member sees it.
pub(super) async fn show(
    ctx: &Ctx,
    user: UserId,
    id: CommunityId,
) -> Result<MyCommunity, CommunityError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let me = Authority::of(connection, id, user, now)?;
            let is_inside = me.stands.is_inside();
            Ok(MyCommunity {
                community: CommunityView::from(&me.community),
                is_member: me.stands.standing.is_member,
                permissions: me.held(),
                member_count: members::store::count(connection, &me.community)?,
                roles: if is_inside {
                    me.stands.roles
                } else {
                    Vec::new()
                },
            })
        })
        .await
}

/// Changes a community, or hands it over.
pub(super) async fn update(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    id: CommunityId,
    patch: PatchCommunity,
) -> Result<CommunityView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        let before = authority.community.clone();
        let mut after = before.clone();
        if patch.name.is_some() || patch.description.is_some() || patch.visibility.is_some() {
            authority.needs(Permission::ManageCommunity)?;
        }
        if let Some(name) = &patch.name {
            after.name = model::name(name)?;
        }
        if let Some(description) = &patch.description {
            after.description = model::description(description)?;
        }
        after.visibility = patch.visibility.unwrap_or(after.visibility);
        if let Some(owner) = patch.owner_id {
            authority.owns()?;
            let heir = authority.member(connection, owner, now);
            let heir = heir.map_err(|error| match error {
                CommunityError::NotFound => CommunityError::NotAMember,
                other => other,
            })?;
            if store::count_owned(connection, owner)? >= MAX_OWNED {
                let (what, most) = ("communities of theirs", MAX_OWNED);
                return Err(CommunityError::TooMany { what, most });
            }
            members::store::keep(connection, id, owner, heir.since(now))?;
            after.owner_id = Some(owner);
        }
        if after == before {
            return Ok(CommunityView::from(&after));
        }
        after.updated_at = now.as_millis();
        store::update(connection, &after)?;
        let entry = me.entry("community.update").on("community", &id);
        let entry = entry.change(Some(shown(&before)), Some(shown(&after)));
        acts::record(connection, id, &entry, now)?;
        let view = CommunityView::from(&after);
        if before.visibility != after.visibility {
            groups::store::note_check(connection, id)?;
        }
        if before.owner_id == after.owner_id {
            tell::members(&held, connection, &log, id, "community.updated", &view)?;
        } else {
            tell::renew_members(&held, connection, &log, id, "community.updated", &view)?;
        }
        Ok(view)
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

fn shown(community: &Community) -> Value {
    json!({
        "name": community.name,
        "description": community.description,
        "visibility": community.visibility,
        "owner_id": community.owner_id,
    })
}

/// Deletes a community, with all that is in it.
pub(super) async fn delete(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    id: CommunityId,
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.owns()?;
        if authority.community.is_default {
            return Err(CommunityError::DefaultStays);
        }
        store::bury(connection, id, now)?;
        super::emoji::store::clear(connection, id)?;
        let entry = me.entry("community.delete").on("community", &id);
        let entry = entry.change(Some(shown(&authority.community)), None);
        acts::record(connection, id, &entry, now)?;
        let gone = Of { community_id: id };
        tell::renew_members(&held, connection, &log, id, "community.deleted", &gone)?;
        Ok(())
    };
    ctx.db().write(write).await?;
    known.changed(id);
    Ok(())
}

/// Joins a community that anybody may join.
pub(super) async fn join(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    id: CommunityId,
) -> Result<CommunityView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::of(connection, id, me.id, now)?;
        let is_open = authority.community.visibility != Visibility::Private;
        // Those who run the node see private communities, and join them by invitation all the same.
        if !is_open && !authority.stands.standing.is_member {
            return Err(CommunityError::InvalidInvite);
        }
        members::actions::admit(&held, connection, &log, &authority.community, me.id)
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

/// Joins the community that an invitation is for.
pub(super) async fn join_by(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    code: String,
) -> Result<CommunityView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let invite = invites::store::good(connection, &code, now)?;
        let community = store::by_id(connection, invite.community_id)?;
        let community = community.ok_or(CommunityError::InvalidInvite)?;
        let stands = super::standing::of(connection, &community, me.id, now)?;
        if !stands.standing.is_member {
            invites::store::used(connection, invite.id)?;
        }
        members::actions::admit(&held, connection, &log, &community, me.id)
    };
    let view: CommunityView = ctx.db().write(write).await?;
    known.changed(view.id);
    Ok(view)
}

/// What was done in a community.
pub(super) async fn acts(
    ctx: &Ctx,
    user: UserId,
    id: CommunityId,
    page: PageQuery<AuditId>,
) -> Result<Page<Recorded, AuditId>, CommunityError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, user, now)?;
            authority.needs(Permission::ViewAuditLog)?;
            let found = acts::list(connection, id, &page);
            found.map_err(|error: DatabaseError| error.into())
        })
        .await
}
