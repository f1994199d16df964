//! Host-meta (RFC 6415): where `WebFinger` is answered, for clients that still ask.

use url::Url;

/// The media type of the document.
pub const HOST_META_MEDIA_TYPE: &str = "application/xrd+xml; charset=utf-8";

/// The document for `/.well-known/host-meta` of a server at `origin`.
pub fn host_meta(origin: &Url) -> String {
    let origin = origin.origin().ascii_serialization();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <XRD xmlns=\"http://docs.oasis-open.org/ns/xri/xrd-1.0\">\n  \
         <Link rel=\"lrdd\" type=\"application/jrd+json\" \
         template=\"{origin}/.well-known/webfinger?resource={{uri}}\"/>\n\
         </XRD>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_webfinger_template_of_the_origin() {
        let text = host_meta(&Url::parse("https://a.example:8443/x?y").unwrap());
        let template = "\"https://a.example:8443/.well-known/webfinger?resource={uri}\"";
        assert!(text.contains(template), "{text}");
    }
}
