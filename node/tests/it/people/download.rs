//! Archives as members download them, and the secrets that none of them holds.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use federation_core::store::sql::{Connection, DatabaseError};
use folkmoot::auth::clients::{self, NewClient, SessionKind};
use folkmoot::base::ids::{ApplicationId, ExternalIdentityId, PasskeyId, UserId};
use folkmoot::base::scope::Scopes;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{Member, PASSWORD, TestApp};

/// The route of the archive.
pub(super) const EXPORT: &str = "/api/v1/users/@me/export";

/// An archive that came whole.
pub(super) struct Download {
    pub(super) raw: Vec<u8>,
    pub(super) files: BTreeMap<String, Vec<u8>>,
}

impl Download {
    pub(super) async fn of(response: Response) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/x-tar");
        assert_eq!(headers["cache-control"], "no-store");
        let named = headers["content-disposition"].to_str().unwrap();
        assert!(named.starts_with("attachment; filename=\""), "{named}");
        let raw = response.bytes().await.unwrap().to_vec();
        assert!(raw.ends_with(&[0; 1024]), "the end is missing");
        let mut files = BTreeMap::new();
        let mut archive = tar::Archive::new(raw.as_slice());
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert!(files.insert(name.clone(), content).is_none(), "{name}");
        }
        Self { raw, files }
    }

    pub(super) fn text(&self, name: &str) -> &str {
        std::str::from_utf8(&self.files[name]).unwrap()
    }

    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_str(self.text(name)).unwrap()
    }

    /// The entries of one kind of record, in order.
    pub(super) fn parts(&self, stem: &str) -> Vec<&str> {
        let names = self.files.keys().map(String::as_str);
        names
            .filter(|name| {
                let rest = name.strip_prefix(stem).unwrap_or_default();
                rest.starts_with('.') || rest.starts_with('-')
            })
            .collect()
    }

    /// All records of one kind.
    pub(super) fn lines(&self, stem: &str) -> Vec<Value> {
        let parts = self.parts(stem);
        assert!(!parts.is_empty(), "no {stem}");
        let lines = parts.iter().flat_map(|part| self.text(part).lines());
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        assert!(bytes.len() > 5, "too short to tell anything");
        self.raw.windows(bytes.len()).any(|window| window == bytes)
    }
}

/// Asks for an archive; its body is read by whoever wants it.
pub(super) async fn ask(app: &TestApp, access: &str, body: &Value) -> Response {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}{EXPORT}", app.origin());
    let request = client.post(url).bearer_auth(access).json(body);
    request.send().await.unwrap()
}

pub(super) async fn download(app: &TestApp, member: &Member) -> Download {
    Download::of(ask(app, &member.access, &json!({"password": PASSWORD})).await).await
}

pub(super) async fn refused(response: Response, status: u16, code: &str) {
    assert_eq!(response.status().as_u16(), status);
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["code"], code, "{problem:#}");
}

/// What cannot be made over the API without a browser or another server.
pub(super) async fn give_credentials(app: &TestApp, member: &Member) {
    use diesel::{ExpressionMethods as _, RunQueryDsl as _};
    use folkmoot::platform::db::schema::{external_identities, passkeys};
    let user: UserId = member.id.parse().unwrap();
    let now = app.app().ctx().now();
    let insert = move |connection: &mut Connection| {
        diesel::insert_into(passkeys::table)
            .values((
                passkeys::id.eq(PasskeyId::new(now)),
                passkeys::user_id.eq(user),
                passkeys::credential_id.eq(b"the credential id".to_vec()),
                passkeys::credential.eq("{\"the\":\"credential\"}"),
                passkeys::counter.eq(0_i64),
                passkeys::name.eq("yellow key"),
                passkeys::created_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
        diesel::insert_into(external_identities::table)
            .values((
                external_identities::id.eq(ExternalIdentityId::new(now)),
                external_identities::issuer.eq("https://issuer.example"),
                external_identities::subject.eq("a.liddell"),
                external_identities::user_id.eq(user),
                external_identities::created_at.eq(now.as_millis()),
                external_identities::last_used_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
        let new = NewClient {
            user,
            kind: SessionKind::Application(ApplicationId::new(now)),
            scopes: Scopes::all(),
            label: "Knitting club",
            expires_at: now.plus(Duration::from_hours(1)),
        };
        clients::insert(connection, &new, now)?;
        Ok::<_, DatabaseError>(())
    };
    app.app().ctx().db().write(insert).await.unwrap();
}

/// Every secret that the database keeps, as it keeps it.
pub(super) async fn stored_secrets(app: &TestApp) -> Vec<Vec<u8>> {
    use diesel::{QueryDsl as _, RunQueryDsl as _};
    use folkmoot::platform::db::schema::{
        credentials, invites, passkeys, personal_tokens, recovery_codes, refresh_tokens,
        totp_secrets,
    };
    let read = |connection: &mut Connection| {
        let passwords: Vec<String> = credentials::table
            .select(credentials::password_hash)
            .load(connection)?;
        let keys: Vec<(String, Vec<u8>)> = passkeys::table
            .select((passkeys::credential, passkeys::credential_id))
            .load(connection)?;
        let mut secrets: Vec<Vec<u8>> = refresh_tokens::table
            .select(refresh_tokens::token_hash)
            .load(connection)?;
        let tokens: Vec<Vec<u8>> = personal_tokens::table
            .select(personal_tokens::token_hash)
            .load(connection)?;
        let sealed: Vec<Vec<u8>> = totp_secrets::table
            .select(totp_secrets::sealed_secret)
            .load(connection)?;
        let recovery: Vec<Vec<u8>> = recovery_codes::table
            .select(recovery_codes::code_hash)
            .load(connection)?;
        let invited: Vec<Vec<u8>> = invites::table.select(invites::code_hash).load(connection)?;
        for kind in [&tokens, &sealed, &recovery, &invited] {
            assert!(!kind.is_empty());
        }
        secrets.extend([tokens, sealed, recovery, invited].into_iter().flatten());
        secrets.extend(passwords.into_iter().map(String::into_bytes));
        for (credential, id) in keys {
            secrets.extend([credential.into_bytes(), id]);
        }
        Ok::<_, DatabaseError>(secrets)
    };
    app.app().ctx().db().read(read).await.unwrap()
}

/// The ways in which bytes stand in a text.
pub(super) fn spelled(secret: &[u8]) -> [Vec<u8>; 5] {
    use std::fmt::Write as _;
    let hex = secret.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let quoted = serde_json::to_string(&String::from_utf8_lossy(secret)).unwrap();
    [
        secret.to_vec(),
        hex.into_bytes(),
        STANDARD.encode(secret).into_bytes(),
        URL_SAFE_NO_PAD.encode(secret).into_bytes(),
        quoted.trim_matches('"').as_bytes().to_vec(),
    ]
}
