//! Requests that create something have their effect once, however often they arrive (I2).
//!
//! A client sends `Idempotency-Key`; the first answer is stored in the transaction that has the
//! effect, and repeats within a day get that answer. Answers are sealed, since some hold tokens. One
//! about something that was deleted since is dropped ([`forget`]); its key still has no second effect.

use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bytes::Bytes;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use openssl::sha::Sha256;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use super::extract::{Object, json_error, too_large};
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::idempotency_keys as table;

/// The header that carries the client's key.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The header that tells a repeated answer from a first one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// How long answers are kept.
pub const RETENTION: Duration = Duration::from_hours(24);
/// Characters in a key at most.
const MAX_KEY_LEN: usize = 255;

/// The JSON body of a request that creates something, with what makes it idempotent.
#[derive(Debug)]
pub struct Creation<T> {
    /// The body.
    pub body: T,
    /// What tells a repeat from a new request.
    pub idempotency: Idempotency,
}

/// How the document tells of the header that every [`Creation`] takes.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
pub struct IdempotencyKey {
    /// Makes a repeat of this request within a day get the first answer: a key that is new for
    /// each request, of printable ASCII.
    #[param(
        rename = "Idempotency-Key",
        value_type = String,
        required = false,
        min_length = 1,
        max_length = 255,
        pattern = "^[!-~]+$"
    )]
    #[expect(dead_code, reason = "it describes the header, which `Creation` reads")]
    key: Option<String>,
}

/// What tells a repeat from a new request; does nothing when the client sent no key.
#[derive(Clone, Debug)]
pub struct Idempotency {
    key: Option<String>,
    /// SHA-256 of method, path and body, as Base64.
    fingerprint: String,
}

/// The answer to a request that created something, the first time or again.
#[derive(Clone, Debug)]
pub struct Created {
    status: StatusCode,
    body: String,
    replayed: bool,
}

/// What is stored, sealed, with a key.
#[derive(Serialize, Deserialize)]
struct StoredAnswer {
    fingerprint: String,
    status: u16,
    body: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Creation<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let key = key(request.headers())?;
        let mut hash = Sha256::new();
        hash.update(request.method().as_str().as_bytes());
        hash.update(b" ");
        hash.update(request.uri().path().as_bytes());
        hash.update(b"\n");
        let is_json = request.headers().get(CONTENT_TYPE).cloned();
        let body = Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    too_large()
                } else {
                    ApiError::bad_request("unreadable_body", "The body could not be read.")
                }
            })?;
        hash.update(&body);
        let fingerprint = BASE64.encode(hash.finish());
        // Hand the bytes to the same reader as everywhere, with the media type it checks.
        let mut request = Request::new(body.into());
        if let Some(media_type) = is_json {
            request.headers_mut().insert(CONTENT_TYPE, media_type);
        }
        let axum::Json(Object(body)) = axum::Json::<Object<T>>::from_request(request, state)
            .await
            .map_err(|rejection| json_error(&rejection))?;
        Ok(Self {
            body,
            idempotency: Idempotency { key, fingerprint },
        })
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let fits = |text: &&str| (1..=MAX_KEY_LEN).contains(&text.len());
    match (value.to_str().ok().filter(fits), values.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(ApiError::bad_request(
            "invalid_idempotency_key",
            "Send one Idempotency-Key of 1 to 255 visible ASCII characters.",
        )),
    }
}

impl Idempotency {
    /// Has `effect` now, unless an earlier request with the same key had it.
    ///
    /// Call it inside the write transaction. `scope` says whose key it is, such as the user's id;
    /// `effect` answers the status and the JSON for the client. When it fails nothing is stored,
    /// so the client may try again with the same key.
    ///
    /// # Errors
    /// What `effect` answers; 422 when the key was used for another request.
    pub fn once<T: Serialize>(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        scope: &str,
        effect: impl FnOnce(&mut Connection) -> Result<(StatusCode, T), ApiError>,
    ) -> Result<Created, ApiError> {
        self.run(ctx, connection, scope, effect, |_value| None)
    }

    /// The same, with an answer about something that may be deleted: `subject` names it, and
    /// [`forget`] drops the answer.
    ///
    /// # Errors
    /// As [`Self::once`]; 404 when the answer was dropped.
    pub fn once_about<T: Serialize>(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        scope: &str,
        effect: impl FnOnce(&mut Connection) -> Result<(StatusCode, T), ApiError>,
        subject: impl FnOnce(&T) -> String,
    ) -> Result<Created, ApiError> {
        self.run(ctx, connection, scope, effect, |value| Some(subject(value)))
    }

    fn run<T: Serialize>(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        scope: &str,
        effect: impl FnOnce(&mut Connection) -> Result<(StatusCode, T), ApiError>,
        subject: impl FnOnce(&T) -> Option<String>,
    ) -> Result<Created, ApiError> {
        let Some(key) = self.key.as_deref() else {
            let (status, value) = effect(connection)?;
            return Created::first(status, &value);
        };
        let new = (
            table::scope.eq(scope),
            table::key.eq(key),
            table::created_at.eq(ctx.now().as_millis()),
        );
        // A parallel request with the same key waits here until the first one has committed.
        let inserted = each_backend!(connection, c => diesel::insert_into(table::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(c))?;
        let row = table::table
            .filter(table::scope.eq(scope))
            .filter(table::key.eq(key));
        let place = format!("idempotency_keys/{scope}/{key}");
        if inserted == 0 {
            let sealed: Option<Vec<u8>> = row.select(table::sealed_answer).first(connection)?;
            let sealed = sealed.ok_or_else(answer_gone)?;
            return self.replay(ctx, &sealed, &place);
        }
        let (status, value) = effect(connection)?;
        let created = Created::first(status, &value)?;
        let stored = StoredAnswer {
            fingerprint: self.fingerprint.clone(),
            status: status.as_u16(),
            body: created.body.clone(),
        };
        let plain = serde_json::to_vec(&stored).map_err(ApiError::internal)?;
        let sealed = ctx
            .keyring()
            .seal(&plain, place.as_bytes())
            .map_err(ApiError::internal)?;
        diesel::update(row)
            .set((
                table::sealed_answer.eq(sealed),
                table::subject.eq(subject(&value)),
            ))
            .execute(connection)?;
        Ok(created)
    }

    fn replay(&self, ctx: &Ctx, sealed: &[u8], place: &str) -> Result<Created, ApiError> {
        let plain = ctx
            .keyring()
            .open_sealed(sealed, place.as_bytes())
            .map_err(ApiError::internal)?;
        let stored: StoredAnswer = serde_json::from_slice(&plain).map_err(ApiError::internal)?;
        if stored.fingerprint != self.fingerprint {
            return Err(ApiError::invalid(
                "idempotency_key_reused",
                "This Idempotency-Key belongs to another request; make a new one.",
            ));
        }
        let status = StatusCode::from_u16(stored.status).map_err(ApiError::internal)?;
        Ok(Created {
            status,
            body: stored.body,
            replayed: true,
        })
    }
}

fn answer_gone() -> ApiError {
    let detail = "What this request made was deleted since; it is not made again.";
    ApiError::new(StatusCode::NOT_FOUND, "answer_gone", detail)
}

/// Drops the answers about something that is deleted, in the transaction that deletes it.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, subject: &str) -> Result<(), DatabaseError> {
    diesel::update(table::table.filter(table::subject.eq(subject)))
        .set(table::sealed_answer.eq(None::<Vec<u8>>))
        .execute(connection)?;
    Ok(())
}

/// Has the answers about one thing go with another one, which it became.
///
/// # Errors
/// The database failed.
pub fn hand_on(connection: &mut Connection, from: &str, to: &str) -> Result<(), DatabaseError> {
    diesel::update(table::table.filter(table::subject.eq(from)))
        .set(table::subject.eq(Some(to)))
        .execute(connection)?;
    Ok(())
}

impl Created {
    fn first(status: StatusCode, value: &impl Serialize) -> Result<Self, ApiError> {
        let body = serde_json::to_string(value).map_err(ApiError::internal)?;
        Ok(Self {
            status,
            body,
            replayed: false,
        })
    }

    /// Whether an earlier request had the effect.
    pub fn is_replay(&self) -> bool {
        self.replayed
    }
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let mut response = (self.status, [(CONTENT_TYPE, json)], self.body).into_response();
        if self.replayed {
            response
                .headers_mut()
                .insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// Removes answers that are past their retention, at most `limit`; how many there were.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<(String, String)> = table::table
        .filter(table::created_at.lt(now.minus(RETENTION).as_millis()))
        .order(table::created_at)
        .limit(limit)
        .select((table::scope, table::key))
        .load(connection)?;
    for (scope, key) in &old {
        let row = table::table
            .filter(table::scope.eq(scope))
            .filter(table::key.eq(key));
        diesel::delete(row).execute(connection)?;
    }
    Ok(old.len())
}
