//! From a request to a socket: subprotocol, early token, sizes.

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::Sources;
use super::session::{Hello, Session};
use crate::base::ids::ChannelId;
use crate::base::scope::Scope;
use crate::channels;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::Path;
use crate::platform::http::server::Place;

/// The name of the protocol; browsers want one to be chosen when they offer any.
const PROTOCOL: &str = "folkmoot.v1";
/// Before a token in the list of offered protocols.
const TOKEN_PREFIX: &str = "bearer.";
/// Before the number of the last event seen, in the same list.
const RESUME_PREFIX: &str = "resume.";
/// Bytes in a message of a client at most.
const MAX_MESSAGE: usize = 16 * 1024;
/// Bytes read from a socket at once; every open socket holds a buffer of this size.
const READ_BUFFER: usize = 1024;
/// Bytes gathered before they are written; a socket that was told much holds that many for good.
const WRITE_BUFFER: usize = 4 * 1024;
/// Bytes that wait for the socket of a slow client at most, beside its queue of events.
const MAX_WRITE_BUFFER: usize = 1024 * 1024;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// `GET /ws`: all that the member may see.
pub(super) async fn all(
    State(ctx): State<Ctx>,
    Extension(sources): Extension<Sources>,
    place: Option<Extension<Place>>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(ctx, (sources, place), None, &headers, upgrade).await
}

/// `GET /ws/channels/{id}`: one channel.
pub(super) async fn channel(
    State(ctx): State<Ctx>,
    Extension(sources): Extension<Sources>,
    place: Option<Extension<Place>>,
    Path(id): Path<ChannelId>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    open(ctx, (sources, place), Some(id), &headers, upgrade).await
}

async fn open(
    ctx: Ctx,
    (sources, place): (Sources, Option<Extension<Place>>),
    only: Option<ChannelId>,
    headers: &HeaderMap,
    upgrade: Upgrade,
) -> Result<Response, ApiError> {
    let mut upgrade = upgrade.map_err(not_a_socket)?;
    let offered: Vec<String> = upgrade
        .requested_protocols()
        .filter_map(|protocol| protocol.to_str().ok())
        .map(str::to_owned)
        .collect();
    let after = |prefix: &str| offered.iter().find_map(|offer| offer.strip_prefix(prefix));
    let resume = match after(RESUME_PREFIX).map(str::parse::<i64>).transpose() {
        Ok(resume) => resume,
        Err(_not_a_number) => {
            return Err(ApiError::bad_request(
                "invalid_resume",
                "resume.<seq> takes a number.",
            ));
        }
    };
    let token = after(TOKEN_PREFIX)
        .or_else(|| authorization(headers))
        .map(str::to_owned);
    if let Some(token) = &token {
        let member = ctx.authenticator().authenticate(token).await?;
        member.within(Scope::Read)?;
        if let Some(channel) = only {
            require_sight(&ctx, channel, &member).await?;
        }
    }
    if offered.iter().any(|offer| offer == PROTOCOL) {
        upgrade.set_selected_protocol(HeaderValue::from_static(PROTOCOL));
    }
    let session = Session::new(ctx.clone(), sources, only, Hello { token, resume });
    Ok(upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .on_upgrade(async move |socket| {
            ctx.tasks().spawn(async move {
                session.run(socket).await;
                drop(place);
            });
        }))
}

async fn require_sight(
    ctx: &Ctx,
    channel: ChannelId,
    member: &CurrentUser,
) -> Result<(), ApiError> {
    let (user, now) = (member.id, ctx.now());
    let topics = ctx
        .db()
        .read(move |c| channels::access::topics_of(c, user, channel, now))
        .await?;
    if topics.is_empty() {
        return Err(ApiError::not_found());
    }
    Ok(())
}

/// Clients that are no browsers may send the token where every other request has it.
fn authorization(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(http::header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn not_a_socket(rejection: WebSocketUpgradeRejection) -> ApiError {
    let status = match rejection.into_response().status() {
        StatusCode::METHOD_NOT_ALLOWED => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::UPGRADE_REQUIRED,
    };
    ApiError::new(
        status,
        "not_a_websocket",
        "Open this address as a WebSocket.",
    )
}
