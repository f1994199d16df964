//! The JSON Resource Descriptor (RFC 7033 s4.4): what a WebFinger server says about a resource.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use url::Url;

/// The largest document that is read, in bytes.
pub const MAX_DOCUMENT: usize = 64 * 1024;

const ACTIVITY_STREAMS: &str = "https://www.w3.org/ns/activitystreams";

/// Describes one resource. Members that RFC 7033 does not know are ignored, as it asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jrd {
    /// The canonical URI of the resource, `acct:` for an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Other URIs of the same resource.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub aliases: Vec<String>,
    /// Facts about the resource, by URI; a value may be null.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub properties: BTreeMap<String, Option<String>>,
    /// Where to go from here.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub links: Vec<Link>,
}

impl Jrd {
    /// Starts a document about `subject`.
    pub fn new(subject: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..Self::default()
        }
    }

    /// Adds another URI of the same resource.
    #[must_use]
    pub fn with_alias(mut self, alias: impl Into<String>) -> Self {
        self.aliases.push(alias.into());
        self
    }

    /// Adds a link.
    #[must_use]
    pub fn with_link(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// Reads a document of at most [`MAX_DOCUMENT`] bytes.
    ///
    /// # Errors
    /// When the bytes are too many, are no JSON, or a known member has another type than its own.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, JrdError> {
        if bytes.len() > MAX_DOCUMENT {
            return Err(JrdError::TooLarge);
        }
        serde_json::from_slice(bytes).map_err(JrdError::Json)
    }

    /// The actor that the document names: its only `self` link of an ActivityPub media type.
    ///
    /// The same link given twice counts once.
    ///
    /// # Errors
    /// When there is none, when several disagree, or when its target is no `http(s)` URL.
    ///
    /// # Security
    /// The document says what its server wants. Go through [`crate::resolve()`], which also holds
    /// the subject against what was asked.
    pub fn self_link(&self) -> Result<Url, SelfLinkError> {
        let mut links = self.links.iter().filter(|link| link.is_actor());
        let href = links.next().and_then(|link| link.href.as_deref());
        let href = href.ok_or(SelfLinkError::Missing)?;
        if links.any(|other| other.href.as_deref() != Some(href)) {
            return Err(SelfLinkError::Ambiguous);
        }
        match Url::parse(href) {
            Ok(url) if matches!(url.scheme(), "https" | "http") => Ok(url),
            _ => Err(SelfLinkError::NotAUrl),
        }
    }

    /// Keeps only the links whose relation is one of `rels`; all of them when `rels` is empty
    /// (RFC 7033 s4.3).
    #[must_use]
    pub fn filtered(mut self, rels: &[String]) -> Self {
        if !rels.is_empty() {
            self.links.retain(|link| rels.contains(&link.rel));
        }
        self
    }
}

/// Points from a resource to another one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The relation: a registered name such as `self`, or a URI.
    pub rel: String,
    /// The media type of what `href` gives.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
    /// A URI template, as RFC 6415 has it and remote-follow forms still use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// Titles by language tag, `und` for none.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub titles: BTreeMap<String, String>,
    /// Facts about the link, by URI; a value may be null.
    #[serde(
        default,
        deserialize_with = "null_as_empty",
        skip_serializing_if = "BTreeMap::is_empty"
    )]
    pub properties: BTreeMap<String, Option<String>>,
}

impl Link {
    /// A link of relation `rel` to `href`, of media type `media_type`.
    pub fn new(rel: &str, media_type: &str, href: impl Into<String>) -> Self {
        Self {
            rel: rel.to_owned(),
            media_type: Some(media_type.to_owned()),
            href: Some(href.into()),
            ..Self::default()
        }
    }

    /// The `self` link to an ActivityPub actor.
    pub fn actor(href: impl Into<String>) -> Self {
        Self::new("self", "application/activity+json", href)
    }

    /// The link to a page for people.
    pub fn profile_page(href: impl Into<String>) -> Self {
        Self::new("http://webfinger.net/rel/profile-page", "text/html", href)
    }

    fn is_actor(&self) -> bool {
        self.rel == "self" && self.media_type.as_deref().is_some_and(is_activity_type)
    }
}

/// Why bytes are no JRD.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JrdError {
    /// The document is larger than [`MAX_DOCUMENT`].
    #[error("the document is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
    /// The document is not JSON, or not of the shape of a JRD.
    #[error("the document is no JRD")]
    Json(#[source] serde_json::Error),
}

impl JrdError {
    /// Whether the same text may be read later; never: its sender has to change it.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// Why a document names no actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelfLinkError {
    /// No `self` link has an ActivityPub media type and a target.
    #[error("the document has no self link of an ActivityPub media type")]
    Missing,
    /// Several such links have different targets.
    #[error("the document has several self links that disagree")]
    Ambiguous,
    /// The target is no absolute `http(s)` URL.
    #[error("the self link is no http(s) URL")]
    NotAUrl,
}

impl SelfLinkError {
    /// Whether the same text may be read later; never: its sender has to change it.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// Tells whether a media type is one of the two of ActivityPub (ActivityPub s3.2).
fn is_activity_type(media_type: &str) -> bool {
    let mut parts = media_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    if essence.eq_ignore_ascii_case("application/activity+json") {
        return true;
    }
    essence.eq_ignore_ascii_case("application/ld+json")
        && parts.any(|parameter| match parameter.split_once('=') {
            Some((name, value)) => {
                name.trim().eq_ignore_ascii_case("profile")
                    && value
                        .trim()
                        .trim_matches('"')
                        .split(' ')
                        .any(|p| p == ACTIVITY_STREAMS)
            }
            None => false,
        })
}

fn null_as_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTOR: &str = "https://example.org/users/alice";

    #[test]
    fn the_example_of_rfc_7033_reads() {
        let text = r#"{"subject":"http://blog.example.com/article/id/314",
            "aliases":["http://blog.example.com/cool_new_thing"],
            "properties":{"http://blgx.example.net/ns/version":"1.3","http://x.example/ext":null},
            "links":[{"rel":"author","href":"http://blog.example.com/author/steve",
              "titles":{"en-us":"The Magical World of Steve","fr":"Le Monde"},
              "properties":{"http://example.com/role":"editor"}}], "expires":"2030-01-01"}"#;
        let document = Jrd::from_slice(text.as_bytes()).unwrap();
        assert_eq!(document.properties["http://x.example/ext"], None);
        assert_eq!(document.links[0].titles["fr"], "Le Monde");
        assert_eq!(document.self_link(), Err(SelfLinkError::Missing));
    }

    #[test]
    fn nulls_and_absent_members_read_as_empty() {
        let document = Jrd::from_slice(br#"{"subject":"acct:a@b","aliases":null,"links":null}"#);
        assert_eq!(document.unwrap(), Jrd::new("acct:a@b"));
        assert!(Jrd::from_slice(br#"{"links":[{"href":"https://a.example"}]}"#).is_err());
        assert!(Jrd::from_slice(b"1").is_err());
    }

    #[test]
    fn the_self_link_needs_an_activitypub_media_type() {
        for media_type in [
            "application/activity+json",
            "Application/Activity+JSON; charset=utf-8",
            r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams""#,
        ] {
            let document = Jrd::new("acct:a@b").with_link(Link::new("self", media_type, ACTOR));
            assert_eq!(
                document.self_link().unwrap().as_str(),
                ACTOR,
                "{media_type}"
            );
        }
        for media_type in ["text/html", "application/json", "application/ld+json", ""] {
            let document = Jrd::new("acct:a@b").with_link(Link::new("self", media_type, ACTOR));
            assert_eq!(
                document.self_link(),
                Err(SelfLinkError::Missing),
                "{media_type}"
            );
        }
    }

    #[test]
    fn self_links_that_disagree_are_refused() {
        let twice = Jrd::new("acct:a@b")
            .with_link(Link::actor(ACTOR))
            .with_link(Link::actor(ACTOR));
        assert_eq!(twice.self_link().unwrap().as_str(), ACTOR);
        let other = twice.with_link(Link::actor("https://evil.example/users/alice"));
        assert_eq!(other.self_link(), Err(SelfLinkError::Ambiguous));
        let script = Jrd::new("acct:a@b").with_link(Link::actor("javascript:alert(1)"));
        assert_eq!(script.self_link(), Err(SelfLinkError::NotAUrl));
    }

    #[test]
    fn filters_keep_everything_but_other_links() {
        let document = Jrd::new("acct:a@b")
            .with_alias(ACTOR)
            .with_link(Link::actor(ACTOR))
            .with_link(Link::profile_page(ACTOR));
        assert_eq!(document.clone().filtered(&[]), document);
        let filtered = document.filtered(&["self".to_owned(), "author".to_owned()]);
        assert_eq!((filtered.links.len(), filtered.aliases.len()), (1, 1));
    }
}
