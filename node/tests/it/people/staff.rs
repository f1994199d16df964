//! Members with roles, and calls in their name.

use reqwest::Method;
use serde_json::{Value, json};

use folkmoot::accounts;
use folkmoot::accounts::model::RemotePerson;
use folkmoot::accounts::profile::Profile;
use folkmoot::base::ids::UserId;

use crate::app::{Member, Reply, TestApp};

/// Sends a request with a body in the name of a member.
pub(crate) async fn call(
    app: &TestApp,
    method: Method,
    path: &str,
    member: &Member,
    body: &Value,
) -> Reply {
    let call = app.call(method, path).bearer(&member.access);
    if body.is_null() {
        call.send().await
    } else {
        call.json(body).send().await
    }
}

/// Puts the roles of a member.
pub(crate) async fn put_roles(
    app: &TestApp,
    by: &Member,
    of: &Member,
    role: &str,
    custom: &[&str],
) -> Reply {
    let path = format!("/api/v1/admin/users/{}/roles", of.id);
    let body = json!({"role": role, "custom": custom});
    call(app, Method::PUT, &path, by, &body).await
}

/// Makes a role; answers its id.
pub(crate) async fn make_role(
    app: &TestApp,
    by: &Member,
    name: &str,
    privileges: &[&str],
) -> String {
    let body = json!({"name": name, "privileges": privileges});
    let reply = call(app, Method::POST, "/api/v1/admin/roles", by, &body).await;
    assert_eq!(reply.status, 201, "{:#}", reply.json);
    reply.text("/id")
}

/// A person of another node, as a fetch of their actor would leave them; answers their id.
pub(crate) async fn stranger(app: &TestApp) -> String {
    let person = RemotePerson {
        actor_uri: "https://there.example/users/zoe".parse().unwrap(),
        username: "zoe".to_owned(),
        domain: "there.example".to_owned(),
        display_name: "Zoe".to_owned(),
        bio: String::new(),
        profile: Profile::default(),
    };
    let ctx = app.app().ctx();
    let now = ctx.now();
    let upsert = move |connection: &mut _| accounts::store::upsert_remote(connection, &person, now);
    let id: UserId = ctx.db().write(upsert).await.unwrap();
    id.to_string()
}

/// What the audit log holds, oldest first: who, what, whom.
pub(crate) async fn audited(app: &TestApp) -> Vec<(Option<String>, String, Option<String>)> {
    use diesel::prelude::*;
    use federation_core::store::sql::{Connection, DatabaseError};
    use folkmoot::platform::db::schema::audit_log;
    let read = |connection: &mut Connection| {
        let rows = audit_log::table.order(audit_log::id).select((
            audit_log::actor_id,
            audit_log::action,
            audit_log::target_id,
        ));
        Ok::<_, DatabaseError>(rows.load(connection)?)
    };
    app.app().ctx().db().read(read).await.unwrap()
}
