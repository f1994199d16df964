//! Reads what communities hold of a member, a page at a time.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::ExportError;
use super::model::PAGE;
use super::store::{Batch, cursor};
use super::wire::{CommunityRecord, CommunityRoleRecord};
use crate::base::ids::{ChannelId, CommunityId, CommunityInviteId, CommunityRoleId, UserId};
use crate::base::permission::Permissions;
use crate::platform::db::schema::{
    channel_member_overrides, communities, community_bans, community_invites,
    community_member_roles, community_members, community_roles,
};

/// Id, slug, name and owner of a community; what a member is called there; since when they are in
/// it, when they left, until when they are silenced.
type Membership = (
    CommunityId,
    String,
    String,
    Option<UserId>,
    Option<String>,
    i64,
    Option<i64>,
    Option<i64>,
);

/// The communities that a member is or was in. Of the default one there is a line once something is
/// kept of them there.
pub(super) fn memberships(
    connection: &mut Connection,
    user: UserId,
    after: Option<CommunityId>,
) -> Result<Batch<CommunityId>, ExportError> {
    let mut rows = community_members::table
        .inner_join(communities::table.on(communities::id.eq(community_members::community_id)))
        .filter(community_members::user_id.eq(user))
        .order(community_members::community_id)
        .limit(PAGE)
        .select((
            communities::id,
            communities::slug,
            communities::name,
            communities::owner_id,
            community_members::nickname,
            community_members::joined_at,
            community_members::left_at,
            community_members::timed_out_until,
        ))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(community_members::community_id.gt(after));
    }
    let found: Vec<Membership> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let ids: Vec<CommunityId> = found.iter().map(|(id, ..)| *id).collect();
    let mut given = roles(connection, user, &ids)?;
    let record = |(id, slug, name, owner, nickname, joined, left, silenced): Membership| {
        CommunityRecord::Membership {
            community_id: id,
            slug,
            name,
            is_owner: owner == Some(user),
            nickname,
            roles: given.remove(&id).unwrap_or_default(),
            joined_at: Timestamp::from_millis(joined),
            left_at: left.map(Timestamp::from_millis),
            timed_out_until: silenced.map(Timestamp::from_millis),
        }
    };
    Batch::of(found.into_iter().map(record), next)
}

/// The roles that a member has in these communities, the highest first.
fn roles(
    connection: &mut Connection,
    user: UserId,
    ids: &[CommunityId],
) -> Result<HashMap<CommunityId, Vec<CommunityRoleRecord>>, DatabaseError> {
    let of_role = community_roles::id.eq(community_member_roles::role_id);
    let rows: Vec<(CommunityId, CommunityRoleId, String)> = community_member_roles::table
        .inner_join(community_roles::table.on(of_role))
        .filter(community_member_roles::user_id.eq(user))
        .filter(community_member_roles::community_id.eq_any(ids))
        .order(community_roles::position.desc())
        .select((
            community_member_roles::community_id,
            community_roles::id,
            community_roles::name,
        ))
        .load(connection)?;
    let mut found: HashMap<CommunityId, Vec<CommunityRoleRecord>> = HashMap::new();
    for (community, id, name) in rows {
        let role = CommunityRoleRecord { id, name };
        found.entry(community).or_default().push(role);
    }
    Ok(found)
}

/// The bans of a member, without who set them and why.
pub(super) fn bans(
    connection: &mut Connection,
    user: UserId,
    after: Option<CommunityId>,
) -> Result<Batch<CommunityId>, ExportError> {
    let mut rows = community_bans::table
        .filter(community_bans::user_id.eq(user))
        .order(community_bans::community_id)
        .limit(PAGE)
        .select((
            community_bans::community_id,
            community_bans::created_at,
            community_bans::expires_at,
        ))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(community_bans::community_id.gt(after));
    }
    let found: Vec<(CommunityId, i64, Option<i64>)> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let record = |(community_id, created, ends): (CommunityId, i64, Option<i64>)| {
        let created_at = Timestamp::from_millis(created);
        CommunityRecord::Ban {
            community_id,
            created_at,
            expires_at: ends.map(Timestamp::from_millis),
        }
    };
    Batch::of(found.into_iter().map(record), next)
}

/// Id, community, most uses and uses of an invitation; when it was made and when it ends.
type Invitation = (
    CommunityInviteId,
    CommunityId,
    Option<i32>,
    i32,
    i64,
    Option<i64>,
);

/// The invitations into communities that a member made, without their codes, newest first.
pub(super) fn invitations(
    connection: &mut Connection,
    user: UserId,
    before: Option<CommunityInviteId>,
) -> Result<Batch<CommunityInviteId>, ExportError> {
    let mut rows = community_invites::table
        .filter(community_invites::created_by.eq(user))
        .order(community_invites::id.desc())
        .limit(PAGE)
        .select((
            community_invites::id,
            community_invites::community_id,
            community_invites::max_uses,
            community_invites::uses,
            community_invites::created_at,
            community_invites::expires_at,
        ))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(community_invites::id.lt(before));
    }
    let found: Vec<Invitation> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let record = |(id, community_id, max_uses, uses, created_at, expires_at): Invitation| {
        CommunityRecord::Invitation {
            community_id,
            id,
            max_uses,
            uses,
            created_at: Timestamp::from_millis(created_at),
            expires_at: expires_at.map(Timestamp::from_millis),
        }
    };
    Batch::of(found.into_iter().map(record), next)
}

/// What channels say of a member by name.
pub(super) fn overrides(
    connection: &mut Connection,
    user: UserId,
    after: Option<ChannelId>,
) -> Result<Batch<ChannelId>, ExportError> {
    let mut rows = channel_member_overrides::table
        .filter(channel_member_overrides::user_id.eq(user))
        .order(channel_member_overrides::channel_id)
        .limit(PAGE)
        .select((
            channel_member_overrides::channel_id,
            channel_member_overrides::allow,
            channel_member_overrides::deny,
        ))
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(channel_member_overrides::channel_id.gt(after));
    }
    let found: Vec<(ChannelId, Permissions, Permissions)> = rows.load(connection)?;
    let next = cursor(&found, |(id, ..)| *id);
    let mut records = Vec::with_capacity(found.len());
    for (channel_id, allow, deny) in found {
        records.push(CommunityRecord::Override {
            channel_id,
            allow,
            deny,
        });
    }
    Batch::of(records, next)
}
