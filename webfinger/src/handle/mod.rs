//! Account names: `@name@domain`, `name@domain` and `acct:` URIs (RFC 7565), read into one type.

use std::fmt;
use std::str::FromStr;

use url::Host;

use crate::percent;

/// The longest text that is looked at, in bytes.
const MAX_TEXT: usize = "acct:".len() + 3 * MAX_NAME + "@".len() + 253 + ":65535".len();
/// The longest account name, in bytes after decoding.
const MAX_NAME: usize = 256;

/// The longest host that is looked at, in bytes as written: a domain of 253 characters, each of
/// which may take up to four.
const MAX_HOST_TEXT: usize = 4 * 253;

/// Names one account at one host.
///
/// The host is canonical: lower case, IDNA-encoded (`bücher.example` reads as
/// `xn--bcher-kva.example`), without a trailing dot, and with its port only when one was written
/// that is not 443. The name keeps the case it was written in, since RFC 7565 s4 makes it
/// case-sensitive; servers of the fediverse do not tell cases apart, so compare accounts with
/// [`Handle::is_same_account`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Handle {
    name: String,
    host: String,
    port: Option<u16>,
}

impl Handle {
    /// Builds a handle from a name and a host (`example.org`, `example.org:8443`, `[::1]:8080`).
    ///
    /// # Errors
    /// When either part is empty, too long, or has characters that have no place in it.
    pub fn new(name: &str, authority: &str) -> Result<Self, HandleError> {
        check_name(name)?;
        let (host, port) = split_port(authority)?;
        Ok(Self {
            name: name.to_owned(),
            host: canonical_host(host)?,
            port,
        })
    }

    /// Reads an `acct:` URI (RFC 7565 s7), the scheme in any case.
    ///
    /// # Errors
    /// When the scheme is another one, an escape is broken, or a part is not acceptable.
    pub fn from_acct(uri: &str) -> Result<Self, HandleError> {
        if uri.len() > MAX_TEXT {
            return Err(HandleError::TooLong);
        }
        let rest = strip_acct(uri).ok_or(HandleError::NotAcct)?;
        let (name, authority) = rest.rsplit_once('@').ok_or(HandleError::NoHost)?;
        if !name.bytes().all(is_userpart) {
            return Err(HandleError::BadName);
        }
        Self::new(
            &percent::decode(name).ok_or(HandleError::BadName)?,
            authority,
        )
    }

    /// The account's name, as it was written, without `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical host without its port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when it is not the default one of HTTPS.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The host, followed by `:port` when there is one.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The `acct:` URI of this account, percent-encoded where RFC 7565 s7 asks for it.
    pub fn acct(&self) -> String {
        format!(
            "acct:{}@{}",
            percent::encode(&self.name, SUB_DELIMS),
            self.authority()
        )
    }

    /// Tells whether both name the same account: same host and port, same name in any ASCII case.
    pub fn is_same_account(&self, other: &Self) -> bool {
        self.host == other.host
            && self.port == other.port
            && self.name.eq_ignore_ascii_case(&other.name)
    }

    /// The same account with its name in lower case: a key for tables and caches.
    #[must_use]
    pub fn to_canonical(&self) -> Self {
        Self {
            name: self.name.to_ascii_lowercase(),
            ..self.clone()
        }
    }
}

impl FromStr for Handle {
    type Err = HandleError;

    /// Reads `acct:name@host`, `@name@host` or `name@host`, each with an optional `:port`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEXT {
            return Err(HandleError::TooLong);
        }
        if strip_acct(text).is_some() {
            return Self::from_acct(text);
        }
        let text = text.strip_prefix('@').unwrap_or(text);
        let (name, authority) = text.split_once('@').ok_or(HandleError::NoHost)?;
        Self::new(name, authority)
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}@{}", self.name, self.authority())
    }
}

/// Why a text is no handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// The text is longer than any real handle.
    #[error("the handle is longer than {MAX_TEXT} bytes")]
    TooLong,
    /// The URI does not start with `acct:`.
    #[error("the URI has another scheme than acct")]
    NotAcct,
    /// There is no `@` between a name and a host.
    #[error("a handle is written name@host")]
    NoHost,
    /// The name is empty, too long, or has characters that no name has.
    #[error("the name before the @ is empty, too long or has characters a name cannot have")]
    BadName,
    /// The host is no domain name and no address.
    #[error("the part after the @ is no host name")]
    BadHost,
    /// The port is no number between 1 and 65535.
    #[error("the port is no number between 1 and 65535")]
    BadPort,
}

impl HandleError {
    /// Whether the same text may be read later; never: its sender has to change it.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

const SUB_DELIMS: &[u8] = b"!$&'()*+,;=";

fn is_userpart(byte: u8) -> bool {
    percent::is_unreserved(byte) || byte == b'%' || SUB_DELIMS.contains(&byte)
}

fn strip_acct(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    scheme.eq_ignore_ascii_case("acct").then_some(rest)
}

/// Accepts what RFC 7565 lets through after decoding, less what can only mean an attack or a slip.
fn check_name(name: &str) -> Result<(), HandleError> {
    let fits = !name.is_empty() && name.len() <= MAX_NAME;
    let clean = !name
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || "/\\?#".contains(c));
    if fits && clean && !name.starts_with('@') {
        Ok(())
    } else {
        Err(HandleError::BadName)
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), HandleError> {
    let port_at = match authority.rsplit_once(':') {
        // The colons inside an IPv6 literal are not followed by a port.
        Some((_, tail)) if tail.ends_with(']') => None,
        other => other,
    };
    let Some((host, port)) = port_at else {
        return Ok((authority, None));
    };
    if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(HandleError::BadPort);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(HandleError::BadPort),
        Ok(443) => Ok((host, None)),
        Ok(port) => Ok((host, Some(port))),
    }
}

fn canonical_host(host: &str) -> Result<String, HandleError> {
    let host = host.strip_suffix('.').unwrap_or(host);
    // A percent sign would be decoded by the host parser; a host has none.
    if host.is_empty() || host.len() > MAX_HOST_TEXT || host.contains(['%', '@']) {
        return Err(HandleError::BadHost);
    }
    let Ok(parsed) = Host::parse(host) else {
        return Err(HandleError::BadHost);
    };
    match parsed {
        Host::Domain(domain) if !is_domain(&domain) => Err(HandleError::BadHost),
        canonical => Ok(canonical.to_string()),
    }
}

fn is_domain(domain: &str) -> bool {
    domain.len() <= 253
        && domain.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

#[cfg(test)]
mod tests;
