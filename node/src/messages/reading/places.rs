//! Where messages may wait for a member: their conversations, and the channels that they see as a
//! member.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, UserId};
use crate::channels;
use crate::channels::access::{self, Seen};
use crate::channels::conversations;
use crate::channels::model::ChannelKind;
use crate::communities;
use crate::communities::standing::Stands;

/// A community that a member is in, as far as reading goes.
#[derive(Clone, Debug)]
pub struct Membership {
    /// Which.
    pub community: CommunityId,
    /// Since when; what was said before is not unread. Milliseconds since the Unix epoch.
    pub since: i64,
    /// Their roles.
    pub roles: Vec<CommunityRoleId>,
    /// The channels that they see.
    pub channels: Vec<ChannelId>,
}

impl Membership {
    fn new(community: CommunityId, stands: &Stands, channels: Vec<ChannelId>) -> Self {
        Self {
            community,
            since: stands.joined_at.unwrap_or(0),
            roles: stands.roles.clone(),
            channels,
        }
    }

    /// That of a channel which the member sees; `None` for a conversation.
    pub fn of(seen: &Seen) -> Option<Self> {
        let community = seen.channel.community_id?;
        let stands = seen.stands.as_ref()?;
        Some(Self::new(community, stands, vec![seen.channel.id]))
    }
}

/// The communities that somebody is in, each with the channels that they see there as a member.
///
/// # Errors
/// The database failed.
pub fn memberships(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Membership>, DatabaseError> {
    let mut found = Vec::new();
    for community in communities::store::of_member(connection, user)? {
        let stands = communities::standing::of(connection, &community, user, now)?.as_member();
        if !stands.standing.is_member {
            continue;
        }
        let seen = access::seen_of(connection, community.id, &stands)?;
        let read = seen
            .iter()
            .filter(|(channel, _)| channel.kind != ChannelKind::Category);
        let channels = read.map(|(channel, _)| channel.id).collect();
        found.push(Membership::new(community.id, &stands, channels));
    }
    Ok(found)
}

/// A channel or conversation, with the community it is in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Which.
    pub channel: ChannelId,
    /// Its community; `None` for a conversation.
    pub membership: Option<&'a Membership>,
    /// The number of the first message that the member sees, or a smaller one.
    pub visible_from: i64,
}

impl Place<'_> {
    /// Its community.
    pub fn community(&self) -> Option<CommunityId> {
        self.membership.map(|membership| membership.community)
    }

    /// From when on messages count as unread; milliseconds since the Unix epoch.
    pub fn since(&self) -> i64 {
        self.membership.map_or(0, |membership| membership.since)
    }

    /// After which number messages count as unread, when the member has read up to `marker`: what was
    /// said in a conversation before they came does not.
    pub fn after(&self, marker: Option<i64>) -> Option<i64> {
        let came = self.visible_from.saturating_sub(1);
        marker.max(Some(came).filter(|came| *came > 0))
    }
}

/// Every place of a member, the newest channel first.
///
/// # Errors
/// The database failed.
pub fn all<'a>(
    connection: &mut Connection,
    user: UserId,
    memberships: &'a [Membership],
) -> Result<Vec<Place<'a>>, DatabaseError> {
    let direct = channels::store::of_member(connection, user)?;
    let joined = conversations::store::joined(connection, user)?;
    let direct = direct.into_iter().map(|channel| Place {
        channel,
        membership: None,
        visible_from: joined.get(&channel).map_or(0, |joined| joined.seq),
    });
    let in_communities = memberships.iter().flat_map(|membership| {
        membership.channels.iter().map(move |channel| Place {
            channel: *channel,
            membership: Some(membership),
            visible_from: 0,
        })
    });
    let mut found: Vec<Place<'a>> = direct.chain(in_communities).collect();
    found.sort_unstable_by_key(|place| std::cmp::Reverse(place.channel));
    found.dedup_by_key(|place| place.channel);
    Ok(found)
}
