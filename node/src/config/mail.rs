//! `[mail]`: how messages to members leave.

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::fault::Fault;
use super::secret::Secret;

/// How messages to members leave; none do unless both are set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server: `smtps://user:password@host`, or `smtp://…?tls=required` for STARTTLS.
    pub smtp_url: Option<Secret<String>>,
    /// Whom messages are from, such as `Folkmoot <folkmoot@chat.example>`.
    pub from: Option<String>,
}

impl MailConfig {
    /// Whether messages leave.
    pub fn is_on(&self) -> bool {
        self.smtp_url.is_some() && self.from.is_some()
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if self.smtp_url.is_some() != self.from.is_some() {
            faults.push(Fault::new(
                "mail.from",
                "mail needs both a server and a sender",
                "set mail.smtp_url and mail.from, or neither",
            ));
        }
        // The URL holds a password: what is wrong with it is told without it.
        let url = self.smtp_url.as_ref().map(|url| check_url(url.expose()));
        if let Some(Err((problem, way_out))) = url {
            faults.push(Fault::new("mail.smtp_url", problem, way_out));
        }
        let from = self.from.as_deref().map(str::parse::<Mailbox>);
        if let Some(Err(error)) = from {
            faults.push(Fault::new(
                "mail.from",
                error.to_string(),
                "write an address, such as Folkmoot <folkmoot@chat.example>",
            ));
        }
    }
}

fn check_url(text: &str) -> Result<(), (&'static str, &'static str)> {
    let forms = "write smtps://user:password@host or smtp://user:password@host?tls=required";
    let url = Url::parse(text).map_err(|_unreadable| ("it is not a URL", forms))?;
    // What is not a scheme of the web has its host as text.
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.ok_or(("it names no host", forms))?;
    let is_near = match Host::parse(host.trim_matches(['[', ']'])) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_not_a_host) => host == "[::1]",
    };
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    match (url.scheme(), tls.as_ref().map(|(_, value)| value.as_ref())) {
        ("smtps", None) | ("smtp", Some("required")) => Ok(()),
        ("smtp", None) if is_near => Ok(()),
        ("smtp", _) => Err((
            "messages would leave this machine unencrypted",
            "write smtps://, or add ?tls=required",
        )),
        _ => Err(("it is neither smtp nor smtps", forms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_the_machine_unencrypted() {
        for good in [
            "smtps://alice:secret@mail.example",
            "smtp://alice:secret@mail.example:587?tls=required",
            "smtp://127.0.0.1:2525",
            "smtp://localhost",
            "smtp://[::1]:25",
        ] {
            assert!(check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "mail.example",
            "http://mail.example",
            "smtp://mail.example",
            "smtp://alice:secret@mail.example?tls=opportunistic",
            "smtp://localhost.example",
            "smtps://",
        ] {
            let (problem, way_out) = check_url(bad).unwrap_err();
            assert!(!format!("{problem}{way_out}").contains("secret"), "{bad}");
        }
    }
}
