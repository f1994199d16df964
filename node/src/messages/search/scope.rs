//! Where somebody may search: the channels whose messages they may read back.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access;
use crate::communities;
use crate::communities::error::CommunityError;
use crate::communities::model::Community;

/// What of all that somebody sees is to be searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// Only this community.
    pub community: Option<CommunityId>,
    /// Only this channel or conversation.
    pub channel: Option<ChannelId>,
}

/// The channels that somebody may search, judged from the rows.
///
/// # Errors
/// They do not see what is named, or may not read back there; the database failed.
pub(super) fn searchable(
    connection: &mut Connection,
    user: UserId,
    within: Within,
    now: Timestamp,
) -> Result<Vec<ChannelId>, CommunityError> {
    if let Some(id) = within.channel {
        let seen = access::require(connection, user, id, now)?;
        let community = within.community;
        if community.is_some() && seen.channel.community_id != community {
            return Err(CommunityError::NotFound);
        }
        seen.needs(Permission::ReadHistory)?;
        return Ok(vec![id]);
    }
    if let Some(id) = within.community {
        let community = communities::store::by_id(connection, id)?;
        let community = community.ok_or(CommunityError::NotFound)?;
        let stands = communities::standing::of(connection, &community, user, now)?;
        if !stands.is_inside() {
            return Err(CommunityError::NotFound);
        }
        return readable(connection, user, &community, now);
    }
    let mut found = channels::store::of_member(connection, user)?;
    for community in communities::store::of_member(connection, user)? {
        found.extend(readable(connection, user, &community, now)?);
    }
    Ok(found)
}

fn readable(
    connection: &mut Connection,
    user: UserId,
    community: &Community,
    now: Timestamp,
) -> Result<Vec<ChannelId>, CommunityError> {
    let stands = communities::standing::of(connection, community, user, now)?;
    let seen = access::seen_of(connection, community.id, &stands)?;
    let may_read = seen
        .into_iter()
        .filter(|(_, held)| held.contains(Permission::ReadHistory));
    Ok(may_read.map(|(channel, _)| channel.id).collect())
}
