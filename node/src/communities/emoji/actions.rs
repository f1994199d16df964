//! What can be done with custom emoji: one use case, one function, one transaction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use federation_core::store::sql::Connection;
use serde_json::json;

use super::image::Picture;
use super::model::{self, CustomEmoji, MAX_BYTES, MOST, MediaType};
use super::store;
use super::wire::{EmojiView, NewEmoji};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, EmojiId, UserId};
use crate::base::permission::Permission;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::communities::tell::{self, Gone};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// The custom emoji of a community, by shortcode.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
) -> Result<Vec<EmojiView>, CommunityError> {
    let (now, origin) = (ctx.now(), ctx.origin().clone());
    ctx.db()
        .read(move |connection| {
            Authority::inside(connection, id, me, now)?;
            let found = store::list(connection, id)?;
            Ok(found.iter().map(|it| EmojiView::new(it, &origin)).collect())
        })
        .await
}

/// A picture as it came, with what it says of itself.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    shortcode: String,
    picture: Picture,
    bytes: Vec<u8>,
}

impl Sent {
    /// Reads what a member sends; costs nothing but time, so it is done before the transaction.
    ///
    /// # Errors
    /// 422: the shortcode or the picture breaks a rule.
    pub(super) fn read(new: &NewEmoji) -> Result<Self, ApiError> {
        let shortcode = model::shortcode(&new.shortcode)?;
        let refused = |detail: &str| ApiError::invalid("invalid_emoji_image", detail);
        if new.image.len() > MAX_BYTES.div_ceil(3).saturating_mul(4) {
            return Err(refused("The picture has more than 256 KiB."));
        }
        let bytes = BASE64
            .decode(&new.image)
            .map_err(|_not_base64| refused("The picture is not Base64."))?;
        Ok(Self {
            shortcode,
            picture: model::picture(&bytes)?,
            bytes,
        })
    }
}

/// Makes a custom emoji; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    me: &Acting,
    id: CommunityId,
    new: &Sent,
) -> Result<EmojiView, CommunityError> {
    let now = ctx.now();
    let authority = Authority::inside(connection, id, me.id, now)?;
    authority.needs(Permission::ManageEmoji)?;
    if store::count(connection, id)? >= MOST {
        let (what, most) = ("custom emoji", MOST);
        return Err(CommunityError::TooMany { what, most });
    }
    free(connection, id, &new.shortcode)?;
    // At most 512 each.
    let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
    let emoji = CustomEmoji {
        id: EmojiId::new(now),
        community_id: id,
        shortcode: new.shortcode.clone(),
        media_type: new.picture.media_type,
        width: side(new.picture.width),
        height: side(new.picture.height),
        created_by: me.id,
        created_at: now.as_millis(),
    };
    store::insert(connection, &emoji, &new.bytes)?;
    let entry = me.entry("emoji.create").on("emoji", &emoji.id);
    let entry = entry.change(None, Some(json!({"shortcode": emoji.shortcode})));
    acts::record(connection, id, &entry, now)?;
    let view = EmojiView::new(&emoji, ctx.origin());
    tell::members(ctx, connection, log, id, "emoji.created", &view)?;
    Ok(view)
}

/// Goes on only when no custom emoji of the community has that shortcode.
fn free(
    connection: &mut Connection,
    community: CommunityId,
    shortcode: &str,
) -> Result<(), CommunityError> {
    if store::by_shortcode(connection, community, shortcode)?.is_none() {
        return Ok(());
    }
    let detail = "Another emoji of the community has that shortcode.";
    Err(ApiError::conflict("shortcode_taken", detail).into())
}

/// Gives a custom emoji another shortcode; what was marked with it shows the new one.
pub(super) async fn rename(
    ctx: &Ctx,
    me: Acting,
    (id, emoji): (CommunityId, EmojiId),
    shortcode: String,
) -> Result<EmojiView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageEmoji)?;
        let before = store::by_id(connection, id, emoji)?.ok_or(CommunityError::NotFound)?;
        let mut after = before.clone();
        after.shortcode = model::shortcode(&shortcode)?;
        let view = EmojiView::new(&after, held.origin());
        if after == before {
            return Ok(view);
        }
        free(connection, id, &after.shortcode)?;
        store::rename(connection, emoji, &after.shortcode)?;
        let entry = me.entry("emoji.update").on("emoji", &emoji);
        let old = json!({"shortcode": before.shortcode});
        let entry = entry.change(Some(old), Some(json!({"shortcode": after.shortcode})));
        acts::record(connection, id, &entry, now)?;
        tell::members(&held, connection, &log, id, "emoji.updated", &view)?;
        Ok(view)
    };
    ctx.db().write(write).await
}

/// Deletes a custom emoji; what was marked with it keeps its name.
pub(super) async fn delete(
    ctx: &Ctx,
    me: Acting,
    (id, emoji): (CommunityId, EmojiId),
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageEmoji)?;
        let before = store::by_id(connection, id, emoji)?.ok_or(CommunityError::NotFound)?;
        store::delete(connection, emoji)?;
        let entry = me.entry("emoji.delete").on("emoji", &emoji);
        let old = json!({"shortcode": before.shortcode});
        acts::record(connection, id, &entry.change(Some(old), None), now)?;
        let gone = Gone {
            community_id: id,
            id: emoji,
        };
        tell::members(&held, connection, &log, id, "emoji.deleted", &gone)?;
        Ok(())
    };
    ctx.db().write(write).await
}

/// The picture of a custom emoji, for everybody.
pub(super) async fn picture(ctx: &Ctx, id: EmojiId) -> Result<(MediaType, Vec<u8>), ApiError> {
    ctx.db()
        .read(move |connection| store::picture(connection, id)?.ok_or_else(ApiError::not_found))
        .await
}
