//! All SQL that writes `previews` and `message_previews`.

use std::collections::HashMap;

use diesel::dsl::min;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Description, Outcome, Page, Shown, State};
use super::wire::PreviewView;
use crate::base::ids::MessageId;
use crate::platform::db::schema::{message_previews, previews};

/// Pages of one site that wait to be fetched at most (I11).
const MOST_OF_SITE: i64 = 50;
/// Pages that wait to be fetched at most (I11).
const MOST: i64 = 2000;

/// The previews that these messages show, in the order of their links.
pub(in crate::messages) fn of(
    connection: &mut Connection,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, Vec<PreviewView>>, DatabaseError> {
    let mut found: HashMap<MessageId, Vec<PreviewView>> = HashMap::new();
    // SQLite takes a bounded number of values at once.
    for ids in ids.chunks(500) {
        let rows = message_previews::table
            .filter(message_previews::message_id.eq_any(ids))
            .filter(message_previews::title.is_not_null())
            .order((message_previews::message_id, message_previews::position))
            .select(Shown::as_select());
        for row in rows.load::<Shown>(connection)? {
            let Some(title) = row.title else { continue };
            found.entry(row.message_id).or_default().push(PreviewView {
                url: row.url,
                title,
                description: row.description,
                site_name: row.site_name,
            });
        }
    }
    Ok(found)
}

/// Forgets the previews of a message, and those that it waits for; answers how many.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<usize, DatabaseError> {
    let rows = message_previews::table.filter(message_previews::message_id.eq(message));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Adds a page to a message.
pub(super) fn add(connection: &mut Connection, shown: &Shown) -> Result<(), DatabaseError> {
    diesel::insert_into(message_previews::table)
        .values(shown.clone())
        .execute(connection)?;
    Ok(())
}

/// What is known of a page.
pub(super) fn page(
    connection: &mut Connection,
    digest: &str,
) -> Result<Option<Page>, DatabaseError> {
    let row = previews::table.find(digest).select(Page::as_select());
    Ok(row.first(connection).optional()?)
}

/// Whether as many pages wait, of this site or in all, as may.
pub(super) fn is_full(connection: &mut Connection, site: &str) -> Result<bool, DatabaseError> {
    let of_site = previews::table
        .filter(previews::site.eq(site))
        .filter(previews::due_at.is_not_null())
        .order(previews::due_at)
        .offset(MOST_OF_SITE - 1)
        .limit(1)
        .select(previews::digest);
    let of_site: Option<String> = of_site.first(connection).optional()?;
    if of_site.is_some() {
        return Ok(true);
    }
    let all = previews::table
        .filter(previews::due_at.is_not_null())
        .order(previews::due_at)
        .offset(MOST - 1)
        .limit(1)
        .select(previews::digest);
    let all: Option<String> = all.first(connection).optional()?;
    Ok(all.is_some())
}

/// Has a page fetched that is not known.
pub(super) fn insert(connection: &mut Connection, page: &Page) -> Result<(), DatabaseError> {
    diesel::insert_into(previews::table)
        .values(page.clone())
        .execute(connection)?;
    Ok(())
}

/// Has a page fetched anew.
pub(super) fn renew(
    connection: &mut Connection,
    digest: &str,
    due_at: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(previews::table.find(digest))
        .set(previews::due_at.eq(due_at.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// Pages that are to be fetched, the longest due first.
pub(super) fn due(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<Page>, DatabaseError> {
    let rows = previews::table
        .filter(previews::due_at.le(now.as_millis()))
        .order(previews::due_at)
        .limit(limit)
        .select(Page::as_select());
    Ok(rows.load(connection)?)
}

/// When the next page is to be fetched.
pub(super) fn next_due(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let next: Option<i64> = previews::table
        .filter(previews::due_at.is_not_null())
        .select(min(previews::due_at))
        .first(connection)?;
    Ok(next.map(Timestamp::from_millis))
}

/// Puts a page that is due off until a later time; whether nobody else did.
pub(super) fn put_off(
    connection: &mut Connection,
    page: &Page,
    until: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = previews::table
        .find(&page.digest)
        .filter(previews::due_at.eq(page.due_at));
    let moved = diesel::update(row)
        .set(previews::due_at.eq(until.as_millis()))
        .execute(connection)?;
    Ok(moved > 0)
}

/// Notes what came of fetching a page.
pub(super) fn settle(
    connection: &mut Connection,
    digest: &str,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let (state, said) = match outcome {
        Outcome::Described(said) => (State::Described, Some(said)),
        Outcome::Bare => (State::Bare, None),
        Outcome::Failed => (State::Failed, None),
    };
    diesel::update(previews::table.find(digest))
        .set((
            previews::state.eq(state),
            previews::title.eq(said.map(|said| said.title.as_str())),
            previews::description.eq(said.and_then(|said| said.description.as_deref())),
            previews::site_name.eq(said.and_then(|said| said.site_name.as_deref())),
            previews::due_at.eq(None::<i64>),
            previews::fetched_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Messages that wait for a page.
pub(super) fn waiting(
    connection: &mut Connection,
    digest: &str,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let rows = message_previews::table
        .filter(message_previews::waiting_for.eq(digest))
        .order(message_previews::message_id)
        .limit(limit)
        .select(message_previews::message_id);
    Ok(rows.load(connection)?)
}

/// Shows a page with a message that waits for it.
pub(super) fn show(
    connection: &mut Connection,
    (message, digest): (MessageId, &str),
    said: &Description,
) -> Result<(), DatabaseError> {
    let row = message_previews::table
        .filter(message_previews::message_id.eq(message))
        .filter(message_previews::waiting_for.eq(digest));
    diesel::update(row)
        .set((
            message_previews::waiting_for.eq(None::<String>),
            message_previews::title.eq(&said.title),
            message_previews::description.eq(said.description.as_deref()),
            message_previews::site_name.eq(said.site_name.as_deref()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Lets all messages wait no more for a page that says nothing.
pub(super) fn give_up(connection: &mut Connection, digest: &str) -> Result<(), DatabaseError> {
    let rows = message_previews::table.filter(message_previews::waiting_for.eq(digest));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets up to `limit` pages that were fetched before `end`; answers how many.
pub(super) fn prune(
    connection: &mut Connection,
    end: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old = previews::table
        .filter(previews::fetched_at.lt(end.as_millis()))
        .filter(previews::due_at.is_null())
        .order(previews::fetched_at)
        .limit(limit)
        .select(previews::digest);
    let old: Vec<String> = old.load(connection)?;
    // One that is to be fetched anew since stays.
    let gone = previews::table
        .filter(previews::digest.eq_any(&old))
        .filter(previews::due_at.is_null());
    Ok(diesel::delete(gone).execute(connection)?)
}
