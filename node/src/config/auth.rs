//! `[auth]`: how long a sign-in lasts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::Fault;

/// How long a sign-in lasts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthConfig {
    /// Minutes for which an access token is good.
    pub access_token_minutes: u32,
    /// Days after its last refresh for which a sign-in lives.
    pub session_days: u32,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            access_token_minutes: 15,
            session_days: 30,
        }
    }
}

impl AuthConfig {
    /// How long an access token is good.
    pub fn access_lifetime(&self) -> Duration {
        Duration::from_mins(self.access_token_minutes.into())
    }

    /// How long a session lives after its last refresh.
    pub fn session_lifetime(&self) -> Duration {
        Duration::from_hours(u64::from(self.session_days).saturating_mul(24))
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        for (key, value, low, high) in [
            (
                "auth.access_token_minutes",
                self.access_token_minutes,
                5,
                60,
            ),
            ("auth.session_days", self.session_days, 1, 365),
        ] {
            if !(low..=high).contains(&value) {
                faults.push(Fault::new(
                    key,
                    format!("{value} is out of range"),
                    format!("choose a number from {low} to {high}"),
                ));
            }
        }
    }
}
