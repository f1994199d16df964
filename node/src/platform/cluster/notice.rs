//! What one process tells the others, and the JSON it travels in.

use serde::{Deserialize, Serialize};

use crate::base::ids::{ChannelId, CommunityId, ProcessId, SessionId, UserId};

/// Something that changed in the rows and that other processes may remember otherwise.
///
/// A notice is a hint: whoever hears one forgets what it remembers and reads the rows again, so a
/// forged one does no harm and a lost one only costs the time until the next look.
///
/// Which members have a socket open is the one thing that is in no row. It is told anew every few
/// seconds and forgotten when it is not; the worst that a forged notice does is to show a member as
/// there for that long. Who is writing is told once, and shown by clients for a few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Notice {
    /// These sessions were ended.
    SessionsRevoked {
        /// Which.
        ids: Vec<SessionId>,
    },
    /// An account was suspended, deleted, or given another role.
    AccountChanged {
        /// Whose.
        user: UserId,
    },
    /// The settings of limits changed.
    LimitsChanged,
    /// The blocked addresses changed.
    BlocksChanged,
    /// The roles, or what they may do, changed.
    RolesChanged,
    /// The roles, members or channels of a community changed.
    CommunityChanged {
        /// Of which.
        community: CommunityId,
    },
    /// The policy towards other domains changed.
    DomainChanged,
    /// These members have a socket open at that process.
    MembersHere {
        /// Where.
        process: ProcessId,
        /// Who.
        users: Vec<UserId>,
    },
    /// These members have none left there.
    MembersGone {
        /// Where.
        process: ProcessId,
        /// Who.
        users: Vec<UserId>,
    },
    /// A process asks all others which members they have.
    WhoIsHere,
    /// Events were appended to the log, up to this number.
    EventsAppended {
        /// The number of the newest that the teller knows.
        head: i64,
    },
    /// A member is writing in a channel; worth something now or not at all.
    Typing {
        /// Who.
        user: UserId,
        /// Where.
        channel: ChannelId,
    },
    /// A member chose another presence, or another text with it.
    PresenceChanged {
        /// Who.
        user: UserId,
    },
    /// Notices may have been lost, or one came that this version does not know: forget everything
    /// that is remembered of the rows.
    #[serde(other)]
    Missed,
}

/// A notice with the process that sends it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    pub(super) from: ProcessId,
    #[serde(flatten)]
    pub(super) notice: Notice,
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn writes_and_reads_every_kind() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let from = ProcessId::new(now);
        let ids = vec![SessionId::new(now), SessionId::new(now)];
        let user = UserId::new(now);
        let (process, users) = (ProcessId::new(now), vec![user]);
        let gone = users.clone();
        let community = CommunityId::new(now);
        let channel = ChannelId::new(now);
        for (notice, word) in [
            (Notice::SessionsRevoked { ids }, "sessions_revoked"),
            (Notice::AccountChanged { user }, "account_changed"),
            (Notice::LimitsChanged, "limits_changed"),
            (Notice::BlocksChanged, "blocks_changed"),
            (Notice::RolesChanged, "roles_changed"),
            (Notice::CommunityChanged { community }, "community_changed"),
            (Notice::DomainChanged, "domain_changed"),
            (Notice::MembersHere { process, users }, "members_here"),
            (
                Notice::MembersGone {
                    process,
                    users: gone,
                },
                "members_gone",
            ),
            (Notice::WhoIsHere, "who_is_here"),
            (Notice::PresenceChanged { user }, "presence_changed"),
            (Notice::EventsAppended { head: 7 }, "events_appended"),
            (Notice::Typing { user, channel }, "typing"),
            (Notice::Missed, "missed"),
        ] {
            let envelope = Envelope {
                from,
                notice: notice.clone(),
            };
            let text = serde_json::to_value(&envelope).unwrap();
            assert_eq!(text["notice"], word);
            let read: Envelope = serde_json::from_value(text).unwrap();
            assert_eq!((read.from, read.notice), (from, notice));
        }
    }

    #[test]
    fn takes_the_notice_of_a_newer_version_as_something_missed() {
        let from = ProcessId::new(Timestamp::from_millis(1_795_190_734_032));
        let newer = json!({"from": from, "notice": "moons_changed", "phase": 3});
        let read: Envelope = serde_json::from_value(newer).unwrap();
        assert_eq!(read.notice, Notice::Missed);
        assert!(serde_json::from_value::<Envelope>(json!({"from": from})).is_err());
    }
}
