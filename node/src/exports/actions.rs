//! Lets a member have their archive, and sends it beside the request.

use std::sync::Arc;

use axum::body::Body;
use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::Documents;
use super::archive::Archive;
use super::error::ExportError;
use super::model::{LONGEST, MOST_A_DAY, Slot};
use super::store::{self, EXPORTED};
use super::writer::Writer;
use crate::accounts;
use crate::accounts::model::User;
use crate::auth::caller::Caller;
use crate::auth::error::AuthError;
use crate::auth::proof::Proven;
use crate::config::Secret;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::{CurrentUser, SessionEnd};
use crate::platform::http::error::ApiError;

/// Whether a member may have an archive now.
enum Verdict {
    Allowed(Box<User>),
    /// There were enough for today.
    NotBefore(Timestamp),
}

/// Counts and records an export of the member who asks, once they have proven who they are.
///
/// # Errors
/// The proof does not hold, the sign-in has ended, or there were [`MOST_A_DAY`].
pub(super) async fn allow(
    ctx: &Ctx,
    me: CurrentUser,
    caller: &Caller,
    proven: &Proven,
    otp: Option<Secret<String>>,
) -> Result<User, ApiError> {
    let (held, shown) = (ctx.clone(), proven.clone());
    let entry = Entry::new(By::User(me.id), EXPORTED).on("user", &me.id);
    let entry = entry.asked_by(caller.request, Some(caller.address));
    let judge = move |connection: &mut Connection| {
        let now = held.now();
        let code = otp.as_ref().map(|otp| otp.expose().as_str());
        shown.second_factor(connection, &held, code)?;
        // Another process that asks for the same member waits here for the end of this one.
        shown.hold(connection)?;
        if !store::is_open(connection, me.session)? {
            return Err(AuthError::SessionEnded);
        }
        let user = accounts::store::by_id(connection, me.id)?.filter(User::is_active);
        let user = user.ok_or(AuthError::SessionEnded)?;
        if let Some(at) = store::next_export(connection, me.id, now)? {
            return Ok(Verdict::NotBefore(at));
        }
        audit::record(connection, &entry, now)?;
        Ok(Verdict::Allowed(Box::new(user)))
    };
    let outcome = ctx.db().write(judge).await;
    if matches!(outcome, Err(AuthError::WrongOtp)) {
        proven.failed(ctx).await?;
    }
    match outcome? {
        Verdict::Allowed(user) => Ok(*user),
        Verdict::NotBefore(at) => {
            let detail = format!("You may export your data {MOST_A_DAY} times a day.");
            Err(ApiError::too_many_requests(detail, at.since(ctx.now())))
        }
    }
}

/// Begins to write the archive of `user`; answers the body that it leaves by.
///
/// The work ends with the reader, the sign-in (I9) or the server, whichever is first.
pub(super) fn send(
    ctx: &Ctx,
    user: User,
    documents: Arc<dyn Documents>,
    slot: Slot,
    sign_in: SessionEnd,
) -> Body {
    let (archive, body) = Archive::open(ctx.now());
    let id = user.id;
    let writer = Writer::new(ctx.clone(), user, documents, archive);
    let shutdown = ctx.tasks().shutdown().clone();
    ctx.tasks().spawn(async move {
        let whole = async {
            let archive = writer.write().await?;
            // Who has the end may begin the next one.
            drop(slot);
            archive.end().await
        };
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(LONGEST, whole) => {
                outcome.unwrap_or(Err(ExportError::TooLong))
            }
            () = sign_in.wait() => Err(ExportError::SignedOut),
            () = shutdown.cancelled() => Err(ExportError::Stopped),
        };
        match outcome {
            Ok(()) => {}
            Err(error) if error.is_fault() => {
                tracing::error!(%error, user = %id, "an export was cut");
            }
            Err(error) => tracing::debug!(%error, "an export was cut"),
        }
    });
    body
}
