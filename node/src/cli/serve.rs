//! `folkmoot serve`: the server, until it is told to stop.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use tokio::signal::unix::{SignalKind, signal};

use super::output::line;
use crate::accounts::store;
use crate::app::{self, App};
use crate::config::{Config, RegistrationMode};
use crate::telemetry;

/// Serves until SIGTERM or SIGINT.
pub(super) async fn run(config: Config, command: &str) -> Result<ExitCode> {
    telemetry::start(&config.telemetry);
    // Before anything serves: whoever stops a server that has just become ready stops it in order.
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch for SIGINT")?;
    let listener = app::listen(&config).await?;
    let app = App::start(config, listener).await?;
    greet(&app, command).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    if app.stop().await {
        return Ok(ExitCode::SUCCESS);
    }
    tracing::warn!("stopped before everything under way had ended");
    Ok(ExitCode::FAILURE)
}

/// Prints where the server is, and how to make the first account when there is none.
async fn greet(app: &App, command: &str) -> Result<()> {
    let ctx = app.ctx();
    let origin = ctx.origin().as_str();
    line(&format!(
        "Folkmoot {} serves {origin} on {}, database {}",
        env!("CARGO_PKG_VERSION"),
        app.address(),
        ctx.db().url(),
    ))?;
    let made_under = ctx.db().read(store::origin_of_accounts).await?;
    if let Some(made_under) = made_under.filter(|made_under| made_under.as_str() != origin) {
        tracing::warn!(
            made_under = made_under.as_str(),
            origin,
            "accounts were made under another origin; other nodes know them by that one"
        );
    }
    let accounts = ctx.db().read(store::count_local).await?;
    if accounts > 0 {
        return Ok(());
    }
    line("There is no account yet. The first one owns this node; make it by")?;
    line(&format!("  {command} user create alice"))?;
    if ctx.config().registration.mode == RegistrationMode::Open {
        line(&format!(
            "or by\n  curl {origin}/api/v1/auth/signup -H 'content-type: application/json' \
             -d '{{\"username\":\"alice\",\"password\":\"a long one of yours\"}}'"
        ))?;
    }
    Ok(())
}
