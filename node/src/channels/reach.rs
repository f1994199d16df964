//! Which channels other nodes may know of.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::access::layered;
use super::model::Channel;
use crate::base::ids::UserId;
use crate::base::permission::{Permission, Place, resolve};
use crate::communities;
use crate::communities::model::{Community, Visibility};

/// Whether other nodes may know of a channel of this one and read it: its community is public, and
/// whoever is in that sees the channel with what was said before.
///
/// # Errors
/// The database failed.
pub fn is_public(
    connection: &mut Connection,
    channel: &Channel,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let Some(id) = channel.community_id.filter(|_| channel.kind.is_group()) else {
        return Ok(false);
    };
    let community = communities::store::by_id(connection, id)?;
    let is_open = |community: &Community| {
        community.visibility == Visibility::Public && !community.is_mirror()
    };
    let Some(community) = community.filter(is_open) else {
        return Ok(false);
    };
    // Somebody without a name, who holds what everyone holds and nothing else.
    let mut stands = communities::standing::of(connection, &community, UserId::new(now), now)?;
    stands.standing.is_member = true;
    let layered = layered(connection, channel, &stands)?;
    let held = resolve(&stands.standing, Place::Channel(&layered));
    Ok(held.contains(Permission::ViewChannel) && held.contains(Permission::ReadHistory))
}
