//! What a channel says of permissions, and who is named in a private one.
//!
//! Nobody gives or takes here what they do not hold in the channel, and nobody speaks of a role or a
//! member that stands as high as they do.

use federation_core::store::sql::Connection;
use serde_json::json;

use super::actions::{community_of, named, renew};
use super::store;
use super::wire::{MemberOverride, OverridesView, PutOverride, RoleOverride};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, UserId};
use crate::base::permission::{Changes, Permission, Permissions};
use crate::channels::access::{self, Seen};
use crate::channels::model::ChannelKind;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::communities::model::Rank;
use crate::communities::roles;
use crate::communities::tell::{self, Of};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Of whom a channel says something.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    Role(CommunityRoleId),
    Member(UserId),
}

/// What a channel says, to those who may change it.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: ChannelId,
) -> Result<OverridesView, CommunityError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let seen = access::require(connection, me, id, now)?;
            community_of(&seen)?;
            seen.needs(Permission::ManageRoles)?;
            let roles = store::role_overrides(connection, id)?;
            let members = store::member_overrides(connection, id)?;
            let role = |(role_id, Changes { allow, deny })| RoleOverride {
                role_id,
                allow,
                deny,
            };
            let member = |(user_id, Changes { allow, deny })| MemberOverride {
                user_id,
                allow,
                deny,
            };
            Ok(OverridesView {
                roles: roles.into_iter().map(role).collect(),
                members: members.into_iter().map(member).collect(),
            })
        })
        .await
}

/// Has a channel say something of a role or a member; nothing said is inherited.
pub(super) async fn put(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, of): (ChannelId, Whose),
    new: PutOverride,
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let seen = access::require(connection, me.id, id, now)?;
        let community = says(&seen)?;
        seen.needs(Permission::ManageRoles)?;
        let authority = Authority::inside(connection, community, me.id, now)?;
        let after = Changes {
            allow: new.allow,
            deny: new.deny,
        };
        let before = match of {
            Whose::Role(role) => said_of_role(connection, &authority, (id, role))?,
            Whose::Member(user) => {
                let member = authority.member(connection, user, now)?;
                authority.over(&member)?;
                said_of_member(connection, id, user)?
            }
        };
        let touched = before.allow.difference(after.allow);
        let touched = touched.union(before.deny.difference(after.deny));
        holds(&seen, touched)?;
        if after == before {
            return Ok(community);
        }
        match of {
            Whose::Role(role) => store::set_role_override(connection, (id, role), after)?,
            Whose::Member(user) => store::set_member_override(connection, (id, user), after)?,
        }
        let value = |changes: Changes| {
            Some(json!({"of": of.text(), "allow": changes.allow, "deny": changes.deny}))
        };
        let entry = me.entry("channel.override").on("channel", &id);
        let entry = entry.change(value(before), value(after));
        acts::record(connection, community, &entry, now)?;
        of.renew(&held, connection, &log, community)?;
        Ok::<_, CommunityError>(community)
    };
    let community: CommunityId = ctx.db().write(write).await?;
    known.changed(community);
    Ok(())
}

/// A thread says nothing itself.
fn says(seen: &Seen) -> Result<CommunityId, CommunityError> {
    if seen.channel.kind == ChannelKind::Thread {
        let place = "In a thread holds what its channel says.";
        return Err(CommunityError::InvalidPlace(place));
    }
    community_of(seen)
}

fn holds(seen: &Seen, touched: Permissions) -> Result<(), CommunityError> {
    if !Permissions::OF_CHANNELS.covers(touched) {
        let detail = "A channel says nothing of what is of the community as a whole.";
        return Err(CommunityError::InvalidTerms(detail));
    }
    if seen.permissions.covers(touched) {
        Ok(())
    } else {
        Err(CommunityError::NotHeld)
    }
}

fn said_of_role(
    connection: &mut Connection,
    authority: &Authority,
    (id, role): (ChannelId, CommunityRoleId),
) -> Result<Changes, CommunityError> {
    let found = roles::store::by_id(connection, authority.community.id, role)?;
    let found = found.ok_or(CommunityError::NotFound)?;
    authority.above(Rank::Role(found.position))?;
    let said = store::role_overrides(connection, id)?;
    let said = said.iter().find(|(known, _)| *known == role);
    Ok(said.map(|(_, changes)| *changes).unwrap_or_default())
}

fn said_of_member(
    connection: &mut Connection,
    id: ChannelId,
    user: UserId,
) -> Result<Changes, CommunityError> {
    let said = store::member_overrides(connection, id)?;
    let said = said.iter().find(|(known, _)| *known == user);
    Ok(said.map(|(_, changes)| *changes).unwrap_or_default())
}

impl Whose {
    fn text(self) -> String {
        match self {
            Self::Role(id) => format!("role:{id}"),
            Self::Member(id) => format!("member:{id}"),
        }
    }

    /// Has the sockets look anew of those whom it concerns.
    fn renew(
        self,
        ctx: &Ctx,
        connection: &mut Connection,
        log: &EventLog,
        community: CommunityId,
    ) -> Result<(), CommunityError> {
        match self {
            Self::Role(_) => renew(ctx, connection, log, community)?,
            Self::Member(user) => {
                let of = Of {
                    community_id: community,
                };
                let op = "community.permissions_changed";
                tell::renew_one(ctx, connection, log, user, op, &of)?;
            }
        }
        Ok(())
    }
}

/// Lets a member into a private channel, or takes that back.
pub(super) async fn admit(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, user): (ChannelId, UserId),
    lets_in: bool,
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let seen = access::require(connection, me.id, id, now)?;
        let community = says(&seen)?;
        if !seen.channel.is_private {
            let place = "Only a private channel names those who see it.";
            return Err(CommunityError::InvalidPlace(place));
        }
        let authority = Authority::inside(connection, community, me.id, now)?;
        let member = authority.member(connection, user, now)?;
        let leaves = user == me.id && !lets_in;
        if !leaves {
            seen.needs(Permission::ManageRoles)?;
            if !lets_in {
                authority.over(&member)?;
            }
        }
        let before = said_of_member(connection, id, user)?;
        let view = named().allow;
        let after = Changes {
            allow: if lets_in {
                before.allow.union(view)
            } else {
                before.allow.without(view)
            },
            deny: before.deny.without(view),
        };
        // What a higher one denied somebody stays denied.
        if lets_in && before.deny.contains(Permission::ViewChannel) {
            authority.over(&member)?;
        }
        if after != before {
            store::set_member_override(connection, (id, user), after)?;
            let action = if lets_in {
                "channel.admit"
            } else {
                "channel.expel"
            };
            let entry = me.entry(action).on("channel", &id);
            let entry = entry.change(None, Some(json!({"user_id": user})));
            acts::record(connection, community, &entry, now)?;
            Whose::Member(user).renew(&held, connection, &log, community)?;
        }
        Ok(community)
    };
    let community: CommunityId = ctx.db().write(write).await?;
    known.changed(community);
    Ok(())
}
