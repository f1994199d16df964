//! What `folkmoot user` and `folkmoot token` do to somebody's sign-ins: suspend, reset, revoke.
//!
//! A server that runs sees the rows change within a second, and ends what hangs on them.

use anyhow::{Context as _, Result, bail};
use federation_core::store::sql::{Connection, Database};
use federation_core::{Clock as _, SystemClock};
use serde::Serialize;
use serde_json::json;

use super::output::Output;
use crate::accounts::authority;
use crate::accounts::error::AccountError;
use crate::accounts::model::{User, Username};
use crate::accounts::{standing, store};
use crate::auth;
use crate::auth::error::AuthError;
use crate::auth::reset::{self, Handed};
use crate::base::ids::SessionId;
use crate::platform::audit::{self, By, Entry};

/// The account of this node with that name.
pub(super) async fn account(database: &Database, username: &str) -> Result<User> {
    let name: Username = username.parse()?;
    database
        .read(move |connection| store::local_by_username(connection, &name))
        .await?
        .filter(|user| user.deleted_at.is_none())
        .with_context(|| format!("there is no account {username}; see folkmoot user list"))
}

/// What came of it.
#[derive(Serialize)]
struct Outcome {
    username: String,
    /// Whether the account may not act.
    suspended: bool,
    /// Sign-ins that were ended.
    ended: usize,
    /// The code by which the member sets a new password.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
}

impl Outcome {
    fn shown(&self) -> String {
        let standing = if self.suspended {
            " is suspended"
        } else {
            " may act"
        };
        let text = format!("{}{standing}, {} sign-ins ended", self.username, self.ended);
        match &self.code {
            None => text,
            Some(code) => format!(
                "{text}\nCode for a new password, good once within an hour: {code}\n\
                 The member sends it to POST /api/v1/auth/password/reset/confirm \
                 as token, with new_password"
            ),
        }
    }
}

/// Suspends an account, ends its sign-ins, and says so in the audit log.
pub(super) async fn suspend(
    database: &Database,
    username: &str,
    reason: String,
    output: Output,
) -> Result<()> {
    if reason.trim().is_empty() {
        bail!("say why: --reason");
    }
    let user = account(database, username).await?;
    let (id, now) = (user.id, SystemClock.now());
    let ended = database
        .write(move |connection| {
            authority::keep_an_owner(connection, id)?;
            if !standing::set_suspended(connection, id, Some(reason.trim()), now)? {
                return Ok(0);
            }
            let ended = auth::store::revoke_all_but(connection, id, None, now)?;
            let entry = Entry::new(By::Command, "user.suspend").on("user", &id);
            let entry = entry.change(None, Some(json!({"reason": reason.trim()})));
            audit::record(connection, &entry, now)?;
            Ok::<_, AccountError>(ended.len())
        })
        .await?;
    let outcome = Outcome {
        username: user.username,
        suspended: true,
        ended,
        code: None,
    };
    output.print(&outcome, Outcome::shown)
}

/// Lets a suspended account act again.
pub(super) async fn unsuspend(database: &Database, username: &str, output: Output) -> Result<()> {
    let user = account(database, username).await?;
    let (id, now) = (user.id, SystemClock.now());
    database
        .write(move |connection| {
            if standing::set_suspended(connection, id, None, now)? {
                let entry = Entry::new(By::Command, "user.unsuspend").on("user", &id);
                audit::record(connection, &entry, now)?;
            }
            Ok::<_, AccountError>(())
        })
        .await?;
    let outcome = Outcome {
        username: user.username,
        suspended: false,
        ended: 0,
        code: None,
    };
    output.print(&outcome, Outcome::shown)
}

/// Makes a code for a new password, and ends the old one and all sign-ins.
pub(super) async fn reset_password(
    database: &Database,
    username: &str,
    output: Output,
) -> Result<()> {
    let user = account(database, username).await?;
    let (id, now) = (user.id, SystemClock.now());
    let (code, ended) = database
        .write(move |connection| {
            let code = reset::issue(connection, id, Handed::InPerson, now)?;
            auth::credentials::forget(connection, id)?;
            let ended = auth::store::revoke_all_but(connection, id, None, now)?;
            let entry = Entry::new(By::Command, "user.reset_password").on("user", &id);
            audit::record(connection, &entry, now)?;
            Ok::<_, AuthError>((code, ended))
        })
        .await?;
    let outcome = Outcome {
        username: user.username,
        suspended: user.suspended_at.is_some(),
        ended: ended.len(),
        code: Some(code.expose().to_owned()),
    };
    output.print(&outcome, Outcome::shown)
}

/// Ends one sign-in of an account, or all of them.
pub(super) async fn revoke(
    database: &Database,
    username: &str,
    session: Option<SessionId>,
    output: Output,
) -> Result<()> {
    let user = account(database, username).await?;
    let (id, now) = (user.id, SystemClock.now());
    let effect = move |connection: &mut Connection| {
        let ended = match session {
            Some(session) if auth::store::revoke(connection, id, session, now)? => vec![session],
            Some(_) => return Ok(0),
            None => auth::store::revoke_all_but(connection, id, None, now)?,
        };
        let entry = Entry::new(By::Command, "user.reset_sessions").on("user", &id);
        let entry = entry.change(None, Some(json!({"ended": ended})));
        audit::record(connection, &entry, now)?;
        Ok::<_, AuthError>(ended.len())
    };
    let ended = database.write(effect).await?;
    if let (Some(session), 0) = (session, ended) {
        bail!("{username} has no sign-in {session} that lives");
    }
    let outcome = Outcome {
        username: user.username,
        suspended: user.suspended_at.is_some(),
        ended,
        code: None,
    };
    output.print(&outcome, Outcome::shown)
}
