//! Searching: who asks sees what they may read back at this moment, and nothing else.

use std::cmp::Reverse;
use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Deserialize;

use super::cursor::SearchCursor;
use super::excerpt::excerpt;
use super::expression::{self, Marks};
use super::find::{End, Sought};
use super::number::{self, Range};
use super::query::Query;
use super::rank::{Answer, judge};
use super::scope::{Within, searchable};
use super::wire::FoundMessage;
use super::words::{Word, words};
use crate::base::ids::{ChannelId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::channels::conversations::{self, Joined};
use crate::messages::model::Message;
use crate::messages::showing::views;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::{messages, search_entries};
use crate::platform::http::error::ApiError;

/// The newest answers that are put in order by how well they answer; older ones are left out.
pub const RANKED: usize = 500;

/// In which order answers come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The best of the newest [`RANKED`] first.
    #[default]
    Rank,
    /// The newest first, all of them.
    Newest,
}

/// What is searched for.
#[derive(Clone, Debug)]
pub struct Search {
    /// What is said.
    pub query: Query,
    /// Where.
    pub within: Within,
    /// By whom.
    pub author: Option<UserId>,
    /// Written at this moment or later.
    pub since: Option<Timestamp>,
    /// Written before this moment.
    pub until: Option<Timestamp>,
    /// With files, or without.
    pub has_attachment: Option<bool>,
    /// In which order.
    pub order: Order,
}

/// The messages that answer a search, of those that `user` may read back.
///
/// # Errors
/// They do not see the channel or community that is named, or may not read back there.
pub async fn search(
    ctx: &Ctx,
    user: UserId,
    mut search: Search,
    page: PageQuery<SearchCursor>,
) -> Result<Page<FoundMessage, SearchCursor>, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let mut since = conversations::store::joined(connection, user)?;
            let mut channels = searchable(connection, user, search.within, held.now())?;
            since.extend(conversations::store::joined(connection, user)?);
            match search.within.channel {
                // Places are times: nothing before the reader came moves a page.
                Some(id) => search.begin_at(since.get(&id)),
                None => channels.retain(|id| !since.contains_key(id)),
            }
            let sought = Sought::new(&search.query, search.marks(), channels);
            let found = match search.order {
                Order::Rank => ranked(connection, &search, (&sought, user, &since), &page)?,
                Order::Newest => newest(connection, &search, (&sought, user, &since), &page)?,
            };
            Ok(show(&held, connection, (user, &since), found)?)
        })
        .await
}

impl Search {
    /// Leaves out what was said before somebody came into a conversation.
    fn begin_at(&mut self, joined: Option<&Joined>) {
        let came = joined.map(|joined| Timestamp::from_millis(joined.at));
        self.since = self.since.max(came);
    }

    fn marks(&self) -> Marks {
        let mut marks = Marks::default();
        if let Some(author) = self.author {
            marks.any_of.push(vec![expression::author(author.as_str())]);
        }
        match self.has_attachment {
            Some(true) => marks.any_of.push(vec![expression::files()]),
            Some(false) => marks.none.push(expression::files()),
            None => {}
        }
        marks
    }

    fn range(&self) -> Range {
        Range {
            low: self.since.map_or(Range::ALL.low, number::at),
            high: self.until.map_or(Range::ALL.high, number::at),
        }
    }
}

/// From which number on somebody sees the messages of the conversations that they came into later.
type Since = HashMap<ChannelId, Joined>;

fn from(since: &Since, channel: ChannelId) -> i64 {
    since.get(&channel).map_or(0, |joined| joined.seq)
}

/// A message with the words of its text and how it answers.
struct Found {
    message: Message,
    said: Vec<Word>,
    answer: Answer,
}

/// A page of the newest answers, the best of them first.
fn ranked(
    connection: &mut Connection,
    search: &Search,
    (sought, user, since): (&Sought<'_>, UserId, &Since),
    page: &PageQuery<SearchCursor>,
) -> Result<Page<Found, SearchCursor>, DatabaseError> {
    let mut range = search.range();
    let cursor = page.before.or(page.after);
    if let Some(cursor) = cursor {
        range.high = range.high.min(cursor.newest.saturating_add(1));
    }
    let limit = i64::try_from(RANKED).unwrap_or(i64::MAX);
    let numbers = sought.numbers(connection, (range, End::Newest), limit)?;
    let newest = cursor.map(|cursor| cursor.newest);
    let newest = newest.or_else(|| numbers.first().copied());
    let mut found = answers(connection, (&search.query, user, since), &numbers)?;
    let place = |(number, found): (&i64, &Found)| SearchCursor {
        score: found.answer.score,
        number: *number,
        newest: newest.unwrap_or_default(),
    };
    let mut places: Vec<SearchCursor> = found.iter().map(place).collect();
    places.sort_unstable_by_key(|cursor| Reverse(cursor.place()));
    if let Some(before) = page.before {
        places.retain(|cursor| cursor.place() < before.place());
    }
    if let Some(after) = page.after {
        places.retain(|cursor| cursor.place() > after.place());
    }
    if page.is_forwards() {
        places.reverse();
    }
    let page = Page::newest_first(places, page, |cursor| *cursor);
    Ok(taken(page, &mut found))
}

/// A page of all answers, the newest first.
fn newest(
    connection: &mut Connection,
    search: &Search,
    (sought, user, since): (&Sought<'_>, UserId, &Since),
    page: &PageQuery<SearchCursor>,
) -> Result<Page<Found, SearchCursor>, DatabaseError> {
    let mut range = search.range();
    if let Some(before) = page.before {
        range.high = range.high.min(before.number);
    }
    if let Some(after) = page.after {
        range.low = range.low.max(after.number.saturating_add(1));
    }
    let end = if page.is_forwards() {
        End::Oldest
    } else {
        End::Newest
    };
    let limit = i64::from(page.limit()).saturating_add(1);
    let numbers = sought.numbers(connection, (range, end), limit)?;
    let page = Page::newest_first(numbers, page, |number| SearchCursor::at(*number));
    let mut found = answers(connection, (&search.query, user, since), &page.items)?;
    let page = page.map(SearchCursor::at);
    Ok(taken(page, &mut found))
}

/// The same page with what stands at its places; what was deleted in between is left out.
fn taken(
    page: Page<SearchCursor, SearchCursor>,
    found: &mut HashMap<i64, Found>,
) -> Page<Found, SearchCursor> {
    let Page { items, next, prev } = page;
    let items = items.into_iter();
    Page {
        items: items
            .filter_map(|cursor| found.remove(&cursor.number))
            .collect(),
        next,
        prev,
    }
}

/// The messages of these numbers that say what is asked for.
///
/// # Security
/// What a message says now decides, whatever the index holds. What was said in a conversation before
/// the reader came is not found, nor what others said and has no place yet.
fn answers(
    connection: &mut Connection,
    (query, reader, since): (&Query, UserId, &Since),
    numbers: &[i64],
) -> Result<HashMap<i64, Found>, DatabaseError> {
    let rows: Vec<(i64, Message)> = search_entries::table
        .inner_join(messages::table)
        .filter(search_entries::number.eq_any(numbers))
        .filter(messages::deleted_at.is_null())
        .select((search_entries::number, Message::as_select()))
        .load(connection)?;
    let is_seen = |message: &Message| message.is_seen_by(reader, from(since, message.channel_id));
    let answer = |(number, message): (i64, Message)| {
        if !is_seen(&message) {
            return None;
        }
        let said = words(&message.content);
        let answer = judge(query, &said)?;
        let found = Found {
            message,
            said,
            answer,
        };
        Some((number, found))
    };
    Ok(rows.into_iter().filter_map(answer).collect())
}

fn show(
    ctx: &Ctx,
    connection: &mut Connection,
    (user, since): (UserId, &Since),
    page: Page<Found, SearchCursor>,
) -> Result<Page<FoundMessage, SearchCursor>, DatabaseError> {
    let Page { items, next, prev } = page;
    let mut excerpts = HashMap::new();
    let mut found = Vec::with_capacity(items.len());
    for Found {
        message,
        said,
        answer,
    } in items
    {
        let part = excerpt(&message.content, &said, &answer.places);
        excerpts.insert(message.id, part);
        found.push(message);
    }
    let shown = views(ctx, connection, found)?.into_iter();
    let shown = shown.map(|message| FoundMessage {
        excerpt: excerpts.remove(&message.id).unwrap_or_default(),
        message: {
            let from = from(since, message.channel_id);
            message.seen_by(user, from)
        },
    });
    Ok(Page {
        items: shown.collect(),
        next,
        prev,
    })
}
