//! Which rules a message breaks, and what is done about it, in the transaction of the message.

use std::sync::Arc;
use std::time::Duration;

use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::model::{Rule, RuleAction, Scope};
use super::repeats::Repeat;
use super::store;
use crate::accounts;
use crate::accounts::authority::effective;
use crate::base::filter::{FilterSet, Text};
use crate::base::ids::{ChannelId, CommunityId, MessageId, RuleVersion, UserId};
use crate::base::permission::Permission;
use crate::base::privilege::Privilege;
use crate::channels::access::Seen;
use crate::communities::acts;
use crate::communities::error::CommunityError;
use crate::communities::members;
use crate::moderation::error::ModerationError;
use crate::moderation::reports;
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::filters::Prepared;
use crate::platform::http::error::ApiError;

/// Something that is about to be said.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// By whom.
    pub author: UserId,
    /// Where, when it is said by a member of a community here; rules of the node alone count for what
    /// comes from other nodes beside that.
    pub seen: Option<&'a Seen>,
    /// The text.
    pub content: &'a str,
    /// Whether it changes something that was said before.
    pub is_edit: bool,
}

/// What was said, once it has a row, or what came instead of one.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The message, when it was stored.
    pub message: Option<MessageId>,
    /// The id of the object.
    pub uri: &'a str,
    /// The channel.
    pub channel: Option<ChannelId>,
    /// Its community.
    pub community: Option<CommunityId>,
    /// Who said it.
    pub author: UserId,
    /// The text.
    pub content: &'a str,
}

/// The rules that a message breaks.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    broken: Vec<Rule>,
}

/// Says which rules a message breaks; to be asked in its transaction, once.
///
/// Those who judge content in a community break none of its rules, and those who judge it for the
/// node none of the node's. Where a rule looks for repetitions, it is remembered that the message was
/// written.
///
/// # Errors
/// The database failed.
pub fn judge(
    ctx: &Ctx,
    connection: &mut Connection,
    said: &Said<'_>,
) -> Result<Verdict, DatabaseError> {
    let community = said.seen.and_then(|seen| seen.channel.community_id);
    let mut scopes = vec![Scope(None)];
    scopes.extend(community.map(|id| Scope(Some(id))));
    let versions = store::versions(connection, &scopes)?;
    if versions.is_empty() {
        return Ok(Verdict::default());
    }
    let text = Text::new(said.content);
    let mut repeat = None;
    let mut found = Vec::new();
    for scope in scopes {
        let Some(version) = versions.get(scope.as_str()) else {
            continue;
        };
        let prepared = prepared(ctx, connection, scope, *version)?;
        let mut numbers = prepared.set.find(&text);
        let repetitions = prepared.set.repetitions();
        if !said.is_edit && !repetitions.is_empty() {
            let now = ctx.now();
            let repeat =
                repeat.get_or_insert_with(|| Repeat::of(said.author, community, &text, now));
            numbers.extend(repeat.breaks(connection, scope, repetitions)?);
        }
        let rules = numbers.iter().filter_map(|at| prepared.rules.get(*at));
        found.extend(rules.copied());
    }
    if let Some(repeat) = &repeat {
        repeat.keep(connection)?;
    }
    if found.is_empty() {
        return Ok(Verdict::default());
    }
    let here = said.seen.map(|seen| seen.permissions);
    let judges_here = here.is_some_and(|held| held.contains(Permission::ModerateContent));
    let judges_node = judges_node(connection, said.author)?;
    // Those of a community stand over its rules, and not over those of the node.
    let is_above = |rule: &Rule| {
        if rule.community_id.is_some() {
            judges_here
        } else {
            judges_node
        }
    };
    let mut broken = store::by_ids(connection, &found)?;
    broken.retain(|rule| !is_above(rule) && !passes_over(rule, said.seen));
    Ok(Verdict { broken })
}

/// The set of this version, made ready when it is not remembered.
fn prepared(
    ctx: &Ctx,
    connection: &mut Connection,
    scope: Scope,
    version: RuleVersion,
) -> Result<Arc<Prepared>, DatabaseError> {
    if let Some(known) = ctx.filters().get(version) {
        return Ok(known);
    }
    let mut patterns = Vec::new();
    let mut rules = Vec::new();
    for rule in store::list(connection, scope)? {
        match rule.looks_for() {
            Ok(pattern) => {
                patterns.push(pattern);
                rules.push(rule.id);
            }
            Err(error) => tracing::warn!(%error, rule = %rule.id, "a rule cannot be read"),
        }
    }
    let set = FilterSet::new(&patterns).unwrap_or_else(|error| {
        tracing::error!(%error, scope = scope.as_str(), "the rules cannot be made ready");
        FilterSet::default()
    });
    let prepared = Arc::new(Prepared { set, rules });
    ctx.filters().put(version, Arc::clone(&prepared));
    Ok(prepared)
}

/// Whether somebody judges content on the whole node.
fn judges_node(connection: &mut Connection, author: UserId) -> Result<bool, DatabaseError> {
    let user = accounts::store::by_id(connection, author)?;
    let Some(user) = user.filter(|user| user.is_local() && user.is_active()) else {
        return Ok(false);
    };
    let held = effective(connection, user.id, user.role)?;
    Ok(held.contains(Privilege::ModerateContent))
}

/// Whether a rule passes over the channel or the roles of whoever says something.
fn passes_over(rule: &Rule, seen: Option<&Seen>) -> bool {
    let Some(seen) = seen else { return false };
    let channels = rule.exempt_channels();
    let place = [Some(seen.channel.id), seen.channel.parent_id];
    if place.iter().flatten().any(|id| channels.contains(id)) {
        return true;
    }
    let roles = rule.exempt_roles();
    let stands = seen.stands.as_ref();
    stands.is_some_and(|stands| stands.roles.iter().any(|role| roles.contains(role)))
}

impl Verdict {
    /// Goes on only when no rule refuses the message.
    ///
    /// # Errors
    /// 422 with the public reason of the rule.
    pub fn allow(&self) -> Result<(), ApiError> {
        self.but(|action| action == RuleAction::Block)
    }

    /// Goes on only when no rule refuses or deletes it, for what cannot be deleted.
    ///
    /// # Errors
    /// 422 with the public reason of the rule.
    pub fn keep(&self) -> Result<(), ApiError> {
        self.but(|action| !matches!(action, RuleAction::Report | RuleAction::Flag))
    }

    fn but(&self, refuses: impl Fn(RuleAction) -> bool) -> Result<(), ApiError> {
        match self.broken.iter().find(|rule| refuses(rule.action)) {
            Some(rule) => Err(ModerationError::Refused(rule.reason.clone()).into()),
            None => Ok(()),
        }
    }

    /// Whether the message is to be deleted at once.
    pub fn removes(&self) -> bool {
        let deletes = |rule: &Rule| matches!(rule.action, RuleAction::Delete | RuleAction::TimeOut);
        self.broken.iter().any(deletes)
    }

    /// Whether it silences the author, where they are a member.
    pub fn silences(&self) -> bool {
        let silences = |rule: &Rule| rule.action == RuleAction::TimeOut;
        self.broken.iter().any(silences)
    }

    /// Does what the rules ask for beside refusing and deleting; to be run in the transaction of the
    /// message, once it has its row.
    ///
    /// # Errors
    /// The database failed.
    pub fn carry_out(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        log: &EventLog,
        about: &About<'_>,
    ) -> Result<(), CommunityError> {
        self.record(ctx, connection, about)?;
        let Some(community) = about.community else {
            return Ok(());
        };
        let seconds = |rule: &Rule| match rule.action {
            RuleAction::TimeOut => rule
                .time_out_seconds
                .and_then(|lasts| u64::try_from(lasts).ok()),
            _ => None,
        };
        match self.broken.iter().filter_map(seconds).max() {
            Some(seconds) => {
                let (whom, lasts) = ((community, about.author), Duration::from_secs(seconds));
                members::actions::silence(ctx, connection, log, whom, lasts)
            }
            None => Ok(()),
        }
    }

    /// Writes down which rules were broken, and reports where they ask for it.
    ///
    /// # Errors
    /// The database failed.
    pub fn record(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        about: &About<'_>,
    ) -> Result<(), DatabaseError> {
        for rule in &self.broken {
            if rule.action == RuleAction::Report {
                reports::by_rule(ctx, connection, rule.id, rule.community_id, about)?;
            }
            let action = match rule.action {
                RuleAction::Block => "rule.block",
                RuleAction::Delete => "rule.delete",
                RuleAction::TimeOut => "rule.time_out",
                RuleAction::Report => "rule.report",
                RuleAction::Flag => "rule.flag",
            };
            let after = json!({
                "rule_id": rule.id,
                "rule": rule.name,
                "author_id": about.author,
                "channel_id": about.channel,
                "uri": about.uri,
            });
            let entry = Entry::new(By::System, action).change(None, Some(after));
            let entry = match about.message {
                Some(message) => entry.on("message", &message),
                None => entry.on("user", &about.author),
            };
            match rule.community_id {
                Some(community) => acts::record(connection, community, &entry, ctx.now())?,
                None => {
                    audit::record(connection, &entry, ctx.now())?;
                }
            }
        }
        Ok(())
    }
}
