//! From a verified activity to the feature it concerns, in one transaction with its record (I2).

use std::time::Duration;

use super::Edge;
use super::group_inbox::{self, GroupRequest};
use crate::accounts;
use crate::accounts::model::RemotePerson;
use crate::channels;
use crate::channels::conversations;
use crate::channels::conversations::federate::Membership;
use crate::departures;
use crate::follows;
use crate::groups;
use crate::messages::federate::{self as messages, Ignored, IncomingNote};
use crate::messages::reactions::federate::{self as reactions, IncomingReaction};
use crate::moderation::reports::{self, Flagged};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use federation_core::handshake::SessionFilter;
use federation_core::inbox::ownership::{self, OwnershipError};
use federation_core::inbox::{ActivityStore, Applied, Verified};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor, ActorKind};
use futures_util::future::join_all;
use url::Url;

/// How long each third person of a conversation is looked up before it goes on without them.
const INTRODUCTIONS: Duration = Duration::from_secs(5);

/// How long a sender waits whose actor cannot be fetched now.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Why an activity comes to nothing, for now or for good.
pub(super) enum Unread {
    Ignored(Ignored),
    Later(ApiError),
}

impl From<Ignored> for Unread {
    fn from(why: Ignored) -> Self {
        Self::Ignored(why)
    }
}

/// What an activity did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// All there is to do.
    Done,
    /// A member of this node came into a Group, whose history is to be fetched.
    Joined,
}

/// What an activity asks for, read as far as that goes without a transaction.
enum Request {
    Create(Box<IncomingNote>),
    Update(Box<IncomingNote>),
    UpdateActor(Box<RemotePerson>),
    Delete,
    DeleteActor,
    Follow,
    Accept,
    Reject,
    React(Box<IncomingReaction>),
    Undo,
    Group(GroupRequest),
    Membership(Box<Membership>),
    Flag,
}

/// Applies an activity once; what is not understood has no effect and is no fault.
///
/// # Errors
/// The database failed, or what the activity needs cannot be fetched now; the sender may try again.
pub(super) async fn apply(ctx: &Ctx, edge: &Edge, verified: Verified) -> Result<Effect, ApiError> {
    let (id, kind) = (
        verified.activity().id.clone(),
        verified.activity().kind.clone(),
    );
    let request = match read(ctx, edge, &verified).await {
        Ok(request) => request,
        Err(Unread::Ignored(why)) => {
            tracing::debug!(%id, ?kind, %why, "ignored an activity");
            return Ok(Effect::Done);
        }
        Err(Unread::Later(error)) => return Err(error),
    };
    let proven = proven_actor(&verified);
    let gone = matches!(request, Request::DeleteActor).then(|| verified.activity().actor.clone());
    let held = ctx.clone();
    let effect = move |connection: &mut Connection, verified: &Verified| {
        run(&held, connection, &request, verified)
    };
    let applied = ctx.db().apply_once::<_, DatabaseError, _>(verified, effect);
    let applied = applied.await?;
    if let Some(gone) = gone {
        end_sessions(ctx, edge, gone).await?;
    }
    // A copy of an older update is a duplicate, and must not bring back an older document.
    let takes_effect = matches!(applied, Applied::New(Ok(_) | Err(Ignored::Unknown)));
    if let (true, Some(actor)) = (takes_effect, proven) {
        edge.directory().replace(actor).await;
    }
    match applied {
        Applied::New(Ok(effect)) => {
            tracing::debug!(%id, ?kind, "applied an activity");
            return Ok(effect);
        }
        Applied::New(Err(why)) => tracing::debug!(%id, ?kind, %why, "ignored an activity"),
        Applied::Duplicate => tracing::debug!(%id, ?kind, "an activity came again"),
    }
    Ok(Effect::Done)
}

/// Ends the sessions that an actor has here who is gone, also when it said so before.
async fn end_sessions(ctx: &Ctx, edge: &Edge, gone: Url) -> Result<(), ApiError> {
    for filter in [
        SessionFilter::Subject(gone.clone()),
        SessionFilter::Holder(gone),
    ] {
        let ending = edge.sessions().revoke_all(filter, ctx.now());
        ending.await.map_err(ApiError::internal)?;
    }
    Ok(())
}

/// Reads what needs no transaction; the network is used here and nowhere after (I6).
async fn read(ctx: &Ctx, edge: &Edge, verified: &Verified) -> Result<Request, Unread> {
    if let Some(request) = group_inbox::read(ctx, edge, verified).await? {
        return Ok(Request::Group(request));
    }
    let activity = verified.activity();
    let about_itself = activity.object_id() == Some(&activity.actor);
    Ok(match &activity.kind {
        ActivityKind::Create => Request::Create(note(ctx, edge, verified).await?),
        ActivityKind::Update if about_itself => {
            let person = match proven_actor(verified) {
                Some(actor) => accounts::federate::person(&actor),
                None => refreshed(edge, verified).await?,
            };
            Request::UpdateActor(Box::new(person))
        }
        ActivityKind::Update => Request::Update(note(ctx, edge, verified).await?),
        ActivityKind::Delete if about_itself => Request::DeleteActor,
        ActivityKind::Delete => Request::Delete,
        ActivityKind::Follow => Request::Follow,
        ActivityKind::Accept => Request::Accept,
        ActivityKind::Reject => Request::Reject,
        ActivityKind::Like | ActivityKind::EmojiReact => {
            Request::React(Box::new(IncomingReaction::read(activity)?))
        }
        ActivityKind::Undo => Request::Undo,
        ActivityKind::Add | ActivityKind::Remove | ActivityKind::Leave => {
            Request::Membership(membership(ctx, edge, activity).await?)
        }
        ActivityKind::Flag => Request::Flag,
        _ => return Err(Ignored::NotAMessage.into()),
    })
}

/// The new document that an actor's `Update` of itself brings; `None` when it is not whole.
fn proven_actor(verified: &Verified) -> Option<Actor> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Update {
        return None;
    }
    let object = verified.trusted_object()?;
    // The inbox has compared id and keys of what it knows for an actor.
    if object.id.as_ref() != Some(&activity.actor)
        || !ActorKind::from_name(object.kind.as_str()).is_known()
    {
        return None;
    }
    let actor = object.as_actor().ok()?;
    (!actor.public_keys.is_empty()).then_some(actor)
}

/// The actor as its node shows it since the `Update` came: an older document would hide the change.
async fn refreshed(edge: &Edge, verified: &Verified) -> Result<RemotePerson, Unread> {
    let actor = &verified.activity().actor;
    let since = verified.received_at();
    match edge.directory().actor_since(actor, since).await {
        Ok(actor) => Ok(accounts::federate::person(&actor)),
        Err(error) if error.is_retryable() => {
            let wait = error.retry_after().unwrap_or(RETRY_AFTER);
            let detail = format!("the actor cannot be fetched: {error}");
            Err(Unread::Later(ApiError::unavailable(detail, wait)))
        }
        Err(_no_longer_there) => Err(Ignored::ActorRefused.into()),
    }
}

async fn note(ctx: &Ctx, edge: &Edge, verified: &Verified) -> Result<Box<IncomingNote>, Ignored> {
    let limits = &ctx.config().limits;
    let activity: &Activity = verified.activity();
    let mut note = IncomingNote::read(activity, verified.actor(), ctx.origin(), limits)?;
    if !note.strangers().is_empty() {
        let directory = edge.directory();
        let lookups = note
            .strangers()
            .iter()
            .map(|id| tokio::time::timeout(INTRODUCTIONS, directory.actor(id)));
        let found = join_all(lookups).await.into_iter().flatten().flatten();
        let found: Vec<_> = found.collect();
        note.introduce(found.iter().map(AsRef::as_ref));
    }
    Ok(Box::new(note))
}

/// Who comes to a group or goes, with what their node says of somebody who comes.
async fn membership(
    ctx: &Ctx,
    edge: &Edge,
    activity: &Activity,
) -> Result<Box<Membership>, Ignored> {
    let mut told = Membership::read(activity).ok_or(Ignored::NotAMessage)?;
    if let Some(stranger) = told.stranger(ctx.origin()).cloned() {
        let directory = edge.directory();
        let lookup = directory.actor(&stranger);
        if let Ok(Ok(actor)) = tokio::time::timeout(INTRODUCTIONS, lookup).await {
            told.introduce(&actor);
        }
    }
    Ok(Box::new(told))
}

/// What the activity does; runs again from the start when the database asks for it.
fn run(
    ctx: &Ctx,
    connection: &mut Connection,
    request: &Request,
    verified: &Verified,
) -> Result<Result<Effect, Ignored>, DatabaseError> {
    let (activity, author) = (verified.activity(), verified.actor().as_ref());
    let mut effect = Effect::Done;
    let answered = |found: bool| if found { Ok(()) } else { Err(Ignored::Unknown) };
    if is_suspended(connection, request, author.id.as_str())? {
        return Ok(Err(Ignored::ActorRefused));
    }
    let done = match request {
        Request::Create(note) => messages::receive_create(ctx, connection, note, author)?.map(drop),
        Request::Update(note) => messages::receive_update(ctx, connection, note, author)?.map(drop),
        Request::Delete => {
            let raw = verified.raw().as_ref();
            messages::receive_delete(ctx, connection, activity, author, raw)?.map(drop)
        }
        Request::UpdateActor(person) => {
            if let Some(why) = overruled(connection, verified)? {
                return Ok(Err(why));
            }
            let known = accounts::store::by_actor(connection, person.actor_uri.as_str())?;
            if known.is_some() {
                accounts::store::upsert_remote(connection, person, ctx.now())?;
            }
            answered(known.is_some())
        }
        Request::DeleteActor => {
            follows::federate::receive_departure(connection, verified)?;
            let gone = accounts::store::mark_gone(connection, author.id.as_str(), ctx.now())?;
            if let Some(known) = accounts::store::by_actor(connection, author.id.as_str())? {
                groups::store::forget(connection, known.id)?;
            }
            if gone {
                departures::federate::receive(ctx, connection, &activity.id, &author.id)?;
            }
            answered(gone)
        }
        Request::Follow => {
            follows::federate::receive_follow(connection, ctx, verified)?;
            Ok(())
        }
        Request::Accept => {
            let is_follow = follows::federate::receive_accept(connection, ctx, verified)?;
            let has_joined = !is_follow && group_inbox::accepted(ctx, connection, verified)?;
            if has_joined {
                effect = Effect::Joined;
            }
            answered(is_follow || has_joined)
        }
        Request::Reject => answered(
            follows::federate::receive_reject(connection, verified)?
                || channels::group::receive_reject(ctx, connection, (activity, &author.id))?,
        ),
        Request::Group(request) => group_inbox::run(ctx, connection, request, verified)?,
        Request::React(reaction) => {
            let (told, raw) = ((activity, &**reaction), verified.raw().as_ref());
            reactions::receive_reaction(ctx, connection, told, author, raw)?
        }
        Request::Undo => {
            let raw = Some(verified.raw().as_ref());
            answered(
                follows::federate::receive_undo(connection, verified)?
                    || channels::group::receive_undo(ctx, connection, (activity, &author.id))?
                    || reactions::receive_undo(ctx, connection, (activity, author), raw)?,
            )
        }
        Request::Membership(told) => answered(conversations::federate::receive(
            ctx, connection, told, author,
        )?),
        Request::Flag => match reports::receive(ctx, connection, verified)? {
            Flagged::Taken => Ok(()),
            Flagged::NothingHere => Err(Ignored::Unknown),
            Flagged::PassedOver => Err(Ignored::Refused),
        },
    };
    Ok(done.map(|()| effect))
}

/// Whether the actor is suspended here, asked for what is not asked about it later on.
fn is_suspended(
    connection: &mut Connection,
    request: &Request,
    actor: &str,
) -> Result<bool, DatabaseError> {
    let asked = matches!(
        request,
        Request::UpdateActor(_)
            | Request::Accept
            | Request::Reject
            | Request::Undo
            | Request::Group(_)
            | Request::Flag
    );
    if !asked {
        return Ok(false);
    }
    let known = accounts::store::by_actor(connection, actor)?;
    Ok(known.is_some_and(|user| user.suspended_at.is_some()))
}

/// Why what is stored of an actor stays, whatever its `Update` of itself brings.
fn overruled(
    connection: &mut Connection,
    verified: &Verified,
) -> Result<Option<Ignored>, DatabaseError> {
    if proven_actor(verified).is_none() {
        return Ok(None);
    }
    let id = verified.actor().id.as_str();
    let Some(stored) = accounts::store::remote_actor(connection, id)? else {
        return Ok(None);
    };
    Ok(match ownership::update_actor(verified, &stored) {
        Ok(_) => None,
        Err(OwnershipError::Stale { .. }) => Some(Ignored::Stale),
        Err(_) => Some(Ignored::NotTheOwner),
    })
}
