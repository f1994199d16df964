//! People of other nodes, as their actors say.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Actor, Value, parse_id};
use url::Url;

use super::model::{MAX_BIO, MAX_DISPLAY_NAME, RemotePerson, User};
use super::profile::{Field, MAX_FIELD_NAME, MAX_FIELD_VALUE, MAX_FIELDS, Picture, Profile};
use crate::base::text;
use crate::platform::db::schema::remote_actors;

/// Letters of a remote user name that are kept.
const MAX_REMOTE_USERNAME: usize = 128;
/// Attachments of a remote actor that are looked at.
const LOOKED_AT: usize = 64;
/// Bytes of a remote description that are read.
const MAX_SUMMARY_BYTES: usize = 32 * 1024;

/// What is kept of the actor of another node.
///
/// The domain is that of the actor's id: a handle on another domain is a claim that only a lookup
/// confirms.
///
/// # Security
/// Texts lose markup and control characters and are cut to the length that texts of this node
/// have.
pub fn person(actor: &Actor) -> RemotePerson {
    let id = &actor.id;
    let last = || id.path_segments().and_then(|mut parts| parts.next_back());
    let named = actor.preferred_username.as_deref().map(str::trim);
    let username = named.filter(|name| !name.is_empty()).or_else(last);
    let host = id.host_str().unwrap_or_default();
    RemotePerson {
        actor_uri: id.clone(),
        username: line(username.unwrap_or_default(), MAX_REMOTE_USERNAME),
        domain: match id.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        },
        display_name: line(actor.name.as_deref().unwrap_or_default(), MAX_DISPLAY_NAME),
        bio: text_of(actor.summary.as_deref().unwrap_or_default()),
        profile: profile(actor),
    }
}

/// The documents of the actors of these people, by id, as far as they are known.
///
/// # Errors
/// The database failed.
pub fn documents(
    connection: &mut Connection,
    people: &[&User],
) -> Result<HashMap<String, Actor>, DatabaseError> {
    let ids: Vec<&str> = people.iter().map(|user| user.actor_uri.as_str()).collect();
    let rows: Vec<(String, String)> = remote_actors::table
        .filter(remote_actors::id.eq_any(ids))
        .filter(remote_actors::gone_at.is_null())
        .select((remote_actors::id, remote_actors::document))
        .load(connection)?;
    let read = |(id, document): (String, String)| {
        Actor::parse(document.as_bytes())
            .ok()
            .map(|actor| (id, actor))
    };
    Ok(rows.into_iter().filter_map(read).collect())
}

/// Pictures, and the names and values that most servers show as a table.
fn profile(actor: &Actor) -> Profile {
    let icon = actor.icon.as_ref().and_then(|icon| icon.url.as_ref());
    let banner = actor.extra.get("image").and_then(picture_url);
    Profile {
        avatar: icon.and_then(Picture::at),
        banner: banner.as_ref().and_then(Picture::at),
        fields: fields(actor.extra.get("attachment")),
        ..Profile::default()
    }
}

/// The address of a picture that is given as text, as an object, or as the first of several.
fn picture_url(value: &Value) -> Option<Url> {
    let value = match value {
        Value::Array(entries) => entries.first()?,
        single => single,
    };
    let text = match value.get("url").unwrap_or(value) {
        Value::String(text) => text,
        link => link.get("href")?.as_str()?,
    };
    parse_id(text)
}

fn fields(attachments: Option<&Value>) -> Vec<Field> {
    let entries = match attachments {
        Some(Value::Array(entries)) => entries.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let field = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str);
        if text("type") != Some("PropertyValue") {
            return None;
        }
        let name = line(text("name")?, MAX_FIELD_NAME);
        let value = text::plain(&text::sanitise(cut(text("value")?)));
        let value = line(&value, MAX_FIELD_VALUE);
        (!name.is_empty()).then_some(Field { name, value })
    };
    let read = entries.iter().take(LOOKED_AT).filter_map(field);
    read.take(MAX_FIELDS).collect()
}

fn line(text: &str, limit: usize) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(limit).collect::<String>().trim().to_owned()
}

/// The text of an HTML description.
fn text_of(html: &str) -> String {
    text::clean(&text::read(&text::sanitise(cut(html))), MAX_BIO)
}

/// As much of it as is looked at.
fn cut(html: &str) -> &str {
    let end = html.floor_char_boundary(MAX_SUMMARY_BYTES);
    html.split_at_checked(end).map_or("", |(start, _)| start)
}

#[cfg(test)]
mod tests {
    use federation_core::vocab::ActorKind;
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_lose_markup_and_length() {
        let id = Url::parse("https://there.example:8443/users/bob").unwrap();
        let inbox = Url::parse("https://there.example:8443/inbox").unwrap();
        let mut actor = Actor::new(id, ActorKind::Person, inbox);
        assert_eq!(person(&actor).username, "bob");
        actor.preferred_username = Some("Bob".to_owned());
        actor.name = Some(format!("B\0o\nb{}", "x".repeat(200)));
        actor.summary = Some("<p>a &amp;lt; b<br/>c</p><script>x</script>".to_owned());
        actor.extra.insert(
            "image".to_owned(),
            json!([{"type": "Image", "url": "https://there.example/b.png"}]),
        );
        let mut fields: Vec<_> = (0..20)
            .map(|number| {
                let value = format!("<a href=\"https://x.example\">{number}\0</a>");
                json!({"type": "PropertyValue", "name": "Site", "value": value})
            })
            .collect();
        fields.insert(
            0,
            json!({"type": "IdentityProof", "name": "x", "value": "y"}),
        );
        fields.insert(0, json!(7));
        actor.extra.insert("attachment".to_owned(), json!(fields));
        let person = person(&actor);
        assert_eq!(person.profile.fields.len(), MAX_FIELDS);
        assert_eq!(person.profile.fields[0].value, "0");
        assert!(person.profile.banner.is_some() && person.profile.avatar.is_none());
        assert_eq!(person.username, "Bob");
        assert_eq!(person.domain, "there.example:8443");
        assert!(person.display_name.starts_with("Bobx"));
        assert_eq!(person.display_name.chars().count(), MAX_DISPLAY_NAME);
        assert_eq!(person.bio, "a &lt; b\nc");
    }
}
