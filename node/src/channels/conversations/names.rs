//! The ids by which other nodes know conversations, and the groups that such ids name.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::store::joined_seq;
use crate::base::ids::{ChannelId, UserId};
use crate::channels::model::Channel;
use crate::config::Origin;
use crate::platform::db::schema::{channel_contexts, channel_members, channels};

/// Groups that one id is looked for in at most (I11).
const MAX_OF_CONTEXT: i64 = 20;
const CONTEXT: &str = "context";
const CONVERSATION: &str = "conversation";

/// The ids that notes of a conversation carry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `context` (FEP-7888).
    pub context: Option<String>,
    /// `conversation`, as Mastodon writes it.
    pub conversation: Option<String>,
}

impl Names {
    /// Those that are there.
    pub fn all(&self) -> Vec<&str> {
        let names = [&self.context, &self.conversation];
        let mut all: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        all.dedup();
        all
    }
}

/// The id that this node gives a conversation.
pub fn own_context(origin: &Origin, channel: ChannelId) -> String {
    format!("{}/conversations/{channel}", origin.as_str())
}

/// `context` and `conversation` of the notes of a conversation: those with which it began, where it
/// began elsewhere.
///
/// # Errors
/// The database failed.
pub fn names(
    connection: &mut Connection,
    origin: &Origin,
    channel: ChannelId,
) -> Result<(String, String), DatabaseError> {
    let rows: Vec<(String, String)> = channel_contexts::table
        .filter(channel_contexts::channel_id.eq(channel))
        .select((channel_contexts::property, channel_contexts::uri))
        .load(connection)?;
    let mut names: HashMap<String, String> = rows.into_iter().collect();
    let (context, conversation) = (names.remove(CONTEXT), names.remove(CONVERSATION));
    let own = || own_context(origin, channel);
    let either = context.clone().or_else(|| conversation.clone());
    Ok((
        either.unwrap_or_else(own),
        conversation.or(context).unwrap_or_else(own),
    ))
}

/// Stores by which ids a group is known elsewhere.
///
/// # Errors
/// The database failed.
pub(super) fn set_names(
    connection: &mut Connection,
    channel: ChannelId,
    names: &Names,
) -> Result<(), DatabaseError> {
    for (property, uri) in [
        (CONTEXT, &names.context),
        (CONVERSATION, &names.conversation),
    ] {
        let Some(uri) = uri else { continue };
        let row = (
            channel_contexts::channel_id.eq(channel),
            channel_contexts::property.eq(property),
            channel_contexts::uri.eq(uri),
        );
        each_backend!(connection, c => diesel::insert_into(channel_contexts::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// The groups of these ids that somebody is in, the oldest first.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Who knows the id of a group and is not in it finds nothing.
pub fn by_names(
    connection: &mut Connection,
    origin: &Origin,
    names: &[&str],
    participant: UserId,
) -> Result<Vec<Channel>, DatabaseError> {
    let joined = channel_members::table
        .filter(channel_members::user_id.eq(participant))
        .select(channel_members::channel_id);
    let mut ids: Vec<ChannelId> = channel_contexts::table
        .filter(channel_contexts::uri.eq_any(names.to_vec()))
        .filter(channel_contexts::channel_id.eq_any(joined))
        .order(channel_contexts::channel_id)
        .limit(MAX_OF_CONTEXT)
        .select(channel_contexts::channel_id)
        .load(connection)?;
    let own = names.iter().filter_map(|name| own_of(origin, name));
    for id in own {
        if joined_seq(connection, id, participant)?.is_some() {
            ids.push(id);
        }
    }
    groups(connection, &ids)
}

/// The conversation that an id of this node names.
pub fn own_of(origin: &Origin, name: &str) -> Option<ChannelId> {
    let path = name.strip_prefix(origin.as_str())?;
    path.strip_prefix("/conversations/")?.parse().ok()
}

/// Those of these channels that are groups, the oldest first.
///
/// # Errors
/// The database failed.
pub fn groups(
    connection: &mut Connection,
    ids: &[ChannelId],
) -> Result<Vec<Channel>, DatabaseError> {
    let rows = channels::table
        .filter(channels::id.eq_any(ids))
        .filter(channels::is_group.eq(true))
        .filter(channels::deleted_at.is_null())
        .order(channels::id)
        .select(Channel::as_select());
    Ok(rows.load(connection)?)
}
