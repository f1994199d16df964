//! What a rule is; no IO beyond its form in rows.

use diesel::prelude::*;

use crate::base::filter::{Pattern, PatternKind, Wanted};
use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, RuleId, UserId};
use crate::base::words::words;
use crate::moderation::error::ModerationError;
use crate::platform::db::schema::content_rules;

/// Characters of a name at most.
const MAX_NAME: usize = 80;
/// Characters of a public reason at most.
const MAX_REASON: usize = 200;
/// Roles or channels that a rule passes over at most.
const MAX_EXEMPT: usize = 50;
/// Seconds of a time-out at most: 28 days.
const MAX_TIME_OUT: u32 = 28 * 24 * 60 * 60;

words! {
    /// What becomes of a message that a rule finds.
    pub enum RuleAction {
        /// It is refused.
        Block = "block",
        /// It is taken, and deleted at once.
        Delete = "delete",
        /// It is deleted at once, and its author is silenced for a while.
        TimeOut = "time_out",
        /// It stays, and is reported.
        Report = "report",
        /// It stays, and the audit log tells of it.
        Flag = "flag",
    }
}

/// A rule as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = content_rules, treat_none_as_null = true)]
pub struct Rule {
    /// The id.
    pub id: RuleId,
    /// Of which community; `None` for the node.
    pub community_id: Option<CommunityId>,
    /// Its name, for moderators.
    pub name: String,
    /// What it looks for.
    pub kind: PatternKind,
    /// The word, phrase, expression or domain.
    pub pattern: String,
    /// How many mentions, or how often.
    pub times: Option<i32>,
    /// Within how many seconds.
    pub seconds: Option<i32>,
    /// What becomes of a message.
    pub action: RuleAction,
    /// For how long its author is silenced.
    pub time_out_seconds: Option<i32>,
    /// What the author of a refused message is told.
    pub reason: String,
    /// Roles of the community whose members it passes over, as JSON.
    pub exempt_roles: String,
    /// Channels that it passes over, with what is in them, as JSON.
    pub exempt_channels: String,
    /// Who made it.
    pub created_by: UserId,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

impl Rule {
    /// What it looks for.
    ///
    /// # Errors
    /// The row breaks the bounds, such as one of another version of this server.
    pub fn looks_for(&self) -> Result<Pattern, ModerationError> {
        let number = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
        let wanted = Wanted {
            kind: self.kind,
            pattern: &self.pattern,
            times: number(self.times),
            seconds: number(self.seconds),
        };
        Ok(Pattern::read(&wanted)?)
    }

    /// The roles that it passes over.
    pub fn exempt_roles(&self) -> Vec<CommunityRoleId> {
        serde_json::from_str(&self.exempt_roles).unwrap_or_default()
    }

    /// The channels that it passes over.
    pub fn exempt_channels(&self) -> Vec<ChannelId> {
        serde_json::from_str(&self.exempt_channels).unwrap_or_default()
    }

    /// Holds the rule against its bounds.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), ModerationError> {
        self.looks_for()?;
        let line = |text: &str, most: usize| {
            let fits = (1..=most).contains(&text.chars().count());
            fits && text.trim() == text && !text.chars().any(char::is_control)
        };
        if !line(&self.name, MAX_NAME) {
            let detail = "A name has 1 to 80 characters on one line.";
            return Err(ModerationError::InvalidRule(detail));
        }
        if !line(&self.reason, MAX_REASON) {
            let detail = "A reason has 1 to 200 characters on one line; authors are told it.";
            return Err(ModerationError::InvalidRule(detail));
        }
        let lasts = self
            .time_out_seconds
            .and_then(|lasts| u32::try_from(lasts).ok());
        let fits = match self.action {
            RuleAction::TimeOut => lasts.is_some_and(|lasts| (1..=MAX_TIME_OUT).contains(&lasts)),
            _ => self.time_out_seconds.is_none(),
        };
        if !fits {
            let detail =
                "A time_out names time_out_seconds, up to 28 days; other actions name none.";
            return Err(ModerationError::InvalidRule(detail));
        }
        let exempt = self.exempt_roles().len().max(self.exempt_channels().len());
        if exempt > MAX_EXEMPT {
            let detail = "A rule passes over at most 50 roles and 50 channels.";
            return Err(ModerationError::InvalidRule(detail));
        }
        if self.community_id.is_none() && !self.exempt_roles().is_empty() {
            let detail = "Roles are of communities: a rule of the node passes over channels alone.";
            return Err(ModerationError::InvalidRule(detail));
        }
        Ok(())
    }
}

/// Whose rules: the node's, or those of a community.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope(pub Option<CommunityId>);

impl Scope {
    /// The scope as its row names it.
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or("node", CommunityId::as_str)
    }
}
