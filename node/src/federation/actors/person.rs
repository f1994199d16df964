//! A member as a `Person` (`ActivityPub` s4.1), with what FEP-521a, FEP-2c59 and FEP-844e add.

use federation_core::Timestamp;
use federation_core::signature::KeyError;
use federation_core::vocab::{Actor, ActorKey, ActorKind};
use serde_json::json;
use url::Url;

use super::node::{implements, node_id};
use crate::accounts::model::User;
use crate::config::Origin;
use crate::federation::keys::ActorKeys;

/// The document of a member.
///
/// # Errors
/// A public key could not be written.
pub(super) fn person(user: &User, keys: &ActorKeys, origin: &Origin) -> Result<Actor, KeyError> {
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
    actor.public_keys = public_keys(&actor.id, keys)?;
    actor.extra.insert("discoverable".to_owned(), json!(true));
    let generator = json!({
        "type": "Application",
        "id": node_id(origin).as_str(),
        "implements": implements(),
    });
    actor.extra.insert("generator".to_owned(), generator);
    Ok(actor)
}

/// Both public keys of an actor: RSA as `publicKey`, Ed25519 as a `Multikey` (FEP-521a).
///
/// # Errors
/// A public key could not be written.
pub(super) fn public_keys(owner: &Url, keys: &ActorKeys) -> Result<Vec<ActorKey>, KeyError> {
    let pem = keys.rsa.key().public_key().to_pem()?;
    let multibase = keys.ed25519.key().public_key().to_multibase()?;
    Ok(vec![
        ActorKey::pem(keys.rsa.key_id().clone(), owner.clone(), pem),
        ActorKey::multibase(keys.ed25519.key_id().clone(), owner.clone(), multibase),
    ])
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
