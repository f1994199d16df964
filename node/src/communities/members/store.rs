//! All SQL that writes `community_members` and `community_member_roles`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts::model::User;
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::communities::error::CommunityError;
use crate::communities::model::{Community, MAX_JOINED};
use crate::platform::db::schema::{communities, community_member_roles, community_members, users};

/// Puts a person into a community, or back into it.
pub(in crate::communities) fn join(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        community_members::community_id.eq(community),
        community_members::user_id.eq(user),
        community_members::joined_at.eq(now.as_millis()),
    );
    let again = (
        community_members::joined_at.eq(now.as_millis()),
        community_members::left_at.eq(None::<i64>),
    );
    each_backend!(connection, c => diesel::insert_into(community_members::table)
        .values(row)
        .on_conflict((community_members::community_id, community_members::user_id))
        .do_update()
        .set(again)
        .execute(c))?;
    Ok(())
}

/// Gives a member a row, when they are one without it: an account in the default community,
/// which is in it since `joined_at` (milliseconds since the Unix epoch).
pub(in crate::communities) fn keep(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
    joined_at: i64,
) -> Result<(), DatabaseError> {
    let row = (
        community_members::community_id.eq(community),
        community_members::user_id.eq(user),
        community_members::joined_at.eq(joined_at),
    );
    each_backend!(connection, c => diesel::insert_into(community_members::table)
        .values(row)
        .on_conflict((community_members::community_id, community_members::user_id))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Puts a person out of a community; their roles and nickname are forgotten, a time-out is not.
pub(in crate::communities) fn leave(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    keep(connection, community, user, now.as_millis())?;
    diesel::update(community_members::table.find((community, user)))
        .set((
            community_members::left_at.eq(now.as_millis()),
            community_members::nickname.eq(None::<String>),
        ))
        .execute(connection)?;
    let given = community_member_roles::table
        .filter(community_member_roles::community_id.eq(community))
        .filter(community_member_roles::user_id.eq(user));
    diesel::delete(given).execute(connection)?;
    Ok(())
}

/// Drops what communities hold of somebody whose account has ended.
pub(in crate::communities) fn forget(
    connection: &mut Connection,
    user: UserId,
) -> Result<(), DatabaseError> {
    let given = community_member_roles::table.filter(community_member_roles::user_id.eq(user));
    diesel::delete(given).execute(connection)?;
    let rows = community_members::table.filter(community_members::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Stores what a member is called and until when they are silenced.
pub(super) fn update(
    connection: &mut Connection,
    (community, user): (CommunityId, UserId),
    nickname: Option<&str>,
    timed_out_until: Option<i64>,
) -> Result<(), DatabaseError> {
    diesel::update(community_members::table.find((community, user)))
        .set((
            community_members::nickname.eq(nickname),
            community_members::timed_out_until.eq(timed_out_until),
        ))
        .execute(connection)?;
    Ok(())
}

/// Gives a member a role; whether they did not have it.
pub(super) fn give(
    connection: &mut Connection,
    (community, user): (CommunityId, UserId),
    role: CommunityRoleId,
) -> Result<bool, DatabaseError> {
    let row = (
        community_member_roles::community_id.eq(community),
        community_member_roles::user_id.eq(user),
        community_member_roles::role_id.eq(role),
    );
    let given = each_backend!(connection, c => diesel::insert_into(community_member_roles::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(given == 1)
}

/// Takes a role from a member; whether they had it.
pub(super) fn take(
    connection: &mut Connection,
    (community, user): (CommunityId, UserId),
    role: CommunityRoleId,
) -> Result<bool, DatabaseError> {
    let row = community_member_roles::table.find((community, user, role));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// Goes on only while a person is in fewer communities than one may be in.
pub(in crate::communities) fn has_room(
    connection: &mut Connection,
    user: UserId,
) -> Result<(), CommunityError> {
    let living = communities::table
        .filter(communities::deleted_at.is_null())
        .select(communities::id);
    let rows = community_members::table
        .filter(community_members::user_id.eq(user))
        .filter(community_members::left_at.is_null())
        .filter(community_members::community_id.eq_any(living));
    let joined: i64 = rows.count().get_result(connection)?;
    if joined >= MAX_JOINED {
        let (what, most) = ("communities that you are in", MAX_JOINED);
        return Err(CommunityError::TooMany { what, most });
    }
    Ok(())
}

/// How many members a community has.
pub(in crate::communities) fn count(
    connection: &mut Connection,
    community: &Community,
) -> Result<i64, DatabaseError> {
    let present = community_members::table
        .filter(community_members::community_id.eq(community.id))
        .filter(community_members::left_at.is_null())
        .select(community_members::user_id);
    let people = users::table
        .filter(users::deleted_at.is_null())
        .filter(users::suspended_at.is_null());
    if !community.is_default {
        let rows = people.filter(users::id.eq_any(present));
        return Ok(rows.count().get_result(connection)?);
    }
    let left = community_members::table
        .filter(community_members::community_id.eq(community.id))
        .filter(community_members::left_at.is_not_null())
        .select(community_members::user_id);
    let rows = people
        .filter(users::domain.is_null().or(users::id.eq_any(present)))
        .filter(users::id.ne_all(left));
    Ok(rows.count().get_result(connection)?)
}

/// A member with what their row says, which those of the default community may lack: nickname, since
/// when they are in it, until when they are silenced.
pub(super) type Listed = (User, Option<String>, Option<i64>, Option<i64>);

/// The members of a community in the order of their ids, which is that of their accounts.
pub(super) fn page(
    connection: &mut Connection,
    community: &Community,
    page: &PageQuery<UserId>,
) -> Result<Page<Listed, UserId>, DatabaseError> {
    let limit = i64::from(page.limit()).saturating_add(1);
    let of_it = community_members::user_id
        .eq(users::id)
        .and(community_members::community_id.eq(community.id));
    let mut rows = users::table
        .left_join(community_members::table.on(of_it))
        .filter(users::deleted_at.is_null())
        .filter(users::suspended_at.is_null())
        .filter(community_members::left_at.is_null())
        .limit(limit)
        .select((
            User::as_select(),
            community_members::nickname.nullable(),
            community_members::joined_at.nullable(),
            community_members::timed_out_until.nullable(),
        ))
        .into_boxed();
    let has_row = community_members::user_id.is_not_null();
    rows = if community.is_default {
        rows.filter(users::domain.is_null().or(has_row))
    } else {
        rows.filter(has_row)
    };
    if let Some(before) = page.before {
        rows = rows.filter(users::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(users::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(users::id.asc())
    } else {
        rows.order(users::id.desc())
    };
    let found: Vec<Listed> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |(user, ..): &Listed| {
        user.id
    }))
}

/// The roles that these members were given.
pub(super) fn roles_of(
    connection: &mut Connection,
    community: CommunityId,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<CommunityRoleId>>, DatabaseError> {
    let rows: Vec<(UserId, CommunityRoleId)> = community_member_roles::table
        .filter(community_member_roles::community_id.eq(community))
        .filter(community_member_roles::user_id.eq_any(users))
        .order((
            community_member_roles::user_id,
            community_member_roles::role_id,
        ))
        .select((
            community_member_roles::user_id,
            community_member_roles::role_id,
        ))
        .load(connection)?;
    let mut found: HashMap<UserId, Vec<CommunityRoleId>> = HashMap::new();
    for (user, role) in rows {
        found.entry(user).or_default().push(role);
    }
    Ok(found)
}
