//! Opens a conversation: finds everybody first, over the network where need be, then the rows.

use std::collections::HashSet;
use std::sync::Arc;

use federation_core::store::sql::Connection;
use federation_core::vocab::Actor;
use http::StatusCode;

use super::recipient::Named;
use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::{RemotePerson, User};
use crate::base::ids::UserId;
use crate::blocks;
use crate::channels;
use crate::channels::actions::Opened;
use crate::channels::conversations;
use crate::channels::conversations::NewGroup;
use crate::channels::conversations::names::Names;
use crate::channels::wire::ChannelView;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Idempotency};
use crate::platform::people::People;

/// Somebody who was found.
#[derive(Clone, Debug)]
enum Found {
    /// A row knows them.
    Known(UserId),
    /// Their node told about them just now.
    Met(Box<RemotePerson>),
}

/// The conversation of a member with one other, made if they have none, or a new group of several.
///
/// # Errors
/// 422 names a recipient who cannot be read, found or written to, or says that there are too many; 403
/// when one takes no messages from the member, or one of them blocked the other.
pub(super) async fn open(
    ctx: &Ctx,
    people: &dyn People,
    member: UserId,
    (recipients, name): (&[String], Option<&str>),
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let limit = ctx.config().limits.conversation_people;
    if recipients.len() >= limit {
        let detail = format!("A conversation has at most {limit} people.");
        return Err(ApiError::invalid("too_many_recipients", detail));
    }
    let name = name.map(conversations::check_name).transpose()?;
    let mut found = Vec::new();
    for text in recipients {
        found.push(find(ctx, people, text).await?);
    }
    let scope = member.to_string();
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            idempotency.once(&held, connection, &scope, |connection| {
                let members = gather(&held, connection, member, &found)?;
                let opened = match &name {
                    Some(_) if members.len() < 3 => {
                        let detail = "A conversation of two has no name.";
                        return Err(ApiError::invalid("pair_without_name", detail));
                    }
                    None if members.len() < 3 => {
                        open_pair(&held, connection, &log, member, &members)?
                    }
                    name => {
                        conversations::reachable(connection, member, &members)?;
                        let new = NewGroup {
                            maker: Some(member),
                            name: name.as_deref(),
                            members: &members,
                            key: None,
                            names: &Names::default(),
                        };
                        conversations::open_group(&held, connection, &log, &new)?
                    }
                };
                let status = if opened.created {
                    StatusCode::CREATED
                } else {
                    StatusCode::OK
                };
                Ok((
                    status,
                    ChannelView::new(&opened.channel, &members, held.origin()),
                ))
            })
        })
        .await
}

/// The one conversation of two, shown in the list of the one who opens it.
fn open_pair(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    member: UserId,
    members: &[User],
) -> Result<Opened, ApiError> {
    if !channels::actions::is_open(connection, members)? {
        conversations::reachable(connection, member, members)?;
    }
    let opened = channels::actions::open_dm(ctx, connection, log, members, &[])?;
    conversations::store::show_again(connection, opened.channel.id, member)?;
    Ok(opened)
}

/// The rows of everybody in the conversation, each once, in the order of their ids.
fn gather(
    ctx: &Ctx,
    connection: &mut Connection,
    member: UserId,
    found: &[Found],
) -> Result<Vec<User>, ApiError> {
    let mut ids = vec![member];
    for found in found {
        ids.push(match found {
            Found::Known(id) => *id,
            Found::Met(person) => accounts::store::upsert_remote(connection, person, ctx.now())?,
        });
    }
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(*id));
    if ids.len() < 2 {
        return Err(ApiError::invalid(
            "no_recipients",
            "Name somebody other than yourself.",
        ));
    }
    ids.sort_unstable();
    let mut members = Vec::new();
    for id in ids {
        let user = accounts::store::by_id(connection, id)?;
        members.push(user.filter(User::is_active).ok_or_else(unknown)?);
        if id != member {
            blocks::store::keep_apart(connection, member, id)?;
        }
    }
    Ok(members)
}

async fn find(ctx: &Ctx, people: &dyn People, text: &str) -> Result<Found, ApiError> {
    let named = Named::read(text, ctx.origin())?;
    let known = match named.clone() {
        Named::Local(name) => {
            ctx.db()
                .read(move |c| accounts::store::local_by_username(c, &name))
                .await?
        }
        Named::Actor(id) => {
            ctx.db()
                .read(move |c| accounts::store::by_actor(c, id.as_str()))
                .await?
        }
        Named::Handle(_) => None,
    };
    if let Some(user) = known {
        return if user.is_active() {
            Ok(Found::Known(user.id))
        } else {
            Err(unknown())
        };
    }
    match named {
        Named::Handle(handle) => meet(ctx, &people.by_handle(&handle).await?).await,
        Named::Actor(id) if !ctx.origin().owns(&id) => {
            meet(ctx, &people.by_actor(&id).await?).await
        }
        Named::Local(_) | Named::Actor(_) => Err(unknown()),
    }
}

async fn meet(ctx: &Ctx, actor: &Arc<Actor>) -> Result<Found, ApiError> {
    if ctx.origin().owns(&actor.id) {
        // Another way to write this node, or an address that leads back here.
        let id = actor.id.clone();
        let here = ctx
            .db()
            .read(move |c| accounts::store::by_actor(c, id.as_str()))
            .await?;
        let here = here.filter(User::is_active).ok_or_else(unknown)?;
        return Ok(Found::Known(here.id));
    }
    let person = person(actor);
    if person.username.is_empty() {
        Err(unknown())
    } else {
        Ok(Found::Met(Box::new(person)))
    }
}

fn unknown() -> ApiError {
    ApiError::invalid(
        "unknown_recipient",
        "There is no such person, or they cannot be written to.",
    )
}
