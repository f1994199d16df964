//! How somebody stands in a community, read from the rows.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Community, CommunityRole, Rank};
use crate::accounts;
use crate::accounts::authority::effective;
use crate::accounts::model::User;
use crate::base::ids::{CommunityRoleId, UserId};
use crate::base::permission::{Permission, Permissions, Place, Standing, resolve};
use crate::base::role::Role;
use crate::platform::db::schema::{community_member_roles, community_members, community_roles};

/// Somebody as they stand in a community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// Who.
    pub user: UserId,
    /// What counts for permissions.
    pub standing: Standing,
    /// How high.
    pub rank: Rank,
    /// Their roles, everyone's included.
    pub roles: Vec<CommunityRoleId>,
    /// Everyone's role.
    pub everyone: Option<CommunityRoleId>,
    /// What they are called here.
    pub nickname: Option<String>,
    /// Since when they are in it, in milliseconds since the Unix epoch.
    pub joined_at: Option<i64>,
    /// Until when they are silenced, in milliseconds since the Unix epoch.
    pub timed_out_until: Option<i64>,
}

impl Stands {
    /// What they may do in the community as a whole.
    pub fn held(&self) -> Permissions {
        resolve(&self.standing, Place::Community)
    }

    /// Whether they have anything to do with the community.
    pub fn is_inside(&self) -> bool {
        self.standing.is_member || !self.standing.staff.is_empty()
    }

    /// Since when they are in it, or `now`; in milliseconds since the Unix epoch.
    pub fn since(&self, now: Timestamp) -> i64 {
        self.joined_at.unwrap_or(now.as_millis())
    }

    /// The same person without what they hold as one of those who run the node.
    #[must_use]
    pub fn as_member(mut self) -> Self {
        self.standing.staff = Permissions::NONE;
        self
    }
}

/// A row of a member.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = community_members)]
struct Row {
    nickname: Option<String>,
    joined_at: i64,
    left_at: Option<i64>,
    timed_out_until: Option<i64>,
}

/// How a person stands in a community at this moment; whoever is unknown stands as a stranger.
///
/// # Errors
/// The database failed.
pub fn of(
    connection: &mut Connection,
    community: &Community,
    id: UserId,
    now: Timestamp,
) -> Result<Stands, DatabaseError> {
    let user = accounts::store::by_id(connection, id)?;
    let staff = match user
        .as_ref()
        .filter(|user| user.is_active() && user.is_local())
    {
        Some(user) => {
            let staff = Permissions::of_staff(effective(connection, id, user.role)?);
            if community.is_mirror() {
                in_mirror(staff)
            } else {
                staff
            }
        }
        None => Permissions::NONE,
    };
    let row = community_members::table
        .find((community.id, id))
        .select(Row::as_select());
    let row: Option<Row> = row.first(connection).optional()?;
    let given = community_member_roles::table
        .filter(community_member_roles::community_id.eq(community.id))
        .filter(community_member_roles::user_id.eq(id))
        .select(community_member_roles::role_id);
    let roles = community_roles::table
        .filter(community_roles::community_id.eq(community.id))
        .filter(
            community_roles::is_everyone
                .eq(true)
                .or(community_roles::id.eq_any(given)),
        )
        .order(community_roles::position)
        .select(CommunityRole::as_select());
    let roles: Vec<CommunityRole> = roles.load(connection)?;
    let person = Person {
        id,
        user: user.as_ref(),
        staff,
    };
    Ok(put_together(community, &person, row, &roles, now))
}

/// Seeing what is there.
const READING: Permissions =
    Permissions::only(Permission::ViewChannel).union(Permissions::only(Permission::ReadHistory));
/// Taking out what is not to be there.
const JUDGING: Permissions = Permissions::only(Permission::ManageMessages)
    .union(Permissions::only(Permission::ModerateContent));

/// What is left to those who run the node in what stands for a community of another one: they shape
/// nothing there, and take out what this node shows. Its channels are public, so whoever takes out
/// sees what.
fn in_mirror(staff: Permissions) -> Permissions {
    let judging = staff.within(JUDGING);
    if judging.is_empty() {
        staff.within(READING)
    } else {
        judging.union(READING)
    }
}

/// Whether somebody is in a community, by what is known of them.
///
/// Every account of this node belongs to the default community until a row says otherwise.
fn is_member(community: &Community, user: Option<&User>, row: Option<&Row>) -> bool {
    let Some(user) = user.filter(|user| user.is_active()) else {
        return false;
    };
    match row {
        Some(row) => row.left_at.is_none(),
        None => community.is_default && user.is_local(),
    }
}

/// A person, as the node as a whole knows them.
struct Person<'a> {
    id: UserId,
    user: Option<&'a User>,
    /// What they hold in every community, by their privileges.
    staff: Permissions,
}

fn put_together(
    community: &Community,
    person: &Person<'_>,
    row: Option<Row>,
    roles: &[CommunityRole],
    now: Timestamp,
) -> Stands {
    let Person { id, user, staff } = *person;
    let acts = |user: &&User| user.is_active() && user.is_local() && !community.is_mirror();
    let active = user.filter(acts);
    let is_member = is_member(community, user, row.as_ref());
    let is_owner = is_member && community.owner_id == Some(id);
    let row = row.filter(|_| is_member);
    let timed_out_until = row
        .as_ref()
        .and_then(|row| row.timed_out_until)
        .filter(|until| *until > now.as_millis());
    let (everyone, own): (Vec<_>, Vec<_>) = roles.iter().partition(|role| role.is_everyone);
    let union = |roles: &[&CommunityRole]| {
        let held = roles.iter().map(|role| role.permissions);
        held.fold(Permissions::NONE, Permissions::union)
    };
    let standing = Standing {
        is_member,
        is_owner,
        everyone: union(&everyone),
        roles: union(&own),
        staff,
        is_timed_out: timed_out_until.is_some(),
    };
    let highest = own.iter().map(|role| role.position).max();
    let by_role = Rank::Role(highest.filter(|_| is_member).unwrap_or(0));
    let rank = match active.map_or(Role::User, |user| user.role) {
        Role::Owner => Rank::Node,
        _ if is_owner => Rank::Owner,
        Role::User => by_role,
        role => Rank::Staff(role),
    };
    let joined_at = match &row {
        Some(row) => Some(row.joined_at),
        None => user.filter(|_| is_member).map(|user| user.created_at),
    };
    Stands {
        user: id,
        standing,
        rank,
        roles: roles.iter().map(|role| role.id).collect(),
        everyone: everyone.first().map(|role| role.id),
        nickname: row.and_then(|row| row.nickname),
        joined_at,
        timed_out_until,
    }
}
