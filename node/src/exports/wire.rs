//! The request, and the records of the archive as JSON; no secret is part of any.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounts::contact::DirectMessages;
use crate::accounts::model::User;
use crate::accounts::presence::Presence;
use crate::accounts::wire::UserView;
use crate::base::ids::{
    ApplicationId, ChannelId, CommunityId, CommunityInviteId, CommunityRoleId, ExternalIdentityId,
    InviteId, MessageId, NotificationId, PasskeyId, RoleId, SessionId, UserId,
};
use crate::base::permission::Permissions;
use crate::blocks::model::BlockKind;
use crate::channels::model::ChannelKind;
use crate::config::{Origin, Secret};
use crate::follows::model::{Follow, FollowState, Side};
use crate::messages::forwards::ForwardView;
use crate::messages::wire::DeliveryView;
use crate::notifications::model::{Level, NotificationKind};
use crate::notifications::preferences::ScopeOfChoice;

/// The body of `POST /api/v1/users/@me/export`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportMe {
    /// The password of the account.
    #[schema(value_type = String)]
    pub(super) password: Secret<String>,
    /// A one-time code, where the account asks for one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) otp: Option<Secret<String>>,
}

/// `account.json`.
#[derive(Debug, Serialize)]
pub(super) struct AccountRecord {
    #[serde(flatten)]
    pub(super) user: UserView,
    pub(super) updated_at: Timestamp,
    pub(super) presence: Presence,
    pub(super) direct_messages: DirectMessages,
    pub(super) email: Option<String>,
    pub(super) email_confirmed_at: Option<Timestamp>,
    pub(super) roles: Vec<RoleRecord>,
    pub(super) accepted_terms: Vec<TermsRecord>,
    pub(super) password_changed_at: Option<Timestamp>,
    pub(super) second_factor_since: Option<Timestamp>,
    pub(super) recovery_codes_left: i64,
}

/// A role beside the built-in one.
#[derive(Debug, Serialize)]
pub(super) struct RoleRecord {
    pub(super) id: RoleId,
    pub(super) name: String,
    pub(super) given_at: Timestamp,
}

/// Terms of use that were agreed to.
#[derive(Debug, Serialize)]
pub(super) struct TermsRecord {
    pub(super) version: String,
    pub(super) accepted_at: Timestamp,
}

/// A line of `sessions.jsonl` and of `grants.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct SessionRecord {
    pub(super) id: SessionId,
    /// `sign_in`, `external`, `application` or `personal_token`.
    pub(super) kind: String,
    /// What the client called itself; the name of an application or token.
    pub(super) client: String,
    pub(super) application_id: Option<ApplicationId>,
    pub(super) scopes: String,
    pub(super) device_name: Option<String>,
    pub(super) last_network: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Timestamp,
    pub(super) expires_at: Timestamp,
    pub(super) ended_at: Option<Timestamp>,
}

/// A line of `passkeys.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct PasskeyRecord {
    pub(super) id: PasskeyId,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Option<Timestamp>,
}

/// A line of `identities.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct IdentityRecord {
    pub(super) id: ExternalIdentityId,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) created_at: Timestamp,
    pub(super) last_used_at: Timestamp,
}

/// A line of `invitations.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct InvitationRecord {
    pub(super) id: InviteId,
    pub(super) max_uses: i32,
    pub(super) uses: i32,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
}

/// A line of `follows.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct FollowRecord {
    /// `following` or `follower`.
    pub(super) side: &'static str,
    pub(super) handle: String,
    pub(super) actor: String,
    pub(super) activity: String,
    pub(super) state: FollowState,
    pub(super) created_at: Timestamp,
    pub(super) accepted_at: Option<Timestamp>,
}

/// A line of `communities.jsonl`.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum CommunityRecord {
    /// The member is in it, or was.
    Membership {
        community_id: CommunityId,
        slug: String,
        name: String,
        is_owner: bool,
        nickname: Option<String>,
        roles: Vec<CommunityRoleRecord>,
        joined_at: Timestamp,
        left_at: Option<Timestamp>,
        timed_out_until: Option<Timestamp>,
    },
    /// The member is banned from it.
    Ban {
        community_id: CommunityId,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
    },
    /// The member made an invitation into it.
    Invitation {
        community_id: CommunityId,
        id: CommunityInviteId,
        max_uses: Option<i32>,
        uses: i32,
        created_at: Timestamp,
        expires_at: Option<Timestamp>,
    },
    /// A channel says of the member what they may do there.
    Override {
        channel_id: ChannelId,
        allow: Permissions,
        deny: Permissions,
    },
}

/// A line of `personal.jsonl`.
#[derive(Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub(super) enum PersonalRecord {
    /// Somebody whom the member blocked or muted.
    Block {
        kind: BlockKind,
        user_id: UserId,
        handle: String,
        created_at: Timestamp,
    },
    /// What the member has begun to write.
    Draft {
        channel_id: ChannelId,
        content: String,
        reply_to: Option<MessageId>,
        updated_at: Timestamp,
    },
    /// Of what the member wants to be told.
    Preference {
        scope: ScopeOfChoice,
        /// The community or channel; empty for the account.
        id: String,
        level: Level,
        muted_until: Option<Timestamp>,
        suppress_everyone: Option<bool>,
    },
    /// How far the member has read.
    ReadMarker {
        channel_id: ChannelId,
        /// The place of the message in its channel.
        seq: i64,
        updated_at: Timestamp,
    },
    /// What the member was told of.
    Notification {
        id: NotificationId,
        kind: NotificationKind,
        actor_id: Option<UserId>,
        community_id: Option<CommunityId>,
        channel_id: Option<ChannelId>,
        message_id: Option<MessageId>,
        created_at: Timestamp,
        read_at: Option<Timestamp>,
    },
}

/// A role in a community.
#[derive(Debug, Serialize)]
pub(super) struct CommunityRoleRecord {
    pub(super) id: CommunityRoleId,
    pub(super) name: String,
}

/// A line of `conversations.jsonl`.
#[derive(Debug, Serialize)]
pub(super) struct ConversationRecord {
    pub(super) id: ChannelId,
    pub(super) kind: ChannelKind,
    pub(super) name: Option<String>,
    pub(super) created_at: Timestamp,
    pub(super) joined_at: Timestamp,
    pub(super) participants: Vec<PersonRecord>,
}

/// Somebody in a conversation.
#[derive(Debug, Serialize)]
pub(super) struct PersonRecord {
    pub(super) id: UserId,
    pub(super) handle: String,
    pub(super) actor: String,
}

/// A line of `messages-0001.jsonl` and those after it.
#[derive(Debug, Serialize)]
pub(super) struct MessageRecord {
    pub(super) id: MessageId,
    pub(super) conversation_id: ChannelId,
    pub(super) seq: i64,
    pub(super) author_id: UserId,
    pub(super) author: Option<String>,
    /// Whether the member wrote it.
    pub(super) is_own: bool,
    pub(super) uri: String,
    /// Markdown; empty once deleted.
    pub(super) content: String,
    /// Sanitised HTML; empty once deleted.
    pub(super) html: String,
    pub(super) reply_to: Option<MessageId>,
    /// What it passes on.
    pub(super) forwarded: Option<ForwardView>,
    pub(super) created_at: Timestamp,
    pub(super) edited_at: Option<Timestamp>,
    pub(super) deleted_at: Option<Timestamp>,
    /// How far own ones have come to people of other nodes.
    pub(super) delivery: Vec<DeliveryView>,
}

/// A line of `edits.jsonl`: what an own message said before.
#[derive(Debug, Serialize)]
pub(super) struct EditRecord {
    pub(super) message_id: MessageId,
    /// 1 is what was written first.
    pub(super) revision: i32,
    /// Markdown.
    pub(super) content: String,
    /// Sanitised HTML.
    pub(super) html: String,
    /// Since when the message said this.
    pub(super) edited_at: Timestamp,
}

impl FollowRecord {
    /// A follow, from the side of the member.
    pub(super) fn new(side: Side, follow: Follow, person: &User, origin: &Origin) -> Self {
        Self {
            side: match side {
                Side::Following => "following",
                Side::Followers => "follower",
            },
            handle: person.handle(origin),
            actor: person.actor_uri.clone(),
            state: follow.state(),
            created_at: Timestamp::from_millis(follow.created_at),
            accepted_at: follow.accepted_at.map(Timestamp::from_millis),
            activity: follow.activity_id,
        }
    }
}
