//! Signing in by an issuer that the operator trusts, against a real one.

mod attacks;
mod bearer;
mod flow;
mod issuer;
mod linking;
mod registering;
mod second_factor;

use std::sync::Arc;

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, TestDatabase};
use federation_core::{Clock, SystemClock};
use folkmoot::base::ids::UserId;
use folkmoot::config::{Config, Secret};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::issuer::{AUDIENCE, Back, Issuer, REDIRECT, SECRET};
use crate::app::{Member, PASSWORD, Reply, TestApp};

/// A node, the issuer it trusts, and the clock of the node, which begins at the present: the issuer
/// has none but the machine's.
struct World {
    app: TestApp,
    issuer: Issuer,
    time: Arc<ManualClock>,
}

impl World {
    async fn start(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let left = (database, tempfile::tempdir().unwrap());
        Self::start_in(left, "RS256", change).await
    }

    /// A node that has an owner, on what an earlier one left, and an issuer that signs in another
    /// way.
    async fn start_in(
        left: (TestDatabase, TempDir),
        algorithm: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let world = Self::start_unowned(left, algorithm, change).await;
        let version = world
            .app
            .app()
            .ctx()
            .config()
            .registration
            .terms_version
            .clone();
        let owner = json!({"username": "olivia", "password": PASSWORD, "accept_terms": version});
        let reply = world.app.post("/api/v1/auth/signup", &owner).await;
        let is_there = [StatusCode::CREATED, StatusCode::CONFLICT].contains(&reply.status);
        assert!(is_there, "{:#}", reply.json);
        world
    }

    /// The same without an owner.
    async fn start_unowned(
        (database, data_dir): (TestDatabase, TempDir),
        algorithm: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let issuer = Issuer::start(algorithm);
        let time = Arc::new(ManualClock::new(SystemClock.now()));
        let clock: Arc<dyn Clock> = time.clone();
        let named = issuer.url.clone();
        let app = TestApp::start_in(database, data_dir, clock, |config| {
            config.oidc.allow_http = true;
            config.oidc.allowed_private_ranges = vec!["127.0.0.0/8".parse().unwrap()];
            config.oidc.issuer = Some(named);
            config.oidc.client_id = "folkmoot".to_owned();
            config.oidc.client_secret = Some(Secret::new(SECRET.to_owned()));
            config.oidc.bearer_audiences = vec![AUDIENCE.to_owned()];
            change(config);
        })
        .await;
        Self { app, issuer, time }
    }

    /// The first half of a sign-in.
    async fn begin(&self) -> Value {
        let redirect: String = url::form_urlencoded::byte_serialize(REDIRECT.as_bytes()).collect();
        let path = format!("/api/v1/auth/oidc/start?redirect_uri={redirect}");
        let started = self.app.call(Method::GET, &path).send().await;
        assert_eq!(started.status, StatusCode::OK, "{:#}", started.json);
        assert_eq!(started.headers["cache-control"], "no-store");
        started.json
    }

    /// Leads `person` through the issuer.
    async fn lead(&self, started: &Value, person: &str) -> Back {
        let url = started["authorization_url"].as_str().unwrap();
        let back = self.issuer.sign_in(url, person).await;
        assert_eq!(back.state, started["state"]);
        back
    }

    /// The second half.
    async fn finish(&self, started: &Value, back: &Back) -> Reply {
        self.finish_with(started, back, &json!({})).await
    }

    /// The second half, with something more.
    async fn finish_with(&self, started: &Value, back: &Back, more: &Value) -> Reply {
        let mut body = finished(started, back);
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.app.post("/api/v1/auth/oidc/finish", &body).await
    }

    /// Both.
    async fn sign_in(&self, person: &str) -> Reply {
        let started = self.begin().await;
        let back = self.lead(&started, person).await;
        self.finish(&started, &back).await
    }

    /// Links the account of a member to a person of the issuer.
    async fn link(&self, member: &Member, person: &str) -> Reply {
        let body = json!({"redirect_uri": REDIRECT, "password": PASSWORD});
        let started = self.begin_link(&member.access, &body).await;
        assert_eq!(started.status, StatusCode::OK, "{:#}", started.json);
        let back = self.lead(&started.json, person).await;
        self.finish_link(&member.access, &started.json, &back).await
    }

    /// The first half of it.
    async fn begin_link(&self, access: &str, body: &Value) -> Reply {
        let links = self.app.call(Method::POST, "/api/v1/auth/oidc/links");
        links.bearer(access).json(body).send().await
    }

    /// The second half.
    async fn finish_link(&self, access: &str, started: &Value, back: &Back) -> Reply {
        let path = "/api/v1/auth/oidc/links/finish";
        let call = self.app.call(Method::POST, path).bearer(access);
        call.json(&finished(started, back)).send().await
    }

    /// What the audit log holds of a member's own acts, oldest first.
    async fn audited(&self, member: &str) -> Vec<String> {
        let id: UserId = member.parse().unwrap();
        let read = move |connection: &mut Connection| {
            use diesel::prelude::*;
            use folkmoot::platform::db::schema::audit_log;
            let rows = audit_log::table
                .filter(audit_log::actor_id.eq(id))
                .order(audit_log::id)
                .select(audit_log::action);
            Ok::<_, DatabaseError>(rows.load(connection)?)
        };
        self.app.app().ctx().db().read(read).await.unwrap()
    }

    async fn me(&self, access: &str) -> Reply {
        self.app.get("/api/v1/users/@me", access).await
    }
}

fn finished(started: &Value, back: &Back) -> Value {
    json!({
        "state": back.state,
        "code": back.code,
        "iss": back.iss,
        "binding": started["binding"],
    })
}
