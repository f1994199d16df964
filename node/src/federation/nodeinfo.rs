//! What this node is, for programs: NodeInfo 2.0 and 2.1 (FEP-f1d5, FEP-0151) and host-meta
//! (RFC 6415).

use axum::Router;
use federation_core::discovery::{
    NodeInfo, Software, UserCounts, host_meta_router, node_info_router,
};
use federation_core::store::sql::DatabaseError;
use serde_json::json;

use super::webfinger::site;
use crate::accounts::store;
use crate::config::RegistrationMode;
use crate::platform::ctx::Ctx;

/// The routes of these documents.
pub(super) fn router(ctx: Ctx) -> Router<Ctx> {
    let site = site(ctx.origin());
    let describe = move || describe(ctx.clone());
    node_info_router(&site, describe).merge(host_meta_router(&site))
}

async fn describe(ctx: Ctx) -> Result<NodeInfo, DatabaseError> {
    let members = ctx.db().read(store::count_local).await?;
    let is_open = ctx.config().registration.mode == RegistrationMode::Open;
    let software = Software::new("folkmoot", env!("CARGO_PKG_VERSION"));
    let mut users = UserCounts::default();
    users.total = u64::try_from(members).ok();
    // Messages are private, so none is counted as a post.
    let mut document = NodeInfo::new(software, is_open).with_usage(users, Some(0));
    let name = json!(ctx.origin().authority());
    document.metadata.insert("nodeName".to_owned(), name);
    Ok(document)
}
