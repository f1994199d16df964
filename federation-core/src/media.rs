//! Serving the bytes that users upload so that nobody takes them for more than bytes.
//!
//! A server that hands out uploads under the media type that their uploader chose is a server on
//! which everybody can write actors, keys and pages with scripts: other servers believe documents
//! by their origin and media type (FEP-fe34), browsers run what looks like HTML or SVG. Uploads
//! belong on a host of their own; on whichever host they are, [`inert_headers`] makes them inert.
//!
//! ```
//! use federation_core::media::{inert_headers, inert_media_type};
//!
//! assert_eq!(inert_media_type("image/png"), "image/png");
//! assert_eq!(inert_media_type("application/activity+json"), "application/octet-stream");
//! let headers = inert_headers("image/svg+xml");
//! assert_eq!(headers["content-type"], "application/octet-stream");
//! assert_eq!(headers["content-disposition"], "attachment");
//! ```

use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// What everything else is served as.
const BYTES: &str = "application/octet-stream";

/// Media types that no reader runs, and none takes for a document of this server.
const INERT: [&str; 18] = [
    "audio/aac",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/webm",
    "image/apng",
    "image/avif",
    "image/gif",
    "image/jpeg",
    "image/png",
    "image/webp",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
];

/// The media type to serve an upload with that claims to be `claimed`: the same for common
/// pictures, sound and video, `application/octet-stream` for everything else, text included.
/// Parameters are dropped.
pub fn inert_media_type(claimed: &str) -> &'static str {
    let essence = claimed.split(';').next().unwrap_or_default().trim();
    let mut known = INERT.into_iter();
    known
        .find(|inert| inert.eq_ignore_ascii_case(essence))
        .unwrap_or(BYTES)
}

/// The headers to serve an upload with: its inert media type, which nobody is to guess otherwise,
/// a policy under which nothing in it runs, and `Content-Disposition: attachment` unless it is a
/// picture, sound or video.
pub fn inert_headers(claimed: &str) -> HeaderMap {
    let media_type = inert_media_type(claimed);
    let mut headers = HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(media_type)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
    ]);
    if media_type == BYTES {
        let attachment = HeaderValue::from_static("attachment");
        headers.insert(CONTENT_DISPOSITION, attachment);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::is_activity_media_type;

    #[test]
    fn attack_23_uploads_are_never_documents_nor_run() {
        for claimed in [
            "application/activity+json",
            "application/ld+json; profile=\"https://www.w3.org/ns/activitystreams\"",
            "application/json",
            "application/jrd+json",
            "application/xrd+xml",
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "text/plain",
            "text/javascript",
            "image/svg+xml",
            "application/xhtml+xml",
            "application/pdf",
            "image/png, application/activity+json",
            "image/png\r\nContent-Type: text/html",
            "",
            "\u{0}",
        ] {
            let headers = inert_headers(claimed);
            let served = headers[CONTENT_TYPE].to_str().unwrap();
            assert_eq!(served, BYTES, "{claimed}");
            assert!(!is_activity_media_type(served));
            assert_eq!(headers[X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert_eq!(headers[CONTENT_DISPOSITION], "attachment");
        }
        for inert in INERT {
            assert!(!is_activity_media_type(inert));
            assert!(!inert.contains("xml") && !inert.contains("html"));
        }
        let picture = inert_headers("Image/PNG; x=y");
        assert_eq!(picture[CONTENT_TYPE], "image/png");
        assert_eq!(picture[X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(
            picture[CONTENT_SECURITY_POLICY],
            "default-src 'none'; sandbox"
        );
        assert_eq!(picture.get(CONTENT_DISPOSITION), None);
    }
}
