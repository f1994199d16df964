//! People as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::contact::DirectMessages;
use super::model::{ProfileChange, User};
use super::presence::Presence;
use super::profile::{Change, Changes, Color, Field, Picture, Status};
use crate::base::ids::UserId;
use crate::base::role::Role;
use crate::config::Origin;

/// A person as everybody sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UserView {
    /// The id on this node.
    pub id: UserId,
    /// The part of the handle before the domain.
    pub username: String,
    /// The domain of the handle; `null` for people of this node.
    pub domain: Option<String>,
    /// The name shown to people; the user name when they chose none.
    pub display_name: String,
    /// `@name@domain`.
    pub handle: String,
    /// The id of the actor.
    pub actor: String,
    /// What they say about themselves, as text.
    pub bio: String,
    /// What they may do on this node.
    pub role: Role,
    /// Since when they are known here.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// The picture of the person.
    pub avatar: Option<Picture>,
    /// The wide picture above the profile.
    pub banner: Option<Picture>,
    /// The colour of the profile.
    pub accent_color: Option<Color>,
    /// Names and values.
    pub fields: Vec<Field>,
    /// What the person is up to.
    pub status: Option<Status>,
    /// Whether the person is there; absent where that is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub presence: Option<Presence>,
}

impl UserView {
    /// Shows a person.
    pub fn new(user: &User, origin: &Origin) -> Self {
        let name = if user.display_name.is_empty() {
            &user.username
        } else {
            &user.display_name
        };
        Self {
            id: user.id,
            username: user.username.clone(),
            domain: user.domain.clone(),
            display_name: name.clone(),
            handle: user.handle(origin),
            actor: user.actor_uri.clone(),
            bio: user.bio.clone(),
            role: user.role,
            created_at: Timestamp::from_millis(user.created_at),
            avatar: user.profile.avatar.clone(),
            banner: user.profile.banner.clone(),
            accent_color: user.profile.accent_color.clone(),
            fields: user.profile.fields.clone(),
            status: user.profile.status.clone(),
            presence: None,
        }
    }

    /// The same view, to be shown now to somebody who may know whether the person is there.
    #[must_use]
    pub fn with_presence(mut self, presence: Presence) -> Self {
        self.presence = Some(presence);
        self
    }
}

/// A member as they see themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct MeView {
    /// What everybody sees.
    #[serde(flatten)]
    pub user: UserView,
    /// The e-mail address.
    pub email: Option<String>,
    /// Who may begin a conversation with them, or bring them into one.
    pub direct_messages: DirectMessages,
}

impl MeView {
    /// Shows a member to themselves.
    pub fn new(user: &User, origin: &Origin) -> Self {
        Self {
            user: UserView::new(user, origin).with_presence(user.presence),
            email: user.email.clone(),
            direct_messages: user.direct_messages,
        }
    }
}

/// The body of `PATCH /api/v1/users/@me`; what is absent stays as it is.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatchMe {
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    bio: Option<String>,
    /// `null` removes a value, absence leaves it; the same for all below.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Change<String>,
    #[serde(default)]
    #[schema(value_type = Option<Picture>)]
    avatar: Change<Picture>,
    #[serde(default)]
    #[schema(value_type = Option<Picture>)]
    banner: Change<Picture>,
    #[serde(default)]
    #[schema(value_type = Option<Color>)]
    accent_color: Change<Color>,
    /// All of them, in order.
    #[serde(default)]
    fields: Option<Vec<Field>>,
    #[serde(default)]
    #[schema(value_type = Option<Status>)]
    status: Change<Status>,
    /// Who may begin a conversation with the member, or bring them into one.
    #[serde(default)]
    direct_messages: Option<DirectMessages>,
}

impl From<PatchMe> for ProfileChange {
    fn from(patch: PatchMe) -> Self {
        let trimmed = |text: String| text.trim().to_owned();
        Self {
            display_name: patch.display_name.map(trimmed),
            bio: patch.bio.map(trimmed),
            email: patch.email,
            profile: Changes {
                avatar: patch.avatar,
                banner: patch.banner,
                accent_color: patch.accent_color,
                fields: patch.fields,
                status: patch.status,
            },
            direct_messages: patch.direct_messages,
        }
    }
}
