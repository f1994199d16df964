//! What a follower of a channel is, and how its node is told; no IO.

use diesel::prelude::*;
use federation_core::vocab::Actor;

use crate::base::ids::{ChannelId, JoinId, UserId};
use crate::base::words::words;
use crate::platform::db::schema::{group_followers, group_joins};

/// Followers of one channel at most (I11).
pub const MAX_FOLLOWERS: i64 = 50_000;
/// Followers of one channel who are of the same node at most (I11): one node alone neither fills a channel
/// nor makes of each message more deliveries than these.
pub const MAX_FOLLOWERS_OF_NODE: i64 = 10_000;
/// Channels of other nodes that one member asks to be in at most (I11).
pub const MAX_JOINS: i64 = 500;
/// The property of an `Announce` that tells its place in the channel.
pub const SEQUENCE: &str = "sequence";

words! {
    /// What the node of a follower is told; one of both, never both.
    pub enum Form {
        /// What members do: the announced activity (FEP-1b12).
        Activity = "activity",
        /// What they made: the id of the announced note.
        Object = "object",
    }
}

impl Form {
    /// Software that reads activities in an `Announce`, by its name in NodeInfo.
    const GROUP_AWARE: &'static [&'static str] = &[
        "folkmoot",
        "lemmy",
        "piefed",
        "mbin",
        "kbin",
        "nodebb",
        "lotide",
        "hubzilla",
        "friendica",
        "peertube",
        "shoot",
        "spacebar",
    ];

    /// The form for this software; unknown software is taken for a microblog.
    pub fn of_software(name: &str) -> Self {
        let name = name.trim().to_ascii_lowercase();
        if Self::GROUP_AWARE.contains(&name.as_str()) {
            Self::Activity
        } else {
            Self::Object
        }
    }
}

words! {
    /// Where the wish of a member stands.
    pub enum JoinState {
        /// The other node has not answered.
        Asked = "asked",
        /// The other node agreed.
        Joined = "joined",
        /// The other node refused, or put the member out.
        Refused = "refused",
    }
}

/// An actor of another node that follows a channel.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = group_followers)]
pub struct Follower {
    /// The channel.
    pub channel_id: ChannelId,
    /// Who follows.
    pub user_id: UserId,
    /// The id of the `Follow`.
    pub activity_id: String,
    /// What their node is told.
    pub form: Form,
    /// Where it is told.
    pub inbox: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When the channel was closed to other nodes, in milliseconds since the Unix epoch: since then it is
    /// followed no longer.
    pub ended_at: Option<i64>,
}

/// The inbox by which everybody of the node of this actor is told at once, where there is one; `None`
/// when the actor names no inbox of its own node.
///
/// # Security
/// Whoever follows says where it is told: what is announced goes to no third party in its name.
pub fn inbox_of(actor: &Actor) -> Option<&url::Url> {
    let is_own = |inbox: &&url::Url| inbox.origin() == actor.id.origin();
    let shared = actor.shared_inbox.as_ref().filter(is_own);
    let own = Some(&actor.inbox).filter(is_own);
    own.map(|own| shared.unwrap_or(own))
}

/// A member of this node who asked to be in a channel of another one.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = group_joins)]
pub struct Join {
    /// The id.
    pub id: JoinId,
    /// Who asked.
    pub user_id: UserId,
    /// The id of the Group.
    pub group_uri: String,
    /// The id of its community; that of the Group where it has none.
    pub community_uri: String,
    /// Where it stands.
    pub state: JoinState,
    /// The channel of this node that stands for it.
    pub channel_id: Option<ChannelId>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

#[cfg(test)]
mod tests {
    use federation_core::vocab::{Actor, ActorKind};
    use url::Url;

    use super::{Form, JoinState, inbox_of};

    #[test]
    fn followers_are_told_at_their_own_node() {
        let url = |text: &str| Url::parse(text).unwrap();
        let id = url("https://there.example/users/eve");
        let inbox = url("https://there.example/users/eve/inbox");
        let mut actor = Actor::new(id.clone(), ActorKind::Person, inbox.clone());
        assert_eq!(inbox_of(&actor), Some(&inbox));
        actor.shared_inbox = Some(url("https://there.example/inbox"));
        assert_eq!(inbox_of(&actor), actor.shared_inbox.as_ref());
        actor.shared_inbox = Some(url("https://victim.example/inbox"));
        assert_eq!(inbox_of(&actor), Some(&inbox));
        let elsewhere = url("https://victim.example/users/victim/inbox");
        let mut actor = Actor::new(id, ActorKind::Person, elsewhere);
        assert_eq!(inbox_of(&actor), None);
        actor.shared_inbox = Some(url("https://there.example/inbox"));
        assert_eq!(inbox_of(&actor), None);
    }

    #[test]
    fn words_read_back_as_json_writes_them() {
        for form in [Form::Activity, Form::Object] {
            assert_eq!(form.as_str().parse(), Ok(form));
            assert_eq!(serde_json::to_value(form).unwrap(), form.as_str());
        }
        for state in [JoinState::Asked, JoinState::Joined, JoinState::Refused] {
            assert_eq!(state.as_str().parse(), Ok(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }

    #[test]
    fn software_is_told_what_it_reads() {
        for name in ["folkmoot", "Lemmy", " piefed", "NodeBB"] {
            assert_eq!(Form::of_software(name), Form::Activity, "{name}");
        }
        for name in ["mastodon", "gotosocial", "", "misskey", "lemmy2"] {
            assert_eq!(Form::of_software(name), Form::Object, "{name}");
        }
    }
}
