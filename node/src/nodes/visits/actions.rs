//! What a member does about visits: one use case, one function.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::fetch::{DomainPolicy as _, FetchError};
use federation_core::handshake::{ClientError, GrantedSession, Scope, Scopes};
use federation_core::store::sql::Connection;
use federation_core::vocab::parse_id;
use http::StatusCode;
use url::Url;

use super::store::{self, Visit};
use super::wire::{OpenedVisit, VisitView};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::model::User;
use crate::base::ids::{UserId, VisitId};
use crate::nodes::Nodes;
use crate::peers;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;

/// Open visits of one member at most (I11).
const MOST: i64 = 50;
/// When to come back to a node that gives no better word.
const WAIT: Duration = Duration::from_secs(30);
/// How long a visit counts at most: the 24 hours that a host may say, and what clocks differ by.
const LONGEST: Duration = Duration::from_hours(25);

/// The open visits of a member, newest first.
pub(super) async fn list(ctx: &Ctx, me: UserId) -> Result<Vec<VisitView>, ApiError> {
    let now = ctx.now();
    let read = move |connection: &mut Connection| store::of_member(connection, me, MOST, now);
    let found = ctx.db().read(read).await?;
    Ok(found.iter().map(VisitView::from).collect())
}

/// Opens a session for the member at another node.
///
/// # Security
/// The subject is the actor of whoever asks, never what they name. The token goes to them alone, is
/// kept nowhere here, and opens nothing at any node but the one that made it.
pub(super) async fn open(
    ctx: &Ctx,
    nodes: &Nodes,
    (me, by): (CurrentUser, Acting),
    host: &str,
) -> Result<OpenedVisit, ApiError> {
    let host = peers::canonical(host.trim()).ok_or_else(|| {
        let detail = "Name the other node by its host, such as chat.example.";
        ApiError::invalid("invalid_host", detail)
    })?;
    if host == ctx.origin().authority() {
        let detail = "This is your home node; you need no visit here.";
        return Err(ApiError::invalid("own_node", detail));
    }
    let now = ctx.now();
    let look = move |connection: &mut Connection| {
        let user = accounts::store::by_id(connection, me.id)?;
        check_room(connection, me.id, now)?;
        Ok::<_, ApiError>(user)
    };
    let user = ctx.db().read(look).await?.filter(User::is_active);
    let subject = user.and_then(|user| parse_id(&user.actor_uri));
    let subject = subject.ok_or_else(ApiError::not_found)?;
    let granted = grant(ctx, nodes, &host, &subject).await?;
    let visit = Visit {
        id: VisitId::new(now),
        user_id: me.id,
        session_id: me.session,
        issuer: granted.issuer.origin().ascii_serialization(),
        granted_id: granted.id.to_string(),
        scopes: granted.scopes.to_string(),
        opened_at: now.as_millis(),
        expires_at: granted.expires_at.min(now.plus(LONGEST)).as_millis(),
        ended_at: None,
        retry_at: now.as_millis(),
    };
    let opened = OpenedVisit::new(&visit, granted.token.as_str());
    let write = move |connection: &mut Connection| {
        check_room(connection, me.id, now)?;
        store::insert(connection, &visit)?;
        let entry = by.entry("node.visit").on("node", &host);
        audit::record(connection, &entry, now)?;
        Ok::<_, ApiError>(())
    };
    if let Err(error) = ctx.db().write(write).await {
        // Nobody would end it any more.
        end_there(nodes, &granted).await;
        return Err(error);
    }
    Ok(opened)
}

/// Ends a visit of a member; the other node is told at once, and again until it has heard.
pub(super) async fn end(ctx: &Ctx, by: Acting, id: VisitId) -> Result<(), ApiError> {
    let now = ctx.now();
    let write = move |connection: &mut Connection| {
        if !store::end(connection, by.id, id, now)? {
            return Err(ApiError::not_found());
        }
        let entry = by.entry("node.visit_end").on("visit", &id);
        audit::record(connection, &entry, now)?;
        Ok(())
    };
    ctx.db().write(write).await
}

fn check_room(connection: &mut Connection, user: UserId, now: Timestamp) -> Result<(), ApiError> {
    let open = store::of_member(connection, user, MOST, now)?.len();
    if open < usize::try_from(MOST).unwrap_or(usize::MAX) {
        return Ok(());
    }
    let detail = format!("There are too many visits: at most {MOST} at once.");
    Err(ApiError::conflict("too_many", detail))
}

/// A session at `host` for `subject`, that lets it read at least.
async fn grant(
    ctx: &Ctx,
    nodes: &Nodes,
    host: &str,
    subject: &Url,
) -> Result<GrantedSession, ApiError> {
    let asked = Scopes::from(Scope::ChatRead).with(Scope::ChatWrite);
    let mut schemes = vec!["https"];
    if ctx.config().federation.allow_http {
        schemes.push("http");
    }
    let mut unreachable = None;
    for scheme in schemes {
        let Ok(issuer) = Url::parse(&format!("{scheme}://{host}/")) else {
            return Err(ApiError::not_found());
        };
        if ctx
            .domains()
            .is_blocked(issuer.host_str().unwrap_or_default())
        {
            let detail = "This node has nothing to do with that one.";
            return Err(ApiError::forbidden("domain_blocked", detail));
        }
        let opening = nodes.held().client().open(&issuer, Some(subject), asked);
        match opening.await {
            Ok(granted) if granted.scopes.contains(Scope::ChatRead) => return Ok(granted),
            Ok(granted) => {
                end_there(nodes, &granted).await;
                return Err(not_let_in());
            }
            Err(ClientError::Fetch(error)) => unreachable = Some(ClientError::Fetch(error)),
            Err(other) => return Err(refused(other)),
        }
    }
    Err(unreachable.map_or_else(ApiError::not_found, refused))
}

/// Ends a session that nobody was given. It ends by itself where this does not reach.
async fn end_there(nodes: &Nodes, granted: &GrantedSession) {
    if let Err(error) = nodes.held().client().revoke(granted).await {
        tracing::info!(%error, session.id = %granted.id, "cannot end a session at another node");
    }
}

fn not_let_in() -> ApiError {
    let detail = "The other node does not let the member in.";
    ApiError::forbidden("visit_refused", detail)
}

/// What a handshake that failed means for the member who asked. What the other node says in words is
/// for the log alone.
fn refused(error: ClientError) -> ApiError {
    let unreachable = || {
        let detail = "The other node cannot be reached; check its name or try again later.";
        ApiError::new(StatusCode::BAD_GATEWAY, "peer_unreachable", detail)
    };
    tracing::debug!(%error, "no session at another node");
    match error {
        ClientError::Fetch(FetchError::Refused(_)) => ApiError::invalid(
            "address_refused",
            "This server does not contact that address: it is private, blocked, or not https.",
        ),
        ClientError::Fetch(error) => unreachable().caused_by(error),
        ClientError::Unsupported { .. } => ApiError::invalid(
            "visits_unsupported",
            "That server takes no visitors: it has no node handshake.",
        ),
        ClientError::Refused {
            status,
            retry_after,
            ..
        } if status == StatusCode::TOO_MANY_REQUESTS => {
            let detail = "The other node was asked too often; try again.";
            ApiError::unavailable(detail, retry_after.unwrap_or(WAIT))
        }
        ClientError::Refused { status, .. } if status.is_server_error() => unreachable(),
        ClientError::Refused { .. } => not_let_in(),
        ClientError::Key(_) | ClientError::Sign(_) => ApiError::internal(error),
        other => {
            let detail = "The other node's answer is no session.";
            ApiError::new(StatusCode::BAD_GATEWAY, "peer_answer_unusable", detail).caused_by(other)
        }
    }
}
