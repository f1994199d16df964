//! All SQL on `applications` and `authorization_codes`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Application, AuthMethod};
use crate::base::ids::{ApplicationId, SessionId, UserId};
use crate::base::scope::Scopes;
use crate::platform::db::schema::{applications, authorization_codes};

/// What a member agreed to, as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) application: ApplicationId,
    pub(super) user: UserId,
    pub(super) redirect_uri: String,
    pub(super) scopes: Scopes,
    pub(super) code_challenge: String,
    pub(super) expires_at: i64,
    pub(super) used_at: Option<i64>,
    pub(super) session: Option<SessionId>,
}

type ApplicationRow = (
    ApplicationId,
    String,
    String,
    String,
    Option<Vec<u8>>,
    String,
    Option<String>,
);

/// Stores a new application.
pub(super) fn insert_application(
    connection: &mut Connection,
    new: &Application,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let uris = serde_json::Value::from(new.redirect_uris.clone()).to_string();
    diesel::insert_into(applications::table)
        .values((
            applications::id.eq(new.id),
            applications::name.eq(&new.name),
            applications::redirect_uris.eq(uris),
            applications::scopes.eq(new.scopes.to_string()),
            applications::secret_hash.eq(&new.secret_hash),
            applications::auth_method.eq(new.auth_method.as_str()),
            applications::website.eq(&new.website),
            applications::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// The application with this id; one whose row does not read is not there.
pub(super) fn application(
    connection: &mut Connection,
    id: ApplicationId,
) -> Result<Option<Application>, DatabaseError> {
    let row = applications::table.find(id).select((
        applications::id,
        applications::name,
        applications::redirect_uris,
        applications::scopes,
        applications::secret_hash,
        applications::auth_method,
        applications::website,
    ));
    let found: Option<ApplicationRow> = row.first(connection).optional()?;
    Ok(
        found.and_then(|(id, name, uris, scopes, secret_hash, method, website)| {
            Some(Application {
                id,
                name,
                redirect_uris: serde_json::from_str(&uris).ok()?,
                scopes: scopes.parse().ok()?,
                secret_hash,
                auth_method: AuthMethod::named(&method)?,
                website,
            })
        }),
    )
}

/// Stores what a member agreed to; false when the same request was answered before.
pub(super) fn insert_code(
    connection: &mut Connection,
    (code_hash, request_hash): (&[u8], &[u8]),
    code: &Code,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let new = (
        authorization_codes::code_hash.eq(code_hash),
        authorization_codes::request_hash.eq(request_hash),
        authorization_codes::application_id.eq(code.application),
        authorization_codes::user_id.eq(code.user),
        authorization_codes::redirect_uri.eq(&code.redirect_uri),
        authorization_codes::scopes.eq(code.scopes.to_string()),
        authorization_codes::code_challenge.eq(&code.code_challenge),
        authorization_codes::expires_at.eq(code.expires_at),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(authorization_codes::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c))?;
    if inserted == 0 {
        return Ok(false);
    }
    let unused = applications::table
        .find(code.application)
        .filter(applications::used_at.is_null());
    diesel::update(unused)
        .set(applications::used_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(inserted == 1)
}

type CodeRow = (
    ApplicationId,
    UserId,
    String,
    String,
    String,
    i64,
    Option<i64>,
    Option<SessionId>,
);

/// The code with this hash.
pub(super) fn code(
    connection: &mut Connection,
    hash: &[u8],
) -> Result<Option<Code>, DatabaseError> {
    let row = authorization_codes::table
        .filter(authorization_codes::code_hash.eq(hash))
        .select((
            authorization_codes::application_id,
            authorization_codes::user_id,
            authorization_codes::redirect_uri,
            authorization_codes::scopes,
            authorization_codes::code_challenge,
            authorization_codes::expires_at,
            authorization_codes::used_at,
            authorization_codes::session_id,
        ));
    let found: Option<CodeRow> = row.first(connection).optional()?;
    Ok(found.and_then(
        |(
            application,
            user,
            redirect_uri,
            scopes,
            code_challenge,
            expires_at,
            used_at,
            session,
        )| {
            Some(Code {
                application,
                user,
                redirect_uri,
                scopes: scopes.parse().ok()?,
                code_challenge,
                expires_at,
                used_at,
                session,
            })
        },
    ))
}

/// Uses a code up; false when it was already.
pub(super) fn use_code(
    connection: &mut Connection,
    hash: &[u8],
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let unused = authorization_codes::table
        .filter(authorization_codes::code_hash.eq(hash))
        .filter(authorization_codes::used_at.is_null());
    let changed = diesel::update(unused)
        .set(authorization_codes::used_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Notes which session a code gave.
pub(super) fn set_session(
    connection: &mut Connection,
    hash: &[u8],
    session: SessionId,
) -> Result<(), DatabaseError> {
    let row = authorization_codes::table.filter(authorization_codes::code_hash.eq(hash));
    diesel::update(row)
        .set(authorization_codes::session_id.eq(session))
        .execute(connection)?;
    Ok(())
}

/// Removes codes that ended before `codes`, and applications made before `unused` that no member
/// ever let in; at most `limit` of each. How many there were of the kind with more.
pub(super) fn prune(
    connection: &mut Connection,
    (codes, unused): (Timestamp, Timestamp),
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<Vec<u8>> = authorization_codes::table
        .filter(authorization_codes::expires_at.lt(codes.as_millis()))
        .order(authorization_codes::expires_at)
        .limit(limit)
        .select(authorization_codes::code_hash)
        .load(connection)?;
    diesel::delete(authorization_codes::table.filter(authorization_codes::code_hash.eq_any(&old)))
        .execute(connection)?;
    let forgotten: Vec<ApplicationId> = applications::table
        .filter(applications::used_at.is_null())
        .filter(applications::created_at.lt(unused.as_millis()))
        .order(applications::created_at)
        .limit(limit)
        .select(applications::id)
        .load(connection)?;
    diesel::delete(applications::table.filter(applications::id.eq_any(&forgotten)))
        .execute(connection)?;
    Ok(old.len().max(forgotten.len()))
}
