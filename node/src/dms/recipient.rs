//! What a member writes to name somebody: a local name, a handle, or the id of an actor.

use url::Url;

use crate::accounts::model::Username;
use crate::config::Origin;
use crate::platform::http::error::ApiError;

/// Characters in the name of a recipient at most.
const MAX_LEN: usize = 512;

/// Somebody, as named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A member of this node.
    Local(Username),
    /// A handle of another node, without the leading `@`.
    Handle(String),
    /// The id of an actor, here or elsewhere.
    Actor(Url),
}

impl Named {
    /// Reads `name`, `@name`, `@name@domain`, `name@domain`, `acct:name@domain` or an http(s) URL.
    pub(super) fn read(text: &str, origin: &Origin) -> Result<Self, ApiError> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_LEN || text.chars().any(char::is_control) {
            return Err(unreadable());
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let url = Url::parse(text).map_err(|_not_a_url| unreadable())?;
            return Ok(Self::Actor(url));
        }
        let handle = text.strip_prefix("acct:").unwrap_or(text);
        let handle = handle.strip_prefix('@').unwrap_or(handle);
        let local = |name: &str| {
            name.parse()
                .map(Self::Local)
                .map_err(|_no_name| unreadable())
        };
        match handle.split_once('@') {
            None => local(handle),
            Some((name, domain)) if domain.eq_ignore_ascii_case(origin.authority()) => local(name),
            Some((name, domain))
                if name.is_empty() || domain.is_empty() || domain.contains('@') =>
            {
                Err(unreadable())
            }
            Some(_) => Ok(Self::Handle(handle.to_owned())),
        }
    }
}

fn unreadable() -> ApiError {
    ApiError::invalid(
        "invalid_recipient",
        "Name a recipient as name, @name@domain, or by the https address of the actor.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_ways_to_name_somebody() {
        let origin = Origin::new(&Url::parse("https://chat.example:8443").unwrap());
        let read = |text: &str| Named::read(text, &origin);
        let local = |name: &str| Named::Local(name.parse().unwrap());
        for text in [
            "bob",
            "@bob",
            " Bob ",
            "@bob@chat.example:8443",
            "acct:bob@CHAT.example:8443",
        ] {
            assert_eq!(read(text).unwrap(), local("bob"), "{text}");
        }
        assert_eq!(
            read("@bob@b.example").unwrap(),
            Named::Handle("bob@b.example".to_owned())
        );
        assert!(matches!(
            read("https://b.example/users/bob"),
            Ok(Named::Actor(_))
        ));
        for text in [
            "",
            "@",
            "a b",
            "@@",
            "@b@c@d",
            "@b@",
            "ftp://b",
            "http://",
            "b\0",
            &"x".repeat(600),
        ] {
            assert!(read(text).is_err(), "{text:?}");
        }
    }
}
