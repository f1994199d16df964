//! Host-meta (RFC 6415): where `WebFinger` is answered, for clients that still ask, and for
//! domains whose handles are answered by another host.

use thiserror::Error;
use url::Url;
use webfinger::{Jrd, Link};

use crate::vocab::{self, ParseError, Value, parse_id};

/// Where the XRD form is served (RFC 6415 s2).
pub const HOST_META_PATH: &str = "/.well-known/host-meta";

/// Where the JSON form is served (RFC 6415 s3).
pub const HOST_META_JSON_PATH: &str = "/.well-known/host-meta.json";

/// The media type of the XRD form.
pub const HOST_META_MEDIA_TYPE: &str = "application/xrd+xml; charset=utf-8";

/// Bytes of a host-meta document that are read at most.
pub const MAX_HOST_META: usize = 16 * 1024;

/// The relation of the service that answers lookups.
const LOOKUPS: &str = "lrdd";

/// Links of one document that are looked at.
const MAX_LINKS: usize = 32;

/// The XRD document for [`HOST_META_PATH`] of a server at `origin`.
pub fn host_meta(origin: &Url) -> String {
    let template = template(origin);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"{LOOKUPS}\" type=\"{}\" template=\"{template}\"/>\n\
         </XRD>\n",
        webfinger::MEDIA_TYPE
    )
}

/// The JSON document for [`HOST_META_JSON_PATH`] of a server at `origin`.
pub fn host_meta_json(origin: &Url) -> Jrd {
    Jrd::default().with_link(Link {
        rel: LOOKUPS.to_owned(),
        media_type: Some(webfinger::MEDIA_TYPE.to_owned()),
        template: Some(template(origin)),
        ..Link::default()
    })
}

fn template(origin: &Url) -> String {
    let origin = origin.origin().ascii_serialization();
    format!("{origin}{}?resource={{uri}}", webfinger::PATH)
}

/// What another server's host-meta says about lookups.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostMeta {
    /// The URL of a lookup, with `{uri}` in place of what is looked up.
    pub template: String,
}

/// Why a host-meta document says nothing. Asking again helps only when it changes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HostMetaError {
    /// The document is longer than [`MAX_HOST_META`].
    #[error("the document is longer than {MAX_HOST_META} bytes")]
    TooLarge,
    /// The document is not UTF-8.
    #[error("the document is not UTF-8")]
    NotText,
    /// The document looks like JSON and is not.
    #[error("the document cannot be read")]
    Parse(#[from] ParseError),
    /// No link says where lookups are answered.
    #[error("the document does not say where lookups are answered")]
    NoTemplate,
}

impl HostMetaError {
    /// Whether the same question may succeed later; never, while the document stays.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

impl HostMeta {
    /// Reads either form; the one with a template for JRD answers wins.
    ///
    /// Of XRD only `Link` elements are looked at, by a single pass over the text: entities other
    /// than `&amp;`, declarations and nesting have no effect.
    ///
    /// # Errors
    /// [`HostMetaError`] by what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, HostMetaError> {
        if bytes.len() > MAX_HOST_META {
            return Err(HostMetaError::TooLarge);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(HostMetaError::NotText);
        };
        let links = if text.trim_start().starts_with('{') {
            json_links(bytes)?
        } else {
            xrd_links(text)
        };
        let usable = |link: &&FoundLink| link.rel == LOOKUPS && link.template.contains("{uri}");
        let is_jrd = |link: &&FoundLink| link.media_type.contains("json");
        let mut found = links.iter().filter(usable);
        let chosen = found.clone().find(is_jrd).or_else(|| found.next());
        match chosen {
            Some(link) => Ok(Self {
                template: link.template.clone(),
            }),
            None => Err(HostMetaError::NoTemplate),
        }
    }

    /// The URL that answers about `resource`; `None` when the template makes no URL.
    ///
    /// # Security
    /// The template may lead anywhere: go there through the guard alone.
    pub fn lookup_url(&self, resource: &str) -> Option<Url> {
        let encoded: String = url::form_urlencoded::byte_serialize(resource.as_bytes()).collect();
        let encoded = encoded.replace('+', "%20");
        parse_id(&self.template.replacen("{uri}", &encoded, 1))
    }
}

#[derive(Debug, Default)]
struct FoundLink {
    rel: String,
    media_type: String,
    template: String,
}

fn json_links(bytes: &[u8]) -> Result<Vec<FoundLink>, ParseError> {
    let map = vocab::parse(bytes)?;
    let links = map.get("links").and_then(Value::as_array);
    let read = links.into_iter().flatten().take(MAX_LINKS).map(|link| {
        let text = |name: &str| {
            let value = link.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        FoundLink {
            rel: text("rel"),
            media_type: text("type"),
            template: text("template"),
        }
    });
    Ok(read.collect())
}

/// The attributes of every `Link` element, in one pass.
fn xrd_links(text: &str) -> Vec<FoundLink> {
    let elements = text.split('<').skip(1);
    let links = elements.filter_map(|element| {
        let rest = element.strip_prefix("Link")?;
        rest.starts_with(|after: char| after.is_ascii_whitespace())
            .then_some(rest)
    });
    links.take(MAX_LINKS).map(attributes).collect()
}

/// `name="value"` pairs up to the end of the tag.
fn attributes(mut rest: &str) -> FoundLink {
    let mut link = FoundLink::default();
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let Some(quote @ ('"' | '\'')) = after.chars().next() else {
            break;
        };
        let mut parts = after.splitn(3, quote).skip(1);
        let (Some(value), Some(tail)) = (parts.next(), parts.next()) else {
            break;
        };
        let value = value.replace("&amp;", "&");
        match name.trim() {
            "rel" => link.rel = value,
            "type" => link.media_type = value,
            "template" => link.template = value,
            _ => {}
        }
        rest = tail;
    }
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn both_forms_are_read_as_they_are_written() {
        let origin = url("https://a.example:8443/x?y");
        let json = serde_json::to_vec(&host_meta_json(&origin)).unwrap();
        for written in [host_meta(&origin).into_bytes(), json] {
            let read = HostMeta::parse(&written).unwrap();
            let lookup = read.lookup_url("acct:alice@a.example").unwrap();
            let expected =
                "https://a.example:8443/.well-known/webfinger?resource=acct%3Aalice%40a.example";
            assert_eq!(lookup.as_str(), expected);
        }
    }

    #[test]
    fn reads_what_other_servers_write() {
        let xrd = "<?xml version='1.0'?><!-- <Link rel='x'/> --><XRD><Subject>a</Subject>\
             <Link rel='lrdd' type='application/xrd+xml' template='https://s.example/x?u={uri}'></Link>\
             <Link template = \"https://s.example/w?a=1&amp;resource={uri}\" type=\"application/jrd+json\" rel=\"lrdd\" /></XRD>";
        let read = HostMeta::parse(xrd.as_bytes()).unwrap();
        assert_eq!(read.template, "https://s.example/w?a=1&resource={uri}");
    }

    #[test]
    fn documents_that_say_nothing_are_errors() {
        for odd in [
            "",
            "<",
            "<Link",
            "<Link ",
            "<Link rel",
            "<Link rel=",
            "<Link rel=\"",
            "<Link rel=\"lrdd\"",
            "<Link rel=lrdd template=x>",
            "<Linkrel=\"lrdd\" template=\"https://a.example/{uri}\"/>",
            "<Link rel=\"lrdd\" template=\"https://a.example/\"/>",
            "{",
            "{}",
            "{\"links\":7}",
            "{\"links\":[7,{\"rel\":\"lrdd\"}]}",
            "<Link rel=\"\u{0}\" =\"\"=\"\"",
        ] {
            let error = HostMeta::parse(odd.as_bytes()).unwrap_err();
            assert!(!error.is_retryable(), "{odd}");
        }
        assert!(HostMeta::parse(&[b'<', 0xff]).is_err());
        let long = "<Link rel=\"x\"/>".repeat(10_000);
        let error = HostMeta::parse(long.as_bytes());
        assert!(matches!(error, Err(HostMetaError::TooLarge)));
        let inside = HostMeta {
            template: "javascript:{uri}".to_owned(),
        };
        assert_eq!(inside.lookup_url("acct:a@b.example"), None);
    }
}
