//! The node itself as an `Application` (FEP-2677, FEP-d556): it signs what the node fetches.

use federation_core::vocab::{Actor, ActorKey, ActorKind, Value};
use serde_json::json;
use url::Url;

use crate::config::Origin;

/// The name part of the node's handle; its dot keeps it apart from all members' names.
pub(crate) const NODE_NAME: &str = "instance.actor";

/// The id of the node's actor.
pub(crate) fn node_id(origin: &Origin) -> Url {
    origin.join("/actor")
}

/// The document of the node's actor, with the keys that it lists.
pub(crate) fn node_actor(origin: &Origin, keys: Vec<ActorKey>) -> Actor {
    let mut actor = Actor::new(
        node_id(origin),
        ActorKind::Application,
        origin.join("/actor/inbox"),
    );
    actor.preferred_username = Some(NODE_NAME.to_owned());
    actor.name = Some(origin.authority().to_owned());
    actor.shared_inbox = Some(origin.join("/inbox"));
    actor.webfinger = Some(format!("{NODE_NAME}@{}", origin.authority()));
    actor.manually_approves_followers = Some(true);
    actor.public_keys = keys;
    actor.extra.insert("implements".to_owned(), implements());
    actor
}

/// What peers may count on (FEP-844e).
pub(super) fn implements() -> Value {
    json!([{
        "href": "https://datatracker.ietf.org/doc/html/rfc9421",
        "name": "RFC-9421: HTTP Message Signatures",
    }])
}
