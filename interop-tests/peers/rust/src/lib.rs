//! What the servers made of Rust federation libraries share: their settings, what they hold, and
//! the routes. The libraries sign, verify, fetch and deliver (`bin/`).

#![warn(missing_docs)]

pub mod control;
pub mod library;
pub mod public;
pub mod settings;
pub mod state;

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;

use crate::library::Library;
use crate::state::Local;
use crate::state::State;
use crate::state::context;

/// A server: what it holds and the library that speaks for it.
#[derive(Debug)]
pub struct Server<L> {
    /// What it holds.
    pub state: Arc<State>,
    /// The library.
    pub library: L,
}

impl<L: Library> Server<L> {
    /// Adds an actor with keys; gives it.
    ///
    /// # Errors
    /// When the keys cannot be made.
    pub fn add(&self, name: &str, kind: &str) -> Result<Local> {
        self.library
            .make_keys(&self.state.settings.actor(name), false)?;
        Ok(self.state.add(name, kind))
    }

    /// An actor's document.
    pub fn document(&self, local: &Local) -> Value {
        let (id, origin) = (&local.id, &self.state.settings.origin);
        let approves = self.state.held().mode.accept_follows != "auto";
        let mut document = json!({
            "@context": context(),
            "id": id, "type": local.kind, "preferredUsername": local.name,
            "name": local.shown, "summary": local.summary, "url": id,
            "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
            "followers": format!("{id}/followers"),
            "featured": format!("{origin}/collections/featured"),
            "endpoints": { "sharedInbox": format!("{origin}/inbox") },
            "manuallyApprovesFollowers": approves,
        });
        if let Some(fields) = document.as_object_mut() {
            fields.extend(self.library.keys(id));
        }
        document
    }
}

/// Serves until it is killed.
///
/// # Errors
/// When the port is taken, or keys cannot be made.
pub async fn serve<L: Library>(state: Arc<State>, library: L) -> Result<()> {
    let (port, name) = (state.settings.port, state.settings.name.clone());
    let server = Arc::new(Server { state, library });
    server.add(&name, "Person")?;
    server.add("server", "Application")?;
    let router = Router::new()
        .merge(control::routes())
        .merge(public::routes())
        .with_state(server);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    Ok(axum::serve(listener, router).await?)
}
