//! All SQL that writes `follows`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Follow, Side};
use crate::accounts::model::User;
use crate::base::ids::{FollowId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{follows, users};

/// One more than a list of followers may have, so that a longer one is seen to be longer.
const LISTED: i64 = 5_001;

/// The follow between two people, in this direction.
///
/// # Errors
/// The database failed.
pub fn between(
    connection: &mut Connection,
    follower: UserId,
    target: UserId,
) -> Result<Option<Follow>, DatabaseError> {
    let row = follows::table
        .filter(follows::follower_id.eq(follower))
        .filter(follows::followee_id.eq(target))
        .select(Follow::as_select());
    Ok(row.first(connection).optional()?)
}

/// The follow by this follower that the activity `activity_id` asked for.
///
/// # Errors
/// The database failed.
pub fn asked_by(
    connection: &mut Connection,
    follower: UserId,
    activity_id: &str,
) -> Result<Option<Follow>, DatabaseError> {
    let row = follows::table
        .filter(follows::activity_id.eq(activity_id))
        .filter(follows::follower_id.eq(follower))
        .select(Follow::as_select());
    Ok(row.first(connection).optional()?)
}

/// The follow of this followee that the activity `activity_id` asked for.
///
/// # Errors
/// The database failed.
pub fn asked_of(
    connection: &mut Connection,
    target: UserId,
    activity_id: &str,
) -> Result<Option<Follow>, DatabaseError> {
    let row = follows::table
        .filter(follows::activity_id.eq(activity_id))
        .filter(follows::followee_id.eq(target))
        .select(Follow::as_select());
    Ok(row.first(connection).optional()?)
}

/// Adds a follow; there is none between the two yet.
///
/// # Errors
/// The database failed.
pub fn insert(connection: &mut Connection, follow: &Follow) -> Result<(), DatabaseError> {
    diesel::insert_into(follows::table)
        .values(follow)
        .execute(connection)?;
    Ok(())
}

/// Adds a follow unless there is one between the two; whether it did.
///
/// # Errors
/// The database failed.
pub fn insert_if_absent(
    connection: &mut Connection,
    follow: &Follow,
) -> Result<bool, DatabaseError> {
    let inserted = each_backend!(connection, c => diesel::insert_into(follows::table)
        .values(follow)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted > 0)
}

/// Puts another activity in the place of the one that asked, and accepts.
///
/// # Errors
/// The database failed.
pub fn ask_again(
    connection: &mut Connection,
    id: FollowId,
    activity_id: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(follows::table.find(id))
        .set((
            follows::activity_id.eq(activity_id),
            follows::accepted_at.eq(Some(now.as_millis())),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that the followee agreed.
///
/// # Errors
/// The database failed.
pub fn accept(
    connection: &mut Connection,
    id: FollowId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(
        follows::table
            .find(id)
            .filter(follows::accepted_at.is_null()),
    )
    .set(follows::accepted_at.eq(Some(now.as_millis())))
    .execute(connection)?;
    Ok(())
}

/// Ends a follow.
///
/// # Errors
/// The database failed.
pub fn remove(connection: &mut Connection, id: FollowId) -> Result<(), DatabaseError> {
    diesel::delete(follows::table.find(id)).execute(connection)?;
    Ok(())
}

/// Ends every follow by and of a person; how many there were.
///
/// # Errors
/// The database failed.
pub fn remove_all_of(connection: &mut Connection, user: UserId) -> Result<usize, DatabaseError> {
    let by = diesel::delete(follows::table.filter(follows::follower_id.eq(user)));
    let removed = by.execute(connection)?;
    let of = diesel::delete(follows::table.filter(follows::followee_id.eq(user)));
    Ok(removed + of.execute(connection)?)
}

/// How many accepted follows a person has on one side.
///
/// # Errors
/// The database failed.
pub fn count(connection: &mut Connection, user: UserId, side: Side) -> Result<i64, DatabaseError> {
    let accepted = follows::table.filter(follows::accepted_at.is_not_null());
    Ok(match side {
        Side::Followers => accepted
            .filter(follows::followee_id.eq(user))
            .count()
            .get_result(connection)?,
        Side::Following => accepted
            .filter(follows::follower_id.eq(user))
            .count()
            .get_result(connection)?,
    })
}

/// The people on one side of a person's follows, newest follow first.
///
/// # Errors
/// The database failed.
pub fn list(
    connection: &mut Connection,
    user: UserId,
    side: Side,
    accepted_only: bool,
    page: &PageQuery<FollowId>,
) -> Result<Page<(Follow, User), FollowId>, DatabaseError> {
    let mut rows = follows::table
        .limit(i64::from(page.limit()) + 1)
        .select(Follow::as_select())
        .into_boxed();
    rows = match side {
        Side::Followers => rows.filter(follows::followee_id.eq(user)),
        Side::Following => rows.filter(follows::follower_id.eq(user)),
    };
    if accepted_only {
        rows = rows.filter(follows::accepted_at.is_not_null());
    }
    if let Some(before) = page.before {
        rows = rows.filter(follows::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(follows::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(follows::id.asc())
    } else {
        rows.order(follows::id.desc())
    };
    let found: Vec<Follow> = rows.load(connection)?;
    let other = |follow: &Follow| match side {
        Side::Followers => follow.follower_id,
        Side::Following => follow.followee_id,
    };
    let ids: Vec<UserId> = found.iter().map(other).collect();
    let people: Vec<User> = users::table
        .filter(users::id.eq_any(ids))
        .select(User::as_select())
        .load(connection)?;
    let people: HashMap<UserId, User> = people.into_iter().map(|user| (user.id, user)).collect();
    let found = Page::newest_first(found, page, |follow| follow.id);
    let with_person = |follow: Follow| {
        let person = people.get(&other(&follow)).cloned()?;
        Some((follow, person))
    };
    Ok(Page {
        items: found.items.into_iter().filter_map(with_person).collect(),
        next: found.next,
        prev: found.prev,
    })
}

/// The followers of a member that live on this domain, one more than a list may have.
///
/// # Errors
/// The database failed.
pub fn followers_at(
    connection: &mut Connection,
    followee: UserId,
    domain: &str,
) -> Result<Vec<String>, DatabaseError> {
    let rows = follows::table
        .inner_join(users::table.on(users::id.eq(follows::follower_id)))
        .filter(follows::followee_id.eq(followee))
        .filter(follows::accepted_at.is_not_null())
        .filter(users::domain.eq(domain))
        .order(follows::id)
        .limit(LISTED)
        .select(users::actor_uri);
    Ok(rows.load(connection)?)
}

/// The members who follow the actor of another node, one more than a list may have.
///
/// # Errors
/// The database failed.
pub fn local_followers_of(
    connection: &mut Connection,
    actor_uri: &str,
) -> Result<Vec<String>, DatabaseError> {
    let followed = users::table
        .filter(users::actor_uri.eq(actor_uri))
        .select(users::id);
    let followed: Option<UserId> = followed.first(connection).optional()?;
    let Some(followed) = followed else {
        return Ok(Vec::new());
    };
    let rows = follows::table
        .inner_join(users::table.on(users::id.eq(follows::follower_id)))
        .filter(follows::followee_id.eq(followed))
        .filter(follows::accepted_at.is_not_null())
        .filter(users::domain.is_null())
        .limit(LISTED)
        .select(users::actor_uri);
    Ok(rows.load(connection)?)
}

/// Actors of other nodes who follow a member or whom the member follows, at most `limit`.
///
/// # Errors
/// The database failed.
pub fn remote_acquaintances(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<String>, DatabaseError> {
    let accepted = follows::table.filter(follows::accepted_at.is_not_null());
    let followers = accepted.filter(follows::followee_id.eq(user));
    let following = accepted.filter(follows::follower_id.eq(user));
    let remote = users::table
        .filter(users::domain.is_not_null())
        .filter(users::deleted_at.is_null());
    let known = remote
        .filter(
            users::id
                .eq_any(followers.select(follows::follower_id))
                .or(users::id.eq_any(following.select(follows::followee_id))),
        )
        .order(users::id)
        .limit(limit)
        .select(users::actor_uri);
    Ok(known.load(connection)?)
}
