//! People of other nodes, as their actors say.

use federation_core::vocab::Actor;

use super::model::{MAX_BIO, MAX_DISPLAY_NAME, RemotePerson};
use crate::base::text;

/// Letters of a remote user name that are kept.
const MAX_REMOTE_USERNAME: usize = 128;
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
    }
}

fn line(text: &str, limit: usize) -> String {
    let letters = text.chars().filter(|letter| !letter.is_control());
    letters.take(limit).collect::<String>().trim().to_owned()
}

/// The text of an HTML description.
fn text_of(html: &str) -> String {
    let end = html.floor_char_boundary(MAX_SUMMARY_BYTES);
    let html = html.split_at_checked(end).map_or("", |(start, _)| start);
    text::clean(&text::read(&text::sanitise(html)), MAX_BIO)
}

#[cfg(test)]
mod tests {
    use federation_core::vocab::ActorKind;
    use url::Url;

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
        let person = person(&actor);
        assert_eq!(person.username, "Bob");
        assert_eq!(person.domain, "there.example:8443");
        assert!(person.display_name.starts_with("Bobx"));
        assert_eq!(person.display_name.chars().count(), MAX_DISPLAY_NAME);
        assert_eq!(person.bio, "a &lt; b\nc");
    }
}
