//! [`RateSettings`]: how much is too much, changeable while the server runs.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{Array, ArrayBuilder, ObjectBuilder, Type};

use super::bucket::Quota;
use crate::platform::http::access::RateClass;

/// Networks that may be exempt at most.
const MOST_EXEMPT: usize = 100;
/// Seconds in a day.
const DAY: u32 = 24 * 60 * 60;

/// How much one address and one account may ask for, and what follows when it is more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RateSettings {
    /// Whether anything is limited at all; blocks count in any case.
    pub enabled: bool,
    /// The time in which a quota fills again.
    pub window_seconds: u32,
    /// Requests that read, in a window.
    pub read: u32,
    /// Searches, in a window.
    #[serde(default = "searches")]
    pub search: u32,
    /// Requests that change something, messages among them, in a window.
    pub write: u32,
    /// Requests that sign up, sign in or prove who one is, in a window.
    pub auth: u32,
    /// Files sent in a window.
    pub upload: u32,
    /// Warnings before an address is blocked.
    pub warnings: u32,
    /// The first wait after a warning; the next ones are as many times longer as there were
    /// warnings.
    pub cool_down_seconds: u32,
    /// The longest wait.
    pub cool_down_most_seconds: u32,
    /// The first block by the server itself; each further one of the same address is twice as long.
    pub block_seconds: u32,
    /// The longest block by the server itself.
    pub block_most_seconds: u32,
    /// Networks whose addresses have no limits; accounts still have theirs.
    #[schema(schema_with = networks)]
    pub exempt: Vec<IpNet>,
}

/// Searches in a window, also where the stored settings are older than this value.
const fn searches() -> u32 {
    600
}

/// The schema of a list of networks: addresses in CIDR notation (RFC 4632 s3.1, RFC 4291 s2.3).
fn networks() -> Array {
    let byte = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
    let v4 = format!("({byte}[.]){{3}}{byte}");
    let group = "[0-9a-fA-F]{1,4}";
    let mut v6 = vec![
        format!("({group}:){{7}}{group}"),
        format!("::(ffff:)?{v4}"),
        format!("::({group}:){{0,6}}{group}"),
        "::".to_owned(),
        format!("({group}:){{1,7}}:"),
    ];
    v6.extend((1..=6).map(|before| {
        let after = 7 - before;
        format!("({group}:){{{before}}}(:{group}){{1,{after}}}")
    }));
    let v6 = v6.join("|");
    let pattern = format!("^({v4}/(3[0-2]|[12]?[0-9])|({v6})/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))$");
    let network = ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .build();
    ArrayBuilder::new()
        .items(network)
        .description(Some(
            "Networks whose addresses have no limits; accounts still have theirs.",
        ))
        .build()
}

impl Default for RateSettings {
    fn default() -> Self {
        let loopback = ["127.0.0.0/8", "::1/128"];
        Self {
            enabled: true,
            window_seconds: 300,
            read: 6000,
            search: searches(),
            write: 3000,
            auth: 1200,
            upload: 900,
            warnings: 15,
            cool_down_seconds: 30,
            cool_down_most_seconds: 300,
            block_seconds: 60 * 60,
            block_most_seconds: 30 * DAY,
            exempt: loopback.iter().filter_map(|net| net.parse().ok()).collect(),
        }
    }
}

impl RateSettings {
    /// What is wrong with these values, if anything.
    ///
    /// # Errors
    /// Names the value that is out of bounds.
    pub fn check(&self) -> Result<(), String> {
        let bounds = [
            ("window_seconds", self.window_seconds, 1, 3600),
            ("read", self.read, 1, 10_000_000),
            ("search", self.search, 1, 10_000_000),
            ("write", self.write, 1, 10_000_000),
            ("auth", self.auth, 1, 10_000_000),
            ("upload", self.upload, 1, 10_000_000),
            ("warnings", self.warnings, 1, 10_000),
            ("cool_down_seconds", self.cool_down_seconds, 1, DAY),
            (
                "cool_down_most_seconds",
                self.cool_down_most_seconds,
                self.cool_down_seconds,
                DAY,
            ),
            ("block_seconds", self.block_seconds, 1, 3650 * DAY),
            (
                "block_most_seconds",
                self.block_most_seconds,
                self.block_seconds,
                3650 * DAY,
            ),
        ];
        for (name, value, low, high) in bounds {
            if !(low..=high).contains(&value) {
                return Err(format!("{name} takes a number from {low} to {high}."));
            }
        }
        if self.exempt.len() > MOST_EXEMPT {
            return Err(format!("exempt takes at most {MOST_EXEMPT} networks."));
        }
        Ok(())
    }

    /// What one address, and one account, may ask for of a class; `None` where others count.
    pub(super) fn quota(&self, class: RateClass) -> Option<Quota> {
        let requests = match class {
            RateClass::Read => self.read,
            RateClass::Search => self.search,
            RateClass::Write => self.write,
            RateClass::Auth => self.auth,
            RateClass::Upload => self.upload,
            RateClass::Inbox => return None,
        };
        let window = Duration::from_secs(self.window_seconds.into());
        self.enabled.then_some(Quota { requests, window })
    }

    /// Whether an address has no limits.
    pub(super) fn is_exempt(&self, address: IpAddr) -> bool {
        self.exempt.iter().any(|network| network.contains(&address))
    }

    /// How long the wait after this many warnings is.
    pub(super) fn cool_down(&self, warnings: u32) -> Duration {
        let seconds = self.cool_down_seconds.saturating_mul(warnings.max(1));
        Duration::from_secs(seconds.min(self.cool_down_most_seconds).into())
    }

    /// How long a block by the server is, after this many before it.
    pub(super) fn block(&self, before: u32) -> Duration {
        let doubled = self
            .block_seconds
            .saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX));
        Duration::from_secs(doubled.min(self.block_most_seconds).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_allowed_and_bounds_hold() {
        let settings = RateSettings::default();
        assert_eq!(settings.check(), Ok(()));
        let wrong = RateSettings {
            cool_down_most_seconds: 29,
            ..settings.clone()
        };
        assert!(wrong.check().unwrap_err().contains("cool_down_most"));
        assert_eq!(settings.cool_down(1), Duration::from_secs(30));
        assert_eq!(settings.cool_down(15), Duration::from_mins(5));
        assert_eq!(settings.block(0), Duration::from_hours(1));
        assert_eq!(settings.block(3), Duration::from_hours(8));
        assert_eq!(settings.block(40), Duration::from_hours(30 * 24));
    }
}
