//! A member as a `Person` (`ActivityPub` s4.1), with what FEP-521a, FEP-2c59 and FEP-844e add.

use super::node::{implements, node_id};
use crate::accounts::model::User;
use crate::accounts::profile::{Field, Picture};
use crate::config::Origin;
use federation_core::Timestamp;
use federation_core::vocab::{Actor, ActorKey, ActorKind, Attachment, Value};
use serde_json::json;
use url::Url;

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
    let address = |picture: &Picture| address(picture, origin);
    let profile = &user.profile;
    actor.icon = profile.avatar.as_ref().and_then(address).map(icon);
    if let Some(banner) = profile.banner.as_ref().and_then(address) {
        let banner = json!({"type": "Image", "url": banner.as_str()});
        actor.extra.insert("image".to_owned(), banner);
    }
    if !user.profile.fields.is_empty() {
        let fields = user.profile.fields.iter().map(field).collect();
        actor
            .extra
            .insert("attachment".to_owned(), Value::Array(fields));
    }
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

/// A picture that has an address; what clients draw has none.
fn address(picture: &Picture, origin: &Origin) -> Option<Url> {
    let Picture::Image { url, media } = picture else {
        return None;
    };
    match (url, media) {
        (Some(url), _) => Url::parse(url).ok(),
        (None, Some(id)) => Some(origin.join(&format!("/media/{id}"))),
        (None, None) => None,
    }
}

/// The picture of an actor. What kind of picture it is is for those who fetch it to find out.
fn icon(url: Url) -> Attachment {
    let mut icon = Attachment::new("Image", url, "");
    icon.media_type = None;
    icon
}

/// A name and a value as most servers show them; an address becomes a link.
fn field(field: &Field) -> Value {
    let text = escape(&field.value);
    let is_link = field.value.starts_with("https://") && !field.value.contains(char::is_whitespace);
    let value = if is_link {
        format!("<a href=\"{text}\" rel=\"me nofollow noopener noreferrer\">{text}</a>")
    } else {
        text
    };
    json!({"type": "PropertyValue", "name": field.name, "value": value})
}

/// A text as HTML, one paragraph a line.
fn paragraphs(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let lines: Vec<String> = lines.map(escape).collect();
    match lines.as_slice() {
        [] => String::new(),
        lines => format!("<p>{}</p>", lines.join("</p><p>")),
    }
}

fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}
