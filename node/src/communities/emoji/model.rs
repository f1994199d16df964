//! What a custom emoji is, and what its shortcode may be; no IO.

use diesel::prelude::*;

use super::image::Picture;
use crate::base::ids::{CommunityId, EmojiId, UserId};
use crate::base::words::words;
use crate::config::Origin;
use crate::platform::db::schema::emoji;
use crate::platform::http::error::ApiError;

/// Custom emoji of one community at most (I11).
pub(super) const MOST: i64 = 200;
/// Bytes of a picture at most.
pub(super) const MAX_BYTES: usize = 256 * 1024;
/// Pixels of a picture on each side at most.
pub(super) const MAX_SIDE: u32 = 512;

words! {
    /// What kind of picture it is.
    pub enum MediaType {
        /// PNG, animated or not.
        Png = "image/png",
        /// GIF, animated or not.
        Gif = "image/gif",
        /// WebP, animated or not.
        Webp = "image/webp",
        /// JPEG.
        Jpeg = "image/jpeg",
    }
}

/// A custom emoji, without its picture.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = emoji)]
pub struct CustomEmoji {
    /// The id.
    pub id: EmojiId,
    /// Of which community.
    pub community_id: CommunityId,
    /// What it is called in texts, without the colons around it.
    pub shortcode: String,
    /// What kind of picture it is.
    pub media_type: MediaType,
    /// Pixels.
    pub width: i32,
    /// Pixels.
    pub height: i32,
    /// Who made it.
    pub created_by: UserId,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// Where the picture of a custom emoji is.
pub fn url_of(origin: &Origin, id: EmojiId) -> String {
    format!("{}/emoji/{id}", origin.as_str())
}

/// Whether a text may be a shortcode: 2 to 32 of `a-z`, `0-9` and `_`.
pub fn is_shortcode(text: &str) -> bool {
    let fits =
        |letter: u8| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == b'_';
    (2..=32).contains(&text.len()) && text.bytes().all(fits)
}

/// A shortcode that a member chose.
///
/// # Errors
/// 422: it breaks the rule.
pub(super) fn shortcode(text: &str) -> Result<String, ApiError> {
    if is_shortcode(text) {
        return Ok(text.to_owned());
    }
    let detail = "A shortcode has 2 to 32 of a-z, 0-9 and _.";
    Err(ApiError::invalid("invalid_shortcode", detail))
}

/// What a picture says of itself, when it may be an emoji.
///
/// # Errors
/// 422: it is too large, or not a picture of a kind that is taken.
pub(super) fn picture(bytes: &[u8]) -> Result<Picture, ApiError> {
    let refused = |detail: &str| Err(ApiError::invalid("invalid_emoji_image", detail));
    if bytes.len() > MAX_BYTES {
        return refused("The picture has more than 256 KiB.");
    }
    let Some(picture) = Picture::read(bytes) else {
        return refused("Send a PNG, GIF, WebP or JPEG.");
    };
    let fits = |side: u32| (1..=MAX_SIDE).contains(&side);
    if !fits(picture.width) || !fits(picture.height) {
        return refused("The picture has at most 512 pixels on each side.");
    }
    Ok(picture)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcodes_are_short_and_plain() {
        for good in ["ok", "party_parrot", "a1", &"x".repeat(32)] {
            assert!(is_shortcode(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "A1",
            "a-b",
            "a b",
            "../x",
            "\u{e4}\u{e4}",
            ":ok:",
            &"x".repeat(33),
        ] {
            assert_eq!(shortcode(bad).unwrap_err().code(), "invalid_shortcode");
        }
    }
}
