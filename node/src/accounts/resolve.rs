//! From what a member types to a person: a name of this node, a handle, or the id of an actor.

use std::sync::Arc;

use federation_core::vocab::{Actor, parse_id, same_origin};
use url::Url;
use webfinger::Handle;

use super::error::AccountError;
use super::federate;
use super::model::{User, Username};
use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::people::People;

/// Bytes of a name, handle or id that are read at most.
const MAX_TEXT: usize = 2048;

/// A person, and their actor when they are of another node.
#[derive(Clone, Debug)]
pub struct Found {
    /// The person as this node knows them.
    pub user: User,
    /// The actor, of people of other nodes.
    pub actor: Option<Arc<Actor>>,
}

/// How a text names a person.
enum Named {
    Local(Username),
    Remote(Handle),
    Actor(Url),
}

/// Finds a person of any node, asking other nodes when needed.
///
/// # Errors
/// Nobody goes by that name, or the other node could not be asked.
///
/// # Security
/// What the other node says is believed only when handle and actor name each other; addresses
/// that the guard refuses are never connected to.
pub async fn resolve(ctx: &Ctx, people: &dyn People, text: &str) -> Result<Found, AccountError> {
    let actor = match read(ctx, text)? {
        Named::Local(username) => {
            let user = local(ctx, username).await?;
            return Ok(Found { user, actor: None });
        }
        Named::Remote(handle) => {
            let handle = format!("@{}@{}", handle.name(), handle.authority());
            people.by_handle(&handle).await
        }
        Named::Actor(url) => people.by_actor(&url).await,
    };
    let actor = actor.map_err(AccountError::Lookup)?;
    if same_origin(&actor.id, ctx.origin().url()) {
        return Err(AccountError::NotFound);
    }
    let (now, person) = (ctx.now(), federate::person(&actor));
    let user = ctx
        .db()
        .write(move |connection| {
            let id = store::upsert_remote(connection, &person, now)?;
            store::by_id(connection, id)?.ok_or(AccountError::NotFound)
        })
        .await?;
    Ok(Found {
        user,
        actor: Some(actor),
    })
}

/// Finds a person whom this node knows already, asking nobody.
///
/// # Errors
/// Nobody is known by that name.
pub async fn known(ctx: &Ctx, text: &str) -> Result<User, AccountError> {
    let named = read(ctx, text)?;
    let found = ctx
        .db()
        .read(move |connection| match &named {
            Named::Local(username) => store::local_by_username(connection, username),
            Named::Remote(handle) => {
                store::remote_by_handle(connection, handle.name(), &handle.authority())
            }
            Named::Actor(url) => store::by_actor(connection, url.as_str()),
        })
        .await?;
    found.ok_or(AccountError::NotFound)
}

fn read(ctx: &Ctx, text: &str) -> Result<Named, AccountError> {
    let text = text.trim();
    if text.len() > MAX_TEXT {
        return Err(AccountError::InvalidHandle);
    }
    let origin = ctx.origin();
    if text.contains("://") {
        let url = parse_id(text).ok_or(AccountError::InvalidHandle)?;
        if !same_origin(&url, origin.url()) {
            return Ok(Named::Actor(url));
        }
        let name = url.path().strip_prefix("/users/").unwrap_or_default();
        return name
            .parse()
            .map(Named::Local)
            .map_err(|_nobody| AccountError::NotFound);
    }
    let bare = text.strip_prefix('@').unwrap_or(text);
    if !bare.contains('@') {
        let username = bare
            .parse()
            .map_err(|_not_a_name| AccountError::InvalidHandle)?;
        return Ok(Named::Local(username));
    }
    let handle: Handle = text
        .parse()
        .map_err(|_not_a_handle| AccountError::InvalidHandle)?;
    let here = Handle::new(handle.name(), origin.authority());
    if here.is_ok_and(|here| here.is_same_account(&handle)) {
        let username = handle.name().parse();
        return username
            .map(Named::Local)
            .map_err(|_nobody| AccountError::NotFound);
    }
    Ok(Named::Remote(handle))
}

async fn local(ctx: &Ctx, username: Username) -> Result<User, AccountError> {
    let found = ctx
        .db()
        .read(move |connection| store::local_by_username(connection, &username))
        .await?;
    found.filter(User::is_active).ok_or(AccountError::NotFound)
}
