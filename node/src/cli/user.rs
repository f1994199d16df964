//! `folkmoot user`: accounts of this node, while the server runs or not.

use std::io::BufRead as _;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use clap::Subcommand;
use federation_core::store::sql::{Connection, Database};
use federation_core::{Clock, SystemClock};
use serde::Serialize;
use serde_json::json;

use super::open;
use super::output::Output;
use super::standing;
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::accounts::store;
use crate::accounts::wire::UserView;
use crate::auth::invites::Terms;
use crate::auth::model::{INVITE_LIFETIME, OpaqueToken};
use crate::auth::{Auth, actions, invites};
use crate::base::ids::UserId;
use crate::base::role::Role;
use crate::config::{Config, Secret};
use crate::platform::audit::{self, By, Entry};
use crate::platform::cluster::Cluster;
use crate::platform::sealing::Keyring;

/// Accounts read at once.
const BATCH: i64 = 500;

/// What to do with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Open an account; its password is made up and printed once, unless it is piped in
    Create {
        /// The name
        username: String,
        /// The e-mail address
        #[arg(long)]
        email: Option<String>,
        /// Read the password from the first line of standard input
        #[arg(long)]
        password_stdin: bool,
        /// The role; the first account is the owner whatever is given
        #[arg(long)]
        role: Option<Role>,
    },
    /// List all accounts
    List,
    /// Give an account another role: user, moderator, admin or owner
    Promote {
        /// The name
        username: String,
        /// The role
        role: Role,
    },
    /// Keep an account from acting, and end its sign-ins
    Suspend {
        /// The name
        username: String,
        /// Why, for the audit log
        #[arg(long)]
        reason: String,
    },
    /// Let a suspended account act again
    Unsuspend {
        /// The name
        username: String,
    },
    /// Make a code by which a member sets a new password, and end their sign-ins
    ResetPassword {
        /// The name
        username: String,
    },
    /// Make an invitation, good for one account within a week
    Invite,
}

/// Runs the command beside a server that may be running.
pub(super) async fn run(command: Command, config: Config, output: Output) -> Result<ExitCode> {
    let database = open(&config).await?;
    let outcome = match command {
        Command::Create {
            username,
            email,
            password_stdin,
            role,
        } => {
            let account = NewAccount {
                username,
                email,
                password_stdin,
                role,
            };
            create(account, &config, &database, output).await
        }
        Command::List => list(&config, &database, output).await,
        Command::Promote { username, role } => {
            promote(&username, role, &config, &database, output).await
        }
        Command::Suspend { username, reason } => {
            standing::suspend(&database, &username, reason, output).await
        }
        Command::Unsuspend { username } => standing::unsuspend(&database, &username, output).await,
        Command::ResetPassword { username } => {
            standing::reset_password(&database, &username, output).await
        }
        Command::Invite => invite(&database, output).await,
    };
    database.close().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// An account that is to be opened.
pub(super) struct NewAccount {
    username: String,
    email: Option<String>,
    password_stdin: bool,
    role: Option<Role>,
}

impl NewAccount {
    /// An account with this name and a password that is made up.
    pub(super) fn named(username: &str) -> Self {
        Self {
            username: username.to_owned(),
            email: None,
            password_stdin: false,
            role: None,
        }
    }
}

/// An account that was opened.
#[derive(Serialize)]
pub(super) struct Created {
    #[serde(flatten)]
    user: UserView,
    /// The password that was made up; absent when it was piped in.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

impl Created {
    /// The account on one line, with the password that was made up.
    pub(super) fn shown(&self) -> String {
        let user = &self.user;
        match &self.password {
            Some(password) => format!("{} ({}), password {password}", user.handle, user.role),
            None => format!("{} ({})", user.handle, user.role),
        }
    }
}

async fn create(
    account: NewAccount,
    config: &Config,
    database: &Database,
    output: Output,
) -> Result<()> {
    let created = make(account, config, database).await?;
    output.print(&created, Created::shown)
}

/// Opens an account beside a server that may be running.
pub(super) async fn make(
    account: NewAccount,
    config: &Config,
    database: &Database,
) -> Result<Created> {
    let made_up = if account.password_stdin {
        None
    } else {
        Some(
            OpaqueToken::generate()?
                .expose()
                .chars()
                .take(22)
                .collect::<String>(),
        )
    };
    let password = match &made_up {
        Some(password) => password.clone(),
        None => first_line()?,
    };
    let origin = config.origin(config.server.bind);
    if let Some(made_under) = database.read(store::origin_of_accounts).await? {
        ensure!(
            made_under.as_str() == origin.as_str(),
            "the accounts here belong to {} and this one would belong to {}; \
             give the settings of the server (--config, --bind or --public-url)",
            made_under.as_str(),
            origin.as_str(),
        );
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let keyring = Arc::new(Keyring::open(&config.data_dir)?);
    let auth = Auth::start(
        config,
        &origin,
        database,
        &clock,
        &keyring,
        &Cluster::alone(),
    )
    .await?;
    let values = (account.username, Secret::new(password), account.email);
    let (role, now) = (account.role, clock.now());
    let user = actions::create_account(database, &auth, &origin, values, role, now).await?;
    Ok(Created {
        user: UserView::new(&user, &origin),
        password: made_up,
    })
}

fn first_line() -> Result<String> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut text)
        .context("cannot read standard input")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Gives an account another role, and says so in the audit log.
async fn set_role(database: &Database, id: UserId, role: Role) -> Result<User, AccountError> {
    let now = SystemClock.now();
    database
        .write(move |connection| {
            let before = store::by_id(connection, id)?.ok_or(AccountError::NotFound)?;
            store::set_role(connection, id, role, now)?;
            if before.role != role {
                let told = |role: Role| Some(json!({"role": role}));
                let entry = Entry::new(By::Command, "user.roles").on("user", &id);
                let entry = entry.change(told(before.role), told(role));
                audit::record(connection, &entry, now)?;
            }
            Ok(User { role, ..before })
        })
        .await
}

async fn list(config: &Config, database: &Database, output: Output) -> Result<()> {
    let origin = config.origin(config.server.bind);
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let read = move |connection: &mut Connection| store::list_local(connection, after, BATCH);
        let batch = database.read(read).await?;
        after = batch.last().map(|user| user.id);
        users.extend(batch.iter().map(|user| UserView::new(user, &origin)));
        if i64::try_from(batch.len()).unwrap_or(0) < BATCH {
            break;
        }
    }
    output.print(&users, |users| {
        let line = |user: &UserView| format!("{}  {}  {}", user.handle, user.role, user.created_at);
        match users.as_slice() {
            [] => "There is no account; make one by folkmoot user create <name>".to_owned(),
            users => users.iter().map(line).collect::<Vec<_>>().join("\n"),
        }
    })
}

async fn promote(
    username: &str,
    role: Role,
    config: &Config,
    database: &Database,
    output: Output,
) -> Result<()> {
    let origin = config.origin(config.server.bind);
    let user = standing::account(database, username).await?;
    let user = set_role(database, user.id, role).await?;
    output.print(&UserView::new(&user, &origin), |user| {
        format!("{} is now {}", user.handle, user.role)
    })
}

#[derive(Serialize)]
struct Invited {
    /// What the new member gives as `invite`.
    code: String,
    /// Seconds until it is good no longer.
    expires_in: u64,
}

async fn invite(database: &Database, output: Output) -> Result<()> {
    let code = OpaqueToken::generate()?;
    let now = SystemClock.now();
    let stored = code.clone();
    let terms = Terms {
        by: None,
        uses: 1,
        lifetime: INVITE_LIFETIME,
    };
    database
        .write(move |connection| {
            let id = invites::insert(connection, &stored, terms, now)?;
            let entry = Entry::new(By::Command, "invite.create").on("invite", &id);
            let entry = entry.change(None, Some(terms.recorded()));
            audit::record(connection, &entry, now)
        })
        .await?;
    let invited = Invited {
        code: code.expose().to_owned(),
        expires_in: terms.lifetime.as_secs(),
    };
    output.print(&invited, |invited| invited.code.clone())
}
