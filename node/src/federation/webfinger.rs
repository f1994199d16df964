//! WebFinger (RFC 7033): from a handle or an id to the actor behind it.

use axum::Router;
use federation_core::discovery::{Account, Accounts, Site, webfinger_router};
use federation_core::store::sql::{Connection, DatabaseError};
use url::Url;

use super::actors::{NODE_NAME, group, node_id};
use crate::accounts::model::{User, Username};
use crate::accounts::store;
use crate::base::ids::ChannelId;
use crate::communities;
use crate::config::Origin;
use crate::groups::federate::{channel_in, group_uri};
use crate::messages::federate::group::place;
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

/// The members of this node who are still there, and its public channels.
#[derive(Debug)]
struct Members(Ctx);

impl Accounts for Members {
    type Error = DatabaseError;

    async fn by_name(&self, name: &str) -> Result<Option<Account>, DatabaseError> {
        let Ok(username) = name.parse::<Username>() else {
            let (ctx, name) = (self.0.clone(), name.to_owned());
            let find = move |connection: &mut Connection| channel_named(&ctx, connection, &name);
            return self.0.db().read(find).await;
        };
        let find = move |connection: &mut _| store::local_by_username(connection, &username);
        Ok(self.0.db().read(find).await?.as_ref().and_then(account))
    }

    async fn by_url(&self, url: &Url) -> Result<Option<Account>, DatabaseError> {
        let uri = url.to_string();
        let find = move |connection: &mut Connection| store::by_actor(connection, &uri);
        if let Some(user) = self.0.db().read(find).await? {
            return Ok(account(&user));
        }
        let Some(channel) = channel_in(self.0.origin(), url) else {
            return Ok(None);
        };
        let ctx = self.0.clone();
        let find = move |connection: &mut Connection| channel_at(&ctx, connection, channel);
        self.0.db().read(find).await
    }
}

/// The public channel that the name part of a handle names.
fn channel_named(
    ctx: &Ctx,
    connection: &mut Connection,
    name: &str,
) -> Result<Option<Account>, DatabaseError> {
    let Some((id, name)) = group::by_name(connection, name)? else {
        return Ok(None);
    };
    let place = place(ctx, connection, id, None)?;
    Ok(place.map(|_| Account::new(name, group_uri(ctx.origin(), id))))
}

/// A channel that everybody may know of.
fn channel_at(
    ctx: &Ctx,
    connection: &mut Connection,
    id: ChannelId,
) -> Result<Option<Account>, DatabaseError> {
    let Some(place) = place(ctx, connection, id, None)? else {
        return Ok(None);
    };
    let Some(community) = place.channel.community_id else {
        return Ok(None);
    };
    let Some(community) = communities::store::by_id(connection, community)? else {
        return Ok(None);
    };
    let name = group::name_of(connection, &place.channel, &community)?;
    Ok(Some(Account::new(name, group_uri(ctx.origin(), id))))
}

fn account(user: &User) -> Option<Account> {
    if !user.is_local() || !user.is_active() {
        return None;
    }
    let actor = user.actor_uri.parse().ok()?;
    Some(Account::new(user.username.clone(), actor))
}
