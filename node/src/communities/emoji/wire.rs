//! Custom emoji as JSON.

use serde::{Deserialize, Serialize};

use super::model::{CustomEmoji, url_of};
use crate::base::ids::{CommunityId, EmojiId, UserId};
use crate::config::Origin;

/// A custom emoji of a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct EmojiView {
    pub(super) id: EmojiId,
    /// Of which community.
    pub(super) community_id: CommunityId,
    /// What it is called in texts, without the colons around it.
    pub(super) shortcode: String,
    /// Where its picture is, for everybody; it never changes.
    pub(super) url: String,
    /// `image/png`, `image/gif`, `image/webp` or `image/jpeg`.
    pub(super) media_type: &'static str,
    /// Pixels.
    pub(super) width: i32,
    /// Pixels.
    pub(super) height: i32,
    /// Who made it.
    pub(super) created_by: UserId,
}

impl EmojiView {
    /// Shows a custom emoji.
    pub(super) fn new(emoji: &CustomEmoji, origin: &Origin) -> Self {
        Self {
            id: emoji.id,
            community_id: emoji.community_id,
            shortcode: emoji.shortcode.clone(),
            url: url_of(origin, emoji.id),
            media_type: emoji.media_type.as_str(),
            width: emoji.width,
            height: emoji.height,
            created_by: emoji.created_by,
        }
    }
}

/// The body of `POST …/emoji`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEmoji {
    /// 2 to 32 of `a-z`, `0-9` and `_`.
    pub(super) shortcode: String,
    /// A PNG, GIF, WebP or JPEG of at most 256 KiB and 512 pixels on each side, in Base64 (RFC 4648
    /// s4).
    pub(super) image: String,
}

/// The body of `PATCH …/emoji/{emoji}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchEmoji {
    /// 2 to 32 of `a-z`, `0-9` and `_`.
    pub(super) shortcode: String,
}
