//! `/api/v1/channels/{id}/messages`: read, send, edit and delete.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use federation_core::store::sql::{Connection, DatabaseError};
use http::{StatusCode, Uri};
use url::Url;

use super::actions::{self, NewMessage, Place};
use super::bulk;
use super::drafts;
use super::federate;
use super::model::Draft;
use super::pins;
use super::polls;
use super::polls::model::PollDraft;
use super::previews;
use super::reactions;
use super::reading;
use super::recent::{self, Recent};
use super::revisions;
use super::scheduled;
use super::search;
use super::showing;
use super::typing::{self, Typing};
use super::wire::{MessageView, PatchMessage, PostMessage};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::base::scope::Scope;
use crate::channels;
use crate::channels::access;
use crate::communities::known::Known;
use crate::platform::activity::Kind;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::access::Access;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::{ApiError, Problem};
use crate::platform::http::extract::{Json, Path, Query};
use crate::platform::http::idempotency;
use crate::platform::http::idempotency::{Created, Creation, Idempotency, IdempotencyKey};
use crate::platform::http::page::{self, Cursors};
use crate::platform::http::routes::Routes;
use crate::platform::people::{People, Signers};
use utoipa_axum::routes;

/// The routes of this feature; `people` finds those of other nodes, `signers` has the keys of one's own.
pub fn router(
    people: Arc<dyn People>,
    signers: Arc<dyn Signers>,
    known: Known,
    recent: Recent,
    typing: Typing,
) -> Routes {
    Routes::new()
        .add(Access::member(Scope::Read).visitors(), routes!(list))
        .add(Access::member(Scope::Write), routes!(send))
        .add(Access::member(Scope::Read).visitors(), routes!(show))
        .add(Access::member(Scope::Write), routes!(edit, delete))
        .merge(typing::router())
        .merge(reactions::router())
        .merge(pins::router())
        .merge(polls::router())
        .merge(previews::router())
        .merge(revisions::router())
        .merge(drafts::router())
        .merge(reading::router())
        .merge(search::router())
        .merge(bulk::router())
        .merge(scheduled::router())
        .with(people)
        .with(signers)
        .with(known)
        .with(recent)
        .with(typing)
}

/// The messages of a channel, newest first.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), Cursors<MessageId>), responses((status = 200, body = Page<MessageView, MessageId>)))]
pub(super) async fn list(
    State(ctx): State<Ctx>,
    (Extension(known), Extension(recent)): (Extension<Known>, Extension<Recent>),
    user: CurrentUser,
    uri: Uri,
    Path(channel): Path<ChannelId>,
    Query(query): Query<PageQuery<MessageId>>,
) -> Result<Response, ApiError> {
    let is_first = query.before.is_none() && query.after.is_none();
    if is_first && query.limit() <= recent::SIZE {
        access::check(&ctx, &known, (user.id, channel), Permission::ReadHistory).await?;
        let found = recent::first_page(&ctx, &recent, (user.id, channel), query.limit()).await?;
        return Ok(page::respond(&uri, ("before", "after"), found));
    }
    let found = showing::list(&ctx, &known, (user.id, channel), query).await?;
    Ok(page::respond(&uri, ("before", "after"), found))
}

/// Who looks people of other nodes up, and who signs for those of this one.
type Federating = (Extension<Arc<dyn People>>, Extension<Arc<dyn Signers>>);

/// Sends a message.
#[utoipa::path(post, path = "/api/v1/channels/{id}/messages", tag = "messages", params(IdempotencyKey, ("id" = ChannelId, Path, description = "The channel")), request_body = PostMessage, responses((status = 201, body = MessageView), (status = 409, body = Problem)))]
pub(super) async fn send(
    State(ctx): State<Ctx>,
    (Extension(people), Extension(signers)): Federating,
    (Extension(typing), Extension(known)): (Extension<Typing>, Extension<Known>),
    user: CurrentUser,
    Path(channel): Path<ChannelId>,
    creation: Creation<PostMessage>,
) -> Result<Created, ApiError> {
    let Creation { body, idempotency } = creation;
    if body.attachments.is_some_and(|files| !files.is_empty()) {
        let detail = "This node does not take attachments yet.";
        return Err(ApiError::invalid("attachments_unsupported", detail));
    }
    let limit = ctx.config().limits.message_characters;
    let draft = Draft::beside(body.content, body.forward.is_some(), limit)?;
    let new = NewMessage {
        channel,
        author: user.id,
        draft,
        reply_to: body.reply_to,
        poll: body.poll.map(PollDraft::new).transpose()?,
        forward: body.forward,
        is_present: true,
    };
    ready(&ctx, signers.as_ref(), (user.id, channel)).await?;
    let (created, silenced_in) = match attempt(&ctx, &new, &idempotency, false).await {
        Err(Failure::Strangers(actors)) => {
            for actor in actors {
                // Whoever cannot be found is shown as failed in `delivery`.
                if let Err(error) = people.by_actor(&actor).await {
                    tracing::debug!(%error, "cannot look up a recipient");
                }
            }
            attempt(&ctx, &new, &idempotency, true).await
        }
        done => done,
    }?;
    if let Some(community) = silenced_in {
        known.changed(community);
    }
    if !created.is_replay() {
        let (activity, now) = (ctx.activity(), ctx.now());
        activity.count(Kind::Message, new.channel.as_str(), now);
        typing.ended(new.author, new.channel);
    }
    Ok(created)
}

/// Has the keys made that prove what a member says or does in a channel, where it leaves this node.
pub(in crate::messages) async fn ready(
    ctx: &Ctx,
    signers: &dyn Signers,
    place: (UserId, ChannelId),
) -> Result<(), ApiError> {
    let held = ctx.clone();
    let proves = move |connection: &mut Connection| {
        federate::group::author_to_prove(&held, connection, place)
    };
    if let Some(actor) = ctx.db().read(proves).await? {
        signers.keys_of(&actor).await?;
    }
    Ok(())
}

/// Why a message was not sent.
enum Failure {
    /// The inboxes of these members have to be looked up first, outside of the transaction.
    Strangers(Vec<Url>),
    Refused(ApiError),
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => error,
            Failure::Strangers(_) => Self::not_found(),
        }
    }
}

/// Sends it; answers also in which community a rule silenced its author for it.
async fn attempt(
    ctx: &Ctx,
    new: &NewMessage,
    key: &Idempotency,
    asked: bool,
) -> Result<(Created, Option<CommunityId>), Failure> {
    let (held, new, key) = (ctx.clone(), new.clone(), key.clone());
    let scope = new.author.to_string();
    ctx.db()
        .write(move |connection| {
            let strangers = if asked {
                Vec::new()
            } else {
                federate::strangers(connection, new.channel)?
            };
            if !strangers.is_empty()
                && channels::store::is_member(connection, new.channel, new.author)?
            {
                return Err(Failure::Strangers(strangers));
            }
            let log = EventLog::begin(connection)?;
            let (mut made, mut silenced_in) = (None, None);
            let effect = |connection: &mut Connection| {
                let sent = actions::send(&held, connection, &log, &new)?;
                made = Some((sent.view.id, sent.is_removed));
                silenced_in = sent.silenced_in;
                Ok::<_, ApiError>((StatusCode::CREATED, sent.view))
            };
            let about = |sent: &MessageView| sent.id.to_string();
            let created = key.once_about(&held, connection, &scope, effect, about)?;
            match made {
                Some((id, true)) => idempotency::forget(connection, id.as_str())?,
                Some(_) => {}
                // Who sees the channel no longer is not told again what they said there.
                None => {
                    let seen = access::require(connection, new.author, new.channel, held.now());
                    seen.map_err(ApiError::from)?;
                }
            }
            Ok((created, silenced_in))
        })
        .await
}

/// One message.
#[utoipa::path(get, path = "/api/v1/channels/{id}/messages/{mid}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 200, body = MessageView)))]
pub(super) async fn show(
    State(ctx): State<Ctx>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<Json<MessageView>, ApiError> {
    let place = place(me, channel, message);
    Ok(Json(showing::show(&ctx, &known, place).await?))
}

fn place(me: Acting, channel: ChannelId, message: MessageId) -> Place {
    Place {
        channel,
        message,
        user: me.id,
        request: me.request,
    }
}

/// Changes one's own message.
#[utoipa::path(patch, path = "/api/v1/channels/{id}/messages/{mid}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), request_body = PatchMessage, responses((status = 200, body = MessageView), (status = 409, body = Problem)))]
pub(super) async fn edit(
    State(ctx): State<Ctx>,
    Extension(signers): Extension<Arc<dyn Signers>>,
    Extension(known): Extension<Known>,
    me: Acting,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
    Json(body): Json<PatchMessage>,
) -> Result<Json<MessageView>, ApiError> {
    let draft = Draft::new(body.content, ctx.config().limits.message_characters)?;
    let place = place(me, channel, message);
    ready(&ctx, signers.as_ref(), (place.user, channel)).await?;
    let held = ctx.clone();
    let edited = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::edit(&held, connection, &log, &place, &draft)
    });
    let edited = edited.await?;
    if let Some(community) = edited.silenced_in {
        known.changed(community);
    }
    Ok(Json(edited.view))
}

/// Deletes a message: one's own, or that of another where one may.
#[utoipa::path(delete, path = "/api/v1/channels/{id}/messages/{mid}", tag = "messages", params(("id" = ChannelId, Path, description = "The channel"), ("mid" = MessageId, Path, description = "The message")), responses((status = 204)))]
pub(super) async fn delete(
    State(ctx): State<Ctx>,
    Extension(signers): Extension<Arc<dyn Signers>>,
    me: Acting,
    Path((channel, message)): Path<(ChannelId, MessageId)>,
) -> Result<StatusCode, ApiError> {
    let place = place(me, channel, message);
    ready(&ctx, signers.as_ref(), (place.user, channel)).await?;
    let held = ctx.clone();
    let deleted = ctx.db().write(move |connection| {
        let log = EventLog::begin(connection)?;
        actions::delete(&held, connection, &log, &place)
    });
    deleted.await?;
    Ok(StatusCode::NO_CONTENT)
}
