//! Where an application may have members sent back to (OAuth 2.1 s2.3, RFC 8252 s7).

use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Characters in a redirect URI at most.
const MAX_LEN: usize = 2000;

/// Why a redirect URI cannot be registered.
pub(super) const RULES: &str = "A redirect URI is https://, http://127.0.0.1 or http://[::1], or a \
    private scheme with a dot such as com.example.app:/, without a fragment or a user name, and \
    written as its URL is normalised.";

/// A redirect URI that an application may register.
///
/// # Security
/// Script and data URLs have no dot in their scheme, so they are never private-use schemes. What is
/// not in the normal form of URLs is refused, so that two readers cannot see two different URLs.
pub(super) fn check(text: &str) -> Option<Url> {
    if text.len() > MAX_LEN || text.contains('#') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_normal = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    let has_user = !url.username().is_empty() || url.password().is_some();
    if !is_normal || has_user {
        return None;
    }
    let allowed = match url.scheme() {
        // The host goes into the policy of a page.
        "https" => url
            .host_str()
            .is_some_and(|host| !host.contains([';', ',', '\'', '*', '"'])),
        "http" => is_loopback(&url),
        scheme => scheme.contains('.') && url.host().is_none(),
    };
    allowed.then_some(url)
}

/// Of the registered ones, the one that `asked` is; what is answered to is always `asked` itself.
///
/// The comparison is of text, character by character. Only the port of a loopback address is free,
/// since an application on the member's machine cannot choose it (RFC 8252 s7.3).
pub(super) fn find<'a>(registered: &'a [String], asked: &str) -> Option<&'a str> {
    let is_it = |known: &&String| *known == asked || differs_in_port(known, asked);
    registered.iter().find(is_it).map(String::as_str)
}

fn differs_in_port(known: &str, asked: &str) -> bool {
    let (Some(mut known), Some(mut asked)) = (check(known), check(asked)) else {
        return false;
    };
    if known.scheme() != "http" || !is_loopback(&known) || !is_loopback(&asked) {
        return false;
    }
    let without_port = [&mut known, &mut asked].map(|url| url.set_port(None).is_ok());
    without_port == [true, true] && known == asked
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        Some(Host::Domain(_)) | None => false,
    }
}

/// The redirect URI with the answer in its query.
pub(super) fn with_answer(redirect: &Url, answer: &[(&str, &str)]) -> Url {
    let mut url = redirect.clone();
    url.query_pairs_mut().extend_pairs(answer);
    url
}

/// What a form on a page may lead to when it ends at this redirect URI (CSP `form-action`).
///
/// Browsers hold the redirect after a form against it too.
pub(super) fn form_target(redirect: &Url) -> String {
    match redirect.scheme() {
        "https" | "http" => redirect.origin().ascii_serialization(),
        scheme => format!("{scheme}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_what_leads_back_to_the_application() {
        for good in [
            "https://app.example/cb",
            "https://app.example",
            "https://app.example:8443/cb?x=1",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:4321/cb",
            "http://[::1]:4321/cb",
            "com.example.app:/cb",
        ] {
            assert!(check(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "http://app.example/cb",
            "http://localhost/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://0x7f.1/cb",
            "https://app.example/cb#",
            "https://app.example/cb#x",
            "https://user@app.example/cb",
            "https://app.example/a/../cb",
            "https://app.example\\@evil.example/",
            "https://APP.example/cb",
            "https:app.example/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "app:/cb",
            "com.example.app://host/cb",
            " https://app.example/cb",
            "https://app.example/\ncb",
        ] {
            assert!(check(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn attack_redirect_uris_match_exactly() {
        let known = ["https://app.example/cb", "http://127.0.0.1:1/cb"].map(str::to_owned);
        let matches = |asked: &str| find(&known, asked).is_some();
        assert!(matches("https://app.example/cb"));
        assert!(matches("http://127.0.0.1:1/cb"));
        assert!(matches("http://127.0.0.1:60001/cb"));
        assert!(matches("http://127.0.0.1/cb"));
        for trick in [
            "https://app.example/cb/",
            "https://app.example/cb/x",
            "https://app.example/cbx",
            "https://app.example/CB",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example:444/cb",
            "https://app.example:443/cb",
            "https://app.example.evil.example/cb",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "https://app.example/x/../cb",
            "https://app.example/%63b",
            "http://app.example/cb",
            "http://127.0.0.1:1/cb/x",
            "http://127.0.0.1:1/cb?x",
            "http://127.0.0.2:1/cb",
            "http://[::1]:1/cb",
            "http://localhost:1/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!matches(trick), "{trick}");
        }
    }
}
