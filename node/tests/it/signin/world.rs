//! What tests of signing in share.

use std::sync::Arc;
use std::time::Duration;

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, TestDatabase};
use federation_core::{Clock as _, Timestamp};
use folkmoot::base::ids::UserId;
use folkmoot::config::Config;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Member, PASSWORD, Reply, TestApp};

/// A server whose time the test moves, behind a proxy that it trusts.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) time: Arc<ManualClock>,
}

impl World {
    pub(crate) async fn start(database: TestDatabase) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(crate) async fn start_with(
        database: TestDatabase,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let time = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let clock: Arc<ManualClock> = Arc::clone(&time);
        let app = TestApp::start_with(database, clock, |config| {
            config.server.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
            change(config);
        })
        .await;
        Self { app, time }
    }

    /// Tries to sign in, from an address of the test's choice.
    pub(crate) async fn login_from(&self, address: &str, body: &Value) -> Reply {
        let call = self.app.call(Method::POST, "/api/v1/auth/login");
        call.header("x-forwarded-for", address)
            .json(body)
            .send()
            .await
    }

    /// Tries to sign in with [`PASSWORD`] and perhaps a code.
    pub(crate) async fn login(&self, username: &str, otp: Option<&str>) -> Reply {
        let body = json!({"username": username, "password": PASSWORD, "otp": otp});
        self.login_from("192.0.2.1", &body).await
    }

    /// A request of a member with a body.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        member: &Member,
        body: &Value,
    ) -> Reply {
        let call = self.app.call(method, path).bearer(&member.access);
        call.json(body).send().await
    }

    /// Sets up the second factor; answers its secret and the recovery codes.
    pub(crate) async fn second_factor(&self, member: &Member) -> (Vec<u8>, Vec<String>) {
        let body = json!({"password": PASSWORD});
        let path = "/api/v1/auth/totp";
        let reply = self.send(Method::POST, path, member, &body).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.json);
        assert_eq!(reply.headers["cache-control"], "no-store");
        let secret = base32(&reply.text("/secret"));
        let code = json!({"code": self.code(&secret)});
        let path = "/api/v1/auth/totp/confirm";
        let reply = self.send(Method::POST, path, member, &code).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        let codes = reply.json["recovery_codes"].as_array().unwrap();
        let text = |code: &Value| code.as_str().unwrap().to_owned();
        // The code that confirmed it is used; the next one comes half a minute later.
        self.time.advance(Duration::from_secs(30));
        (secret, codes.iter().map(text).collect())
    }

    /// What the audit log holds of this member's own acts, oldest first.
    pub(crate) async fn audited(&self, member: &Member) -> Vec<String> {
        let id: UserId = member.id.parse().unwrap();
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

    /// Messages and requests for passwords that wait.
    pub(crate) async fn waiting(&self) -> (i64, i64) {
        let read = |connection: &mut Connection| {
            use diesel::prelude::*;
            use folkmoot::platform::db::schema::{mails, reset_requests};
            let mails = mails::table.count().get_result(connection)?;
            let requests = reset_requests::table.count().get_result(connection)?;
            Ok::<_, DatabaseError>((mails, requests))
        };
        self.app.app().ctx().db().read(read).await.unwrap()
    }

    /// The code that an app shows now.
    pub(crate) fn code(&self, secret: &[u8]) -> String {
        code_at(secret, self.time.now().as_seconds() / 30)
    }
}

/// RFC 6238, written a second time.
pub(crate) fn code_at(secret: &[u8], step: i64) -> String {
    let key = PKey::hmac(secret).unwrap();
    let mut signer = Signer::new(MessageDigest::sha1(), &key).unwrap();
    signer.update(&step.to_be_bytes()).unwrap();
    let hmac = signer.sign_to_vec().unwrap();
    let offset = usize::from(hmac[19] & 15);
    let bits = u32::from_be_bytes(hmac[offset..offset + 4].try_into().unwrap());
    format!("{:06}", (bits & 0x7fff_ffff) % 1_000_000)
}

pub(crate) fn base32(text: &str) -> Vec<u8> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digits = text.chars().map(|letter| alphabet.find(letter).unwrap());
    let bits = digits.flat_map(|digit| (0..5).rev().map(move |place| digit >> place & 1 == 1));
    let bits: Vec<bool> = bits.collect();
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
    bits.chunks_exact(8).map(byte).collect()
}
