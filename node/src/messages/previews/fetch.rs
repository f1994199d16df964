//! Reading a page, by the one guarded way out (I5).

use std::time::Duration;

use bytes::Bytes;
use federation_core::fetch::{FetchLimits, OutboundRequest, Transport};
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};
use url::Url;

use super::model::{Description, Outcome};
use crate::base::text;
use crate::platform::domains::Domains;

/// Bytes of a page that are read.
const MAX_BYTES: usize = 256 * 1024;
/// How long all of it may take, with every redirect.
const DEADLINE: Duration = Duration::from_secs(5);
/// What is asked for.
const ACCEPTED: HeaderValue = HeaderValue::from_static("text/html, application/xhtml+xml;q=0.9");

/// Fetches a page and reads what it says of itself.
///
/// # Security
/// The page may be anybody's: the guard judges its address and each it leads on to, compressed answers
/// are refused, and of what comes no more than the first 256 KiB are read.
pub(super) async fn fetch(transport: &dyn Transport, domains: &Domains, url: &str) -> Outcome {
    let Ok(url) = Url::parse(url) else {
        return Outcome::Failed;
    };
    let limits = FetchLimits::document()
        .with_max_bytes(MAX_BYTES)
        .with_deadline(DEADLINE)
        .cutting();
    let request =
        OutboundRequest::get(url, limits).with_headers(HeaderMap::from_iter([(ACCEPT, ACCEPTED)]));
    let answer = match transport.execute(request).await {
        Ok(answer) => answer,
        Err(error) => {
            tracing::debug!(%error, "cannot fetch a page");
            return Outcome::Failed;
        }
    };
    let host = answer.final_url.host_str().unwrap_or_default();
    if answer.status != StatusCode::OK || domains.rejects_media(host) {
        return Outcome::Failed;
    }
    if !is_page(answer.content_type()) {
        return Outcome::Bare;
    }
    let body = answer.body;
    match tokio::task::spawn_blocking(move || read(&body)).await {
        Ok(outcome) => outcome,
        Err(_stopped) => Outcome::Failed,
    }
}

fn is_page(content_type: Option<&str>) -> bool {
    let essence = content_type.and_then(|text| text.split(';').next());
    let essence = essence.unwrap_or_default().trim();
    ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|page| essence.eq_ignore_ascii_case(page))
}

/// What the bytes of a page say. They are read as UTF-8; a text that is not is left out.
fn read(body: &Bytes) -> Outcome {
    let head = text::head(&String::from_utf8_lossy(body));
    head.title.map_or(Outcome::Bare, |title| {
        Outcome::Described(Description {
            title,
            description: head.description,
            site_name: head.site_name,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::is_page;

    #[test]
    fn only_html_is_read() {
        for page in [
            "text/html",
            "Text/HTML; charset=utf-8",
            "application/xhtml+xml",
        ] {
            assert!(is_page(Some(page)), "{page}");
        }
        for other in [
            "text/plain",
            "image/png",
            "text/htmlx",
            "application/json",
            "",
        ] {
            assert!(!is_page(Some(other)), "{other}");
        }
        assert!(!is_page(None));
    }
}
