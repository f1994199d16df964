//! The page on which a member agrees: plain HTML, without scripts and cookies.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use openssl::sha::sha256;
use url::Url;

use super::model::Application;
use super::redirect;
use crate::base::scope::{Scope, Scopes};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;\
padding:0 1rem;color:#1b1b1b;background:#fff}label{display:block;margin:1rem 0 0}\
input{box-sizing:border-box;width:100%;font:inherit;padding:.5rem}\
button{font:inherit;padding:.5rem 1rem;margin:1.5rem .5rem 0 0}\
.wrong{border-left:.25rem solid #b00020;padding-left:.75rem}";

/// The style by its hash, so that no other is applied (CSP level 3 s2.3.1).
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| BASE64.encode(sha256(STYLE.as_bytes())));

/// What the page shows.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) node: &'a str,
    pub(super) application: &'a Application,
    pub(super) redirect_uri: &'a Url,
    pub(super) scopes: Scopes,
    /// The request, sealed.
    pub(super) request: &'a str,
    /// The name that was typed before.
    pub(super) username: &'a str,
    /// What was wrong with the last try, and its status.
    pub(super) wrong: Option<(StatusCode, &'a str)>,
}

/// The form.
pub(super) fn form(shown: &Shown<'_>) -> Response {
    let mut body = format!(
        "<h1>{} asks to act for you</h1>",
        escaped(&shown.application.name)
    );
    if let Some(website) = &shown.application.website {
        push(&mut body, format_args!("<p>{}</p>", escaped(website)));
    }
    push(
        &mut body,
        format_args!(
            "<p>On <strong>{}</strong> it could:</p><ul>",
            escaped(shown.node)
        ),
    );
    for scope in shown.scopes.iter() {
        push(&mut body, format_args!("<li>{}</li>", meaning(scope)));
    }
    let target = redirect::form_target(shown.redirect_uri);
    push(
        &mut body,
        format_args!(
            "</ul><p>Nobody has checked this application. You go back to <strong>{}</strong>.</p>",
            escaped(&target)
        ),
    );
    if let Some((_, wrong)) = shown.wrong {
        push(
            &mut body,
            format_args!("<p class=\"wrong\" role=\"alert\">{}</p>", escaped(wrong)),
        );
    }
    push(
        &mut body,
        format_args!(
            "<form method=\"post\" action=\"/oauth/authorize\">\
             <input type=\"hidden\" name=\"request\" value=\"{}\">\
             <label for=\"username\">Your name</label>\
             <input id=\"username\" name=\"username\" autocomplete=\"username\" \
             autocapitalize=\"none\" value=\"{}\">\
             <label for=\"password\">Your password</label>\
             <input id=\"password\" name=\"password\" type=\"password\" \
             autocomplete=\"current-password\">\
             <label for=\"otp\">One-time code, if you have set it up</label>\
             <input id=\"otp\" name=\"otp\" autocomplete=\"one-time-code\">\
             <button name=\"decision\" value=\"agree\">Agree</button>\
             <button name=\"decision\" value=\"deny\">Cancel</button></form>",
            escaped(shown.request),
            escaped(shown.username)
        ),
    );
    let status = shown.wrong.map_or(StatusCode::OK, |(status, _)| status);
    // A policy cannot name an IPv6 address (CSP level 3 s2.3.1).
    let allowed = if target.contains('[') {
        "http:"
    } else {
        target.as_str()
    };
    page(status, &body, &format!("'self' {allowed}"))
}

/// A page that says what is wrong and leads nowhere.
pub(super) fn fault(status: StatusCode, text: &str) -> Response {
    let body = format!("<h1>This does not work</h1><p>{}</p>", escaped(text));
    page(status, &body, "'none'")
}

/// A page that says that an application asked wrongly, and leads back to it whoever wants that.
///
/// # Security
/// Anybody may register an application, so the browser is not sent there by itself: the node's name
/// would stand for a link to anywhere (RFC 9700 s4.11.2).
pub(super) fn fault_of(back: &Url) -> Response {
    let body = format!(
        "<h1>This does not work</h1><p>The application asked wrongly. Nobody has checked it.</p>\
         <p><a rel=\"noreferrer\" href=\"{}\">Go back to {}</a></p>",
        escaped(back.as_str()),
        escaped(&redirect::form_target(back))
    );
    page(StatusCode::BAD_REQUEST, &body, "'none'")
}

/// Sends the browser on, by GET.
pub(super) fn leads_to(url: &Url) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    match HeaderValue::from_str(url.as_str()) {
        Ok(location) => {
            headers.insert(LOCATION, location);
            response
        }
        Err(_unsendable) => fault(StatusCode::BAD_REQUEST, "The redirect URI cannot be used."),
    }
}

/// # Security
/// No script, no frame around it, no other target of the form than this server and the application.
/// The referrer stays within the origin, so that browsers name it when the form is sent.
fn page(status: StatusCode, body: &str, form_action: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>Folkmoot</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action {form_action}; \
         frame-ancestors 'none'; base-uri 'none'",
        *STYLE_HASH
    );
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let strictest = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    let policy = HeaderValue::from_str(&policy).unwrap_or(strictest);
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

fn meaning(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "read what you can read, your conversations among it",
        Scope::Write => "write, change and delete in your name",
        Scope::Admin => "use the powers that you hold on this node",
    }
}

fn push(body: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to memory does not fail.
    let _written = body.write_fmt(text);
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_names_of_applications_are_text() {
        let safe = escaped("<script>alert('x')</script>\"&");
        assert_eq!(
            safe,
            "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"
        );
    }
}
