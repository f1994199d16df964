//! What a policy towards a domain is; no IO.

use diesel::prelude::*;
use federation_core::fetch::canonical_host;
use url::Host;

use crate::base::words::words;
use crate::platform::db::schema::domain_policies;

/// Characters of a domain at most (RFC 1035 s2.3.4).
const MAX_DOMAIN: usize = 253;

words! {
    /// How much a domain can do here.
    pub enum Severity {
        /// It is let in where only those on a list are.
        Allow = "allow",
        /// As one without a policy.
        None = "none",
        /// Its people reach only those who follow them or talk with them already, and are in no list.
        Silence = "silence",
        /// Nothing comes from it and nothing goes there.
        Block = "block",
    }
}

words! {
    /// What becomes of domains without a policy.
    pub enum Mode {
        /// They are let in.
        Open = "open",
        /// They are not: only those with the severity `allow` are.
        AllowList = "allow_list",
    }
}

/// A policy towards a domain and everything below it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = domain_policies)]
pub struct Policy {
    /// The domain in its one spelling, without a port.
    pub domain: String,
    /// How much it can do here.
    pub severity: Severity,
    /// Whether its files are passed over.
    pub rejects_media: bool,
    /// Whether its reports are passed over.
    pub rejects_reports: bool,
    /// Why, for everybody.
    pub public_comment: String,
    /// Why, for those who run the node.
    pub private_comment: String,
    /// Whether the domain is not spelt out in public.
    pub is_obfuscated: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// The name under which the policy of a domain is kept: lower case, ASCII, without a port; `None` when
/// the text is no domain.
pub fn domain_of(text: &str) -> Option<String> {
    let host = canonical_host(text);
    let plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_[]:".contains(letter);
    let is_host = !host.is_empty()
        && host.len() <= MAX_DOMAIN
        && host.chars().all(plain)
        && Host::parse(&host).is_ok();
    is_host.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_one_name() {
        for (text, name) in [
            ("Evil.Example.", "evil.example"),
            ("evil.example:443", "evil.example"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("127.0.0.1:8081", "127.0.0.1"),
        ] {
            assert_eq!(domain_of(text).as_deref(), Some(name), "{text}");
        }
        for wrong in [
            "",
            "a b",
            "*.evil.example",
            "ev*l.example",
            "https://a.example",
            "a/b",
        ] {
            assert_eq!(domain_of(wrong), None, "{wrong}");
        }
    }
}
