//! What happens to previews: one use case, one function, one transaction.

use std::collections::HashMap;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::model::{self, Description, Outcome, Page, Shown, State};
use super::store;
use super::wire::PreviewsEvent;
use crate::accounts::acting::Acting;
use crate::communities::acts;
use crate::messages;
use crate::messages::actions::{Place, find, moderate};
use crate::messages::model::Message;
use crate::messages::telling::tell_of;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Pages that are looked at for one round.
const LOOKED_AT: i64 = 64;
/// Pages fetched in one round at most.
const AT_ONCE: usize = 16;
/// Pages of one site fetched in one round at most.
const OF_SITE: usize = 4;
/// When a page is fetched again whose fetching did not end: the process died.
const LEASE: Duration = Duration::from_mins(1);
/// When one is looked at again whose site has its share of the round.
const LATER: Duration = Duration::from_millis(500);
/// Messages told in one transaction.
const TOLD_AT_ONCE: i64 = 50;

/// Asks for the pages of a message that was changed, in the place of those before; as [`ask`].
pub(in crate::messages) fn ask_again(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<bool, DatabaseError> {
    store::clear(connection, message.id)?;
    ask(ctx, connection, message)
}

/// Asks for the pages of a message that was written just now; what is known of them already is shown at
/// once, and whether there is any of that is answered.
///
/// To be called before the message is shown to anybody.
pub(in crate::messages) fn ask(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<bool, DatabaseError> {
    let now = ctx.now();
    if !ctx.config().previews.enabled || model::is_old(message, now) {
        return Ok(false);
    }
    let mut is_any_known = false;
    let links = model::links(ctx.origin(), ctx.domains(), message);
    for (position, link) in (0..).zip(links) {
        let digest = link.digest();
        let known = store::page(connection, &digest)?;
        let mut shown = Shown {
            message_id: message.id,
            position,
            url: link.url.clone(),
            waiting_for: None,
            title: None,
            description: None,
            site_name: None,
        };
        match known {
            Some(page) if page.is_fresh(now) => {
                let Some(said) = page.description() else {
                    continue;
                };
                shown.title = Some(said.title);
                shown.description = said.description;
                shown.site_name = said.site_name;
            }
            Some(page) if page.due_at.is_some() => shown.waiting_for = Some(digest),
            _ if store::is_full(connection, &link.site())? => continue,
            known => {
                let due_at = model::due_at(ctx.origin(), message, &digest, now);
                match known {
                    Some(page) => store::renew(connection, &page.digest, due_at)?,
                    None => store::insert(connection, &wanted(&link, digest.clone(), due_at))?,
                }
                shown.waiting_for = Some(digest);
            }
        }
        is_any_known |= shown.title.is_some();
        store::add(connection, &shown)?;
    }
    Ok(is_any_known)
}

fn wanted(link: &model::Link, digest: String, due_at: Timestamp) -> Page {
    Page {
        digest,
        url: link.page.as_str().to_owned(),
        site: link.site(),
        state: State::Wanted,
        title: None,
        description: None,
        site_name: None,
        due_at: Some(due_at.as_millis()),
        fetched_at: None,
    }
}

/// Takes the pages that are to be fetched now: few of each site, so that none has the whole round.
pub(super) fn take(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<Page>, DatabaseError> {
    let mut taken: Vec<Page> = Vec::new();
    let mut of_sites: HashMap<String, usize> = HashMap::new();
    for page in store::due(connection, now, LOOKED_AT)? {
        if taken.len() >= AT_ONCE {
            break;
        }
        let of_site = of_sites.entry(page.site.clone()).or_default();
        if *of_site >= OF_SITE {
            store::put_off(connection, &page, now.plus(LATER))?;
        } else if store::put_off(connection, &page, now.plus(LEASE))? {
            *of_site = of_site.saturating_add(1);
            taken.push(page);
        }
    }
    Ok(taken)
}

/// Notes what came of fetching a page, and shows it with the messages that wait for it, some at a
/// time; whether that was all of them.
///
/// Until all were told the page stays taken, so that another round goes on if this one ends.
pub(super) fn settle(
    ctx: &Ctx,
    connection: &mut Connection,
    digest: &str,
    outcome: &Outcome,
) -> Result<bool, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let is_last = match outcome {
        Outcome::Described(said) => show(ctx, connection, &log, (digest, said))?,
        Outcome::Bare | Outcome::Failed => {
            store::give_up(connection, digest)?;
            true
        }
    };
    if is_last {
        store::settle(connection, digest, outcome, ctx.now())?;
    }
    Ok(is_last)
}

fn show(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (digest, said): (&str, &Description),
) -> Result<bool, DatabaseError> {
    let waiting = store::waiting(connection, digest, TOLD_AT_ONCE)?;
    for id in &waiting {
        store::show(connection, (*id, digest), said)?;
        let message = messages::store::anywhere(connection, *id)?;
        if let Some(message) = message.filter(|message| message.deleted_at.is_none()) {
            tell(ctx, connection, log, &message)?;
        }
    }
    let full = usize::try_from(TOLD_AT_ONCE).unwrap_or(usize::MAX);
    Ok(waiting.len() < full)
}

/// Takes the previews of a message away; to be run in a transaction. An edit asks for them anew.
///
/// # Errors
/// 404 when there is no such message for this member, 403 when somebody else wrote it and they may
/// not delete what others write.
pub(super) fn take_away(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    let is_author = message.author_id == place.user;
    if !is_author {
        moderate(&seen)?;
    }
    if store::clear(connection, message.id)? == 0 {
        return Ok(());
    }
    if let (Some(community), false) = (seen.channel.community_id, is_author) {
        let me = Acting {
            id: place.user,
            request: place.request,
        };
        let before = json!({"author_id": message.author_id, "channel_id": place.channel});
        let entry = me.entry("message.previews.delete");
        let entry = entry.on("message", &message.id).change(Some(before), None);
        acts::record(connection, community, &entry, ctx.now())?;
    }
    Ok(tell(ctx, connection, log, &message)?)
}

fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
) -> Result<(), DatabaseError> {
    let shown = store::of(connection, &[message.id])?.remove(&message.id);
    let data = PreviewsEvent {
        message_id: message.id,
        channel_id: message.channel_id,
        previews: shown.unwrap_or_default(),
    };
    tell_of(ctx, connection, log, "message.previews", message, &data)
}
