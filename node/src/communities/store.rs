//! All SQL that writes `communities`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::CommunityError;
use super::model::{Community, Visibility};
use crate::accounts::model::User;
use crate::base::ids::{CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{communities, community_members, users};

/// The community of this id.
///
/// # Errors
/// The database failed.
pub fn by_id(
    connection: &mut Connection,
    id: CommunityId,
) -> Result<Option<Community>, DatabaseError> {
    let row = communities::table
        .find(id)
        .filter(communities::deleted_at.is_null())
        .select(Community::as_select());
    Ok(row.first(connection).optional()?)
}

/// The community with this slug.
///
/// # Errors
/// The database failed.
pub fn by_slug(
    connection: &mut Connection,
    slug: &str,
) -> Result<Option<Community>, DatabaseError> {
    let row = communities::table
        .filter(communities::slug.eq(slug))
        .filter(communities::deleted_at.is_null())
        .select(Community::as_select());
    Ok(row.first(connection).optional()?)
}

/// The community whose actor has this id, of this node or another.
///
/// # Errors
/// The database failed.
pub fn by_actor(
    connection: &mut Connection,
    actor_uri: &str,
) -> Result<Option<Community>, DatabaseError> {
    let row = communities::table
        .filter(communities::actor_uri.eq(actor_uri))
        .filter(communities::deleted_at.is_null())
        .select(Community::as_select());
    Ok(row.first(connection).optional()?)
}

/// The community that every account of this node belongs to.
///
/// # Errors
/// The database failed.
pub fn default(connection: &mut Connection) -> Result<Option<Community>, DatabaseError> {
    let row = communities::table
        .filter(communities::is_default.eq(true))
        .filter(communities::deleted_at.is_null())
        .select(Community::as_select());
    Ok(row.first(connection).optional()?)
}

/// Adds a community.
///
/// # Errors
/// Its slug is taken.
pub(super) fn insert(
    connection: &mut Connection,
    community: &Community,
) -> Result<(), CommunityError> {
    let inserted = diesel::insert_into(communities::table)
        .values(community.clone())
        .execute(connection)
        .map_err(DatabaseError::from);
    match inserted {
        Ok(_) => Ok(()),
        Err(error) if error.is_duplicate() => Err(CommunityError::SlugTaken),
        Err(error) => Err(error.into()),
    }
}

/// Whether a community has or had this slug.
pub(super) fn is_slug_taken(
    connection: &mut Connection,
    slug: &str,
) -> Result<bool, DatabaseError> {
    let row = communities::table
        .filter(communities::slug.eq(slug))
        .select(communities::id);
    Ok(row.first::<CommunityId>(connection).optional()?.is_some())
}

/// Stores what of a community can change.
pub(super) fn update(
    connection: &mut Connection,
    community: &Community,
) -> Result<(), DatabaseError> {
    diesel::update(communities::table.find(community.id))
        .set((
            communities::name.eq(&community.name),
            communities::description.eq(&community.description),
            communities::visibility.eq(community.visibility),
            communities::owner_id.eq(community.owner_id),
            communities::updated_at.eq(community.updated_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// Marks a community as gone; its slug stays taken.
pub(super) fn bury(
    connection: &mut Connection,
    id: CommunityId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(communities::table.find(id))
        .set((
            communities::deleted_at.eq(now.as_millis()),
            communities::updated_at.eq(now.as_millis()),
            communities::owner_id.eq(None::<UserId>),
        ))
        .execute(connection)?;
    Ok(())
}

/// How many communities a member owns.
pub(super) fn count_owned(connection: &mut Connection, user: UserId) -> Result<i64, DatabaseError> {
    let rows = communities::table
        .filter(communities::owner_id.eq(user))
        .filter(communities::deleted_at.is_null());
    Ok(rows.count().get_result(connection)?)
}

/// The communities that a person is in, in the order in which they were made.
///
/// # Errors
/// The database failed.
pub fn of_member(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<Community>, DatabaseError> {
    let account = users::table
        .find(user)
        .filter(users::suspended_at.is_null())
        .filter(users::deleted_at.is_null())
        .select(User::as_select());
    let Some(account) = account.first::<User>(connection).optional()? else {
        return Ok(Vec::new());
    };
    let all = community_members::table
        .filter(community_members::user_id.eq(user))
        .select((community_members::community_id, community_members::left_at));
    let all: Vec<(CommunityId, Option<i64>)> = all.load(connection)?;
    let joined: Vec<CommunityId> = all
        .iter()
        .filter(|(_, left)| left.is_none())
        .map(|(id, _)| *id)
        .collect();
    let rows = communities::table
        .filter(communities::id.eq_any(joined))
        .filter(communities::deleted_at.is_null())
        .select(Community::as_select());
    let mut found: Vec<Community> = rows.load(connection)?;
    if account.is_local()
        && let Some(default) = default(connection)?
        && all.iter().all(|(id, _)| *id != default.id)
    {
        found.push(default);
    }
    found.sort_unstable_by_key(|community| community.id);
    Ok(found)
}

/// The communities that anybody may find, newest first.
pub(super) fn public(
    connection: &mut Connection,
    page: &PageQuery<CommunityId>,
) -> Result<Page<Community, CommunityId>, DatabaseError> {
    let mut rows = communities::table
        .filter(communities::visibility.eq(Visibility::Public))
        .filter(communities::deleted_at.is_null())
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Community::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(communities::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(communities::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(communities::id.asc())
    } else {
        rows.order(communities::id.desc())
    };
    let found: Vec<Community> = rows.load(connection)?;
    let id = |community: &Community| community.id;
    Ok(Page::newest_first(found, page, id))
}

/// Takes somebody whose account has ended away as an owner.
///
/// # Errors
/// The database failed.
pub fn disown(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let rows = communities::table.filter(communities::owner_id.eq(user));
    diesel::update(rows)
        .set(communities::owner_id.eq(None::<UserId>))
        .execute(connection)?;
    Ok(())
}
