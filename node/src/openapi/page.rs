//! The document as one HTML page without scripts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ammonia::clean_text as escape;
use http::Method;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;

use crate::platform::http::routes::operations;

const HEAD: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\"><title>Folkmoot API</title>\
    <style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    code{background:#8882;padding:.1em .3em;border-radius:3px}td{padding:.2rem 1rem .2rem 0;\
    vertical-align:top}</style><h1>Folkmoot API</h1>\
    <p>For programs: <a href=\"/api/openapi.json\">openapi.json</a>.</p>";

/// The page.
pub(super) fn render(document: &OpenApi) -> String {
    let mut page = String::from(HEAD);
    for (tag, routes) in by_tag(document) {
        // Writing to a string does not fail.
        let _written = write!(page, "<h2>{}</h2><table>", escape(tag));
        for (method, path, operation) in routes {
            let summary = operation.summary.as_deref().unwrap_or_default();
            let needs = operation
                .extensions
                .as_ref()
                .and_then(|extensions| extensions.get("x-needs"))
                .and_then(|needs| needs.as_str())
                .unwrap_or_default();
            let _written = write!(
                page,
                "<tr><td><code>{method} {}</code><td>{}<br><small>Needs: {}</small>",
                escape(path),
                escape(summary),
                escape(needs),
            );
        }
        page.push_str("</table>");
    }
    page
}

fn by_tag(document: &OpenApi) -> BTreeMap<&str, Vec<(Method, &str, &Operation)>> {
    let mut tags: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for (path, item) in &document.paths.paths {
        for (method, operation) in operations(item) {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first());
            let tag = tag.map_or("other", String::as_str);
            tags.entry(tag)
                .or_default()
                .push((method, path.as_str(), operation));
        }
    }
    tags
}
