//! All SQL that writes `emoji`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{CustomEmoji, MediaType};
use crate::base::ids::{CommunityId, EmojiId};
use crate::platform::db::schema::emoji;

/// Adds a custom emoji with its picture.
pub(super) fn insert(
    connection: &mut Connection,
    new: &CustomEmoji,
    bytes: &[u8],
) -> Result<(), DatabaseError> {
    diesel::insert_into(emoji::table)
        .values((
            emoji::id.eq(new.id),
            emoji::community_id.eq(new.community_id),
            emoji::shortcode.eq(&new.shortcode),
            emoji::media_type.eq(new.media_type),
            emoji::width.eq(new.width),
            emoji::height.eq(new.height),
            emoji::bytes.eq(bytes),
            emoji::created_by.eq(new.created_by),
            emoji::created_at.eq(new.created_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// The custom emoji of a community, by shortcode.
pub(super) fn list(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<Vec<CustomEmoji>, DatabaseError> {
    let rows = emoji::table
        .filter(emoji::community_id.eq(community))
        .order(emoji::shortcode)
        .select(CustomEmoji::as_select());
    Ok(rows.load(connection)?)
}

/// How many custom emoji a community has.
pub(super) fn count(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<i64, DatabaseError> {
    let rows = emoji::table.filter(emoji::community_id.eq(community));
    Ok(rows.count().get_result(connection)?)
}

/// A custom emoji of a community.
pub(super) fn by_id(
    connection: &mut Connection,
    community: CommunityId,
    id: EmojiId,
) -> Result<Option<CustomEmoji>, DatabaseError> {
    let row = emoji::table
        .find(id)
        .filter(emoji::community_id.eq(community))
        .select(CustomEmoji::as_select());
    Ok(row.first(connection).optional()?)
}

/// The custom emoji of this shortcode in a community.
///
/// # Errors
/// The database failed.
pub fn by_shortcode(
    connection: &mut Connection,
    community: CommunityId,
    shortcode: &str,
) -> Result<Option<CustomEmoji>, DatabaseError> {
    let row = emoji::table
        .filter(emoji::community_id.eq(community))
        .filter(emoji::shortcode.eq(shortcode))
        .select(CustomEmoji::as_select());
    Ok(row.first(connection).optional()?)
}

/// The shortcodes of these custom emoji, as far as they still exist.
///
/// # Errors
/// The database failed.
pub fn shortcodes(
    connection: &mut Connection,
    ids: &[EmojiId],
) -> Result<HashMap<EmojiId, String>, DatabaseError> {
    let mut found = HashMap::with_capacity(ids.len());
    // SQLite takes a bounded number of values at once.
    for ids in ids.chunks(500) {
        let rows = emoji::table
            .filter(emoji::id.eq_any(ids))
            .select((emoji::id, emoji::shortcode));
        let rows: Vec<(EmojiId, String)> = rows.load(connection)?;
        found.extend(rows);
    }
    Ok(found)
}

/// The picture of a custom emoji.
pub(super) fn picture(
    connection: &mut Connection,
    id: EmojiId,
) -> Result<Option<(MediaType, Vec<u8>)>, DatabaseError> {
    let row = emoji::table
        .find(id)
        .select((emoji::media_type, emoji::bytes));
    Ok(row.first(connection).optional()?)
}

/// Gives a custom emoji another shortcode.
pub(super) fn rename(
    connection: &mut Connection,
    id: EmojiId,
    shortcode: &str,
) -> Result<(), DatabaseError> {
    diesel::update(emoji::table.find(id))
        .set(emoji::shortcode.eq(shortcode))
        .execute(connection)?;
    Ok(())
}

/// Deletes a custom emoji.
pub(super) fn delete(connection: &mut Connection, id: EmojiId) -> Result<(), DatabaseError> {
    diesel::delete(emoji::table.find(id)).execute(connection)?;
    Ok(())
}

/// Deletes all custom emoji of a community that is gone.
pub(in crate::communities) fn clear(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<(), DatabaseError> {
    let rows = emoji::table.filter(emoji::community_id.eq(community));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
