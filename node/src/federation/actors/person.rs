//! A member as a `Person` (`ActivityPub` s4.1), with what FEP-521a, FEP-2c59 and FEP-844e add.

use super::node::{implements, node_id};
use crate::accounts::model::User;
use crate::config::Origin;
use federation_core::Timestamp;
use federation_core::vocab::{Actor, ActorKey, ActorKind};
use serde_json::json;

/// The document of a member, with the keys that it lists.
pub(crate) fn person(user: &User, keys: Vec<ActorKey>, origin: &Origin) -> Actor {
    let at = |part: &str| origin.join(&format!("/users/{}{part}", user.username));
    let mut actor = Actor::new(at(""), ActorKind::Person, at("/inbox"));
    actor.preferred_username = Some(user.username.clone());
    let name = if user.display_name.is_empty() {
        &user.username
    } else {
        &user.display_name
    };
    actor.name = Some(name.clone());
    actor.summary = (!user.bio.is_empty()).then(|| paragraphs(&user.bio));
    actor.outbox = Some(at("/outbox"));
    actor.followers = Some(at("/followers"));
    actor.following = Some(at("/following"));
    actor.shared_inbox = Some(origin.join("/inbox"));
    actor.webfinger = Some(format!("{}@{}", user.username, origin.authority()));
    actor.manually_approves_followers = Some(false);
    actor.published = Some(Timestamp::from_millis(user.created_at));
    actor.updated = Some(Timestamp::from_millis(user.updated_at));
    actor.public_keys = keys;
    actor.extra.insert("discoverable".to_owned(), json!(true));
    let generator = json!({
        "type": "Application",
        "id": node_id(origin).as_str(),
        "implements": implements(),
    });
    actor.extra.insert("generator".to_owned(), generator);
    actor
}

/// A text as HTML, one paragraph a line.
fn paragraphs(text: &str) -> String {
    let escape = |line: &str| {
        let line = line.replace('&', "&amp;").replace('<', "&lt;");
        format!(
            "<p>{}</p>",
            line.replace('>', "&gt;").replace('"', "&quot;")
        )
    };
    text.lines()
        .filter(|line| !line.trim().is_empty())
        .map(escape)
        .collect()
}
