//! WebFinger (RFC 7033): from a handle or an id to the actor behind it.

use axum::Router;
use federation_core::discovery::{Account, Accounts, Site, webfinger_router};
use federation_core::store::sql::DatabaseError;
use url::Url;

use super::actors::{NODE_NAME, node_id};
use crate::accounts::model::{User, Username};
use crate::accounts::store;
use crate::config::Origin;
use crate::platform::ctx::Ctx;

/// The route `/.well-known/webfinger`.
pub(super) fn router(ctx: Ctx) -> Router<Ctx> {
    let site = site(ctx.origin());
    webfinger_router(&site, Members(ctx))
}

/// What this node says about itself: it stands for itself (FEP-d556, FEP-2677).
pub(super) fn site(origin: &Origin) -> Site {
    let node = Account::new(NODE_NAME, node_id(origin));
    Site::new(origin.url()).with_application(node)
}

/// The members of this node who are still there.
#[derive(Debug)]
struct Members(Ctx);

impl Accounts for Members {
    type Error = DatabaseError;

    async fn by_name(&self, name: &str) -> Result<Option<Account>, DatabaseError> {
        let Ok(username) = name.parse::<Username>() else {
            return Ok(None);
        };
        let find = move |connection: &mut _| store::local_by_username(connection, &username);
        Ok(self.0.db().read(find).await?.as_ref().and_then(account))
    }

    async fn by_url(&self, url: &Url) -> Result<Option<Account>, DatabaseError> {
        let uri = url.to_string();
        let find = move |connection: &mut _| store::by_actor(connection, &uri);
        Ok(self.0.db().read(find).await?.as_ref().and_then(account))
    }
}

fn account(user: &User) -> Option<Account> {
    if !user.is_local() || !user.is_active() {
        return None;
    }
    let actor = user.actor_uri.parse().ok()?;
    Some(Account::new(user.username.clone(), actor))
}
