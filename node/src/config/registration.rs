//! `[registration]`: who may open an account.

use serde::{Deserialize, Serialize};
use url::Url;

use super::fault::Fault;
use crate::base::names;

/// Who may open an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistrationConfig {
    /// `open`, `invite` or `closed`.
    pub mode: RegistrationMode,
    /// Where the terms of use are, if there are some.
    pub terms_url: Option<String>,
    /// Their version: whoever opens an account must agree to this one.
    pub terms_version: Option<String>,
    /// Names that nobody may take over the network, beside the built-in ones; what looks alike
    /// counts as the same.
    pub reserved_names: Vec<String>,
}

/// Who may open an account over the network; the command line always can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RegistrationMode {
    /// Anybody.
    #[default]
    Open,
    /// Whoever holds an unused invitation.
    Invite,
    /// Nobody.
    Closed,
}

impl RegistrationConfig {
    /// Whether the settings keep this name, or one that looks like it, for nobody.
    pub fn reserves(&self, name: &str) -> bool {
        let reserved = self.reserved_names.iter();
        reserved
            .into_iter()
            .any(|other| names::look_alike(name, other))
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if self.terms_url.is_some() != self.terms_version.is_some() {
            faults.push(Fault::new(
                "registration.terms_version",
                "the terms of use need both an address and a version",
                "set registration.terms_url and registration.terms_version, or neither",
            ));
        }
        let is_web = |text: &str| {
            let url = Url::parse(text);
            url.is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        };
        if self.terms_url.as_deref().is_some_and(|url| !is_web(url)) {
            faults.push(Fault::new(
                "registration.terms_url",
                "it is not an http or https URL",
                "write the address of a page, such as https://chat.example/terms",
            ));
        }
        if self.terms_version.as_deref().is_some_and(|version| {
            version.is_empty() || version.len() > 100 || version.contains(char::is_control)
        }) {
            faults.push(Fault::new(
                "registration.terms_version",
                "it is empty, too long or holds control characters",
                "write 1 to 100 characters, such as 2026-11-01",
            ));
        }
        let odd = |name: &&String| {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            name.is_empty() || !name.bytes().all(allowed)
        };
        if let Some(name) = self.reserved_names.iter().find(odd) {
            faults.push(Fault::new(
                "registration.reserved_names",
                format!("{name:?} is no user name"),
                "write names of letters a-z, digits and _",
            ));
        }
    }
}
