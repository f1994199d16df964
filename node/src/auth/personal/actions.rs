//! Making, listing and ending personal access tokens.

use std::time::Duration;

use federation_core::store::sql::Connection;
use http::StatusCode;
use serde_json::json;

use super::PersonalToken;
use super::store::{self, Listed};
use super::wire::{MadeToken, NewToken, TokenView};
use crate::auth::clients::{self, NewClient, SessionKind};
use crate::auth::error::AuthError;
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::base::scope::{Scope, Scopes};
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::auth::CurrentUser;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Idempotency};

/// Tokens that one member has at most.
const MOST: usize = 50;
/// Days that a token lasts at most.
const LONGEST_DAYS: u32 = 365;
/// Characters in a name at most.
const MAX_NAME: usize = 80;

/// Makes a token for the member who asks.
///
/// # Errors
/// A value is refused, or there are too many.
pub(super) async fn make(
    ctx: &Ctx,
    me: CurrentUser,
    request: NewToken,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let name = request.name.trim().to_owned();
    let scopes: Scopes = request.scopes.iter().copied().collect();
    check(&name, scopes, request.expires_in_days)?;
    if scopes.contains(Scope::Admin) && Privileges::of_role(Role::User).covers(me.privileges) {
        let detail = "The scope admin is for those who have privileges on this node.";
        return Err(ApiError::forbidden("forbidden", detail));
    }
    let token = PersonalToken::generate().map_err(AuthError::from)?;
    let lifetime = Duration::from_hours(24).saturating_mul(request.expires_in_days);
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let now = shared.now();
        let scope = format!("personal_tokens/{}", me.id);
        idempotency.once(&shared, connection, &scope, |connection| {
            let kind = SessionKind::PersonalToken;
            if clients::live_of_kind(connection, me.id, kind, now)?.len() >= MOST {
                let detail = format!("There are {MOST} tokens already; delete one first.");
                return Err(ApiError::conflict("too_many_tokens", detail));
            }
            let new = NewClient {
                user: me.id,
                kind,
                scopes,
                label: &name,
                expires_at: now.plus(lifetime),
            };
            let session = clients::insert(connection, &new, now)?;
            store::insert(connection, session, &token.hash(), &name)?;
            let entry = Entry::new(By::User(me.id), "personal_token.create")
                .on("personal_token", &session)
                .change(
                    None,
                    Some(json!({"name": name, "scopes": scopes.to_string()})),
                );
            audit::record(connection, &entry, now)?;
            let listed = Listed {
                id: session,
                name: name.clone(),
                scopes: scopes.to_string(),
                created_at: now.as_millis(),
                last_used_at: now.as_millis(),
                expires_at: new.expires_at.as_millis(),
            };
            let view = TokenView::new(listed).ok_or_else(|| ApiError::internal("a new token"))?;
            let made = MadeToken::new(view, token.expose().to_owned());
            Ok((StatusCode::CREATED, made))
        })
    };
    ctx.db().write(effect).await
}

fn check(name: &str, scopes: Scopes, days: u32) -> Result<(), ApiError> {
    let refuse = |code, detail: &str| Err(ApiError::invalid(code, detail));
    if !(1..=MAX_NAME).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return refuse("invalid_name", "A name has 1 to 80 characters.");
    }
    if scopes.is_empty() {
        return refuse("invalid_scope", "Name at least one scope.");
    }
    if !(1..=LONGEST_DAYS).contains(&days) {
        return refuse("invalid_expiry", "A token lasts 1 to 365 days.");
    }
    Ok(())
}

/// The tokens of the member who asks that live, newest first.
///
/// # Errors
/// The database failed.
pub(super) async fn list(ctx: &Ctx, me: CurrentUser) -> Result<Vec<TokenView>, ApiError> {
    let now = ctx.now();
    let listed: Vec<Listed> = ctx
        .db()
        .read(move |connection| Ok::<_, ApiError>(store::list(connection, me.id, now)?))
        .await?;
    Ok(listed.into_iter().filter_map(TokenView::new).collect())
}
