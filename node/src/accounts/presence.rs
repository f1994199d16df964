//! Whether people are there: what they chose, and what others see of it.

use std::fmt;
use std::str::FromStr;

use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;
use serde::{Deserialize, Serialize};

/// Whether a person is there.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    AsExpression,
    FromSqlRow,
    utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
#[diesel(sql_type = Text)]
pub enum Presence {
    /// There.
    #[default]
    Online,
    /// There, and away from the keyboard.
    Idle,
    /// There, and not to be disturbed.
    Dnd,
    /// There, and shown as offline to everybody else.
    Invisible,
    /// Not there.
    Offline,
}

/// The text names no presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a presence: expected online, idle, dnd, invisible or offline")]
pub struct UnknownPresence;

impl Presence {
    const ALL: [Self; 5] = [
        Self::Online,
        Self::Idle,
        Self::Dnd,
        Self::Invisible,
        Self::Offline,
    ];

    /// The presence as it is written everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Idle => "idle",
            Self::Dnd => "dnd",
            Self::Invisible => "invisible",
            Self::Offline => "offline",
        }
    }

    /// Reads what members may choose: everything but offline, which they are seen as by choosing
    /// invisible.
    pub fn chosen(text: &str) -> Option<Self> {
        let known = text.parse().ok();
        known.filter(|presence| *presence != Self::Offline)
    }

    /// What others see of somebody who chose this, by whether they have a socket open.
    #[must_use]
    pub const fn seen(self, connected: bool) -> Self {
        match self {
            Self::Online | Self::Idle | Self::Dnd if connected => self,
            _ => Self::Offline,
        }
    }
}

impl FromStr for Presence {
    type Err = UnknownPresence;

    fn from_str(text: &str) -> Result<Self, UnknownPresence> {
        let named = |presence: &Self| presence.as_str() == text;
        Self::ALL.into_iter().find(named).ok_or(UnknownPresence)
    }
}

impl fmt::Display for Presence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<DB> ToSql<Text, DB> for Presence
where
    DB: diesel::backend::Backend,
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

impl<DB> FromSql<Text, DB> for Presence
where
    DB: diesel::backend::Backend,
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(String::from_sql(bytes)?.parse()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_sees_the_invisible() {
        assert_eq!(Presence::Invisible.seen(true), Presence::Offline);
        assert_eq!(Presence::Dnd.seen(true), Presence::Dnd);
        assert_eq!(Presence::Online.seen(false), Presence::Offline);
        for presence in Presence::ALL {
            assert_eq!(presence.as_str().parse(), Ok(presence));
        }
    }

    #[test]
    fn nobody_chooses_to_be_offline() {
        assert_eq!(Presence::chosen("idle"), Some(Presence::Idle));
        assert_eq!(Presence::chosen("offline"), None);
        assert_eq!(Presence::chosen("asleep"), None);
    }
}
