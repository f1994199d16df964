//! What can be done with rules: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::{Value, json};

use super::model::{Rule, Scope};
use super::store;
use super::wire::{NewRule, PatchRule, RuleView};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::base::filter::{FilterSet, MAX_RULES, Pattern};
use crate::base::ids::{RuleId, RuleVersion, UserId};
use crate::base::permission::Permission;
use crate::base::privilege::Privilege;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::moderation::error::ModerationError;
use crate::platform::audit::{self, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// The rules of a scope, oldest first.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    scope: Scope,
) -> Result<Vec<RuleView>, ModerationError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            reads(connection, scope, me, now)?;
            let rules = store::list(connection, scope)?;
            Ok(rules.iter().map(RuleView::from).collect())
        })
        .await
}

/// Goes on only for those who may see the rules of a scope. Those of the node are shown by privilege,
/// which the route asks for.
pub(super) fn reads(
    connection: &mut Connection,
    scope: Scope,
    me: UserId,
    now: Timestamp,
) -> Result<(), ModerationError> {
    let Some(community) = scope.0 else {
        return Ok(());
    };
    let authority = Authority::inside(connection, community, me, now)?;
    if authority.held().contains(Permission::ManageCommunity) {
        return Ok(());
    }
    Ok(authority.needs(Permission::ModerateContent)?)
}

/// Goes on only for those who may change them; nobody else's authority changes meanwhile.
fn writes(
    connection: &mut Connection,
    scope: Scope,
    me: &Acting,
    now: Timestamp,
) -> Result<(), ModerationError> {
    if let Some(community) = scope.0 {
        let _log = EventLog::begin(connection)?;
        let authority = Authority::inside(connection, community, me.id, now)?;
        authority.needs(Permission::ManageCommunity)?;
    } else {
        let needed = Privilege::ManageServerSettings;
        accounts::authority::Authority::of(connection, me.id, needed)?;
    }
    Ok(())
}

/// A new rule, held against its bounds.
pub(super) fn rule_of(
    scope: Scope,
    new: &NewRule,
    by: UserId,
    now: Timestamp,
) -> Result<Rule, ModerationError> {
    let rule = Rule {
        id: RuleId::new(now),
        community_id: scope.0,
        name: new.name.trim().to_owned(),
        kind: new.kind,
        pattern: new.pattern.trim().to_owned(),
        times: new.times,
        seconds: new.seconds,
        action: new.action,
        time_out_seconds: new.time_out_seconds,
        reason: new.reason.trim().to_owned(),
        exempt_roles: json!(new.exempt_roles).to_string(),
        exempt_channels: json!(new.exempt_channels).to_string(),
        created_by: by,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    rule.check()?;
    Ok(rule)
}

/// Makes a rule; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    me: &Acting,
    scope: Scope,
    new: &NewRule,
) -> Result<RuleView, ModerationError> {
    let now = ctx.now();
    writes(connection, scope, me, now)?;
    let rule = rule_of(scope, new, me.id, now)?;
    store::set_version(connection, scope, RuleVersion::new(now))?;
    let mut rules = store::list(connection, scope)?;
    if rules.len() >= MAX_RULES {
        return Err(ModerationError::TooManyRules(MAX_RULES));
    }
    store::insert(connection, &rule)?;
    let view = RuleView::from(&rule);
    rules.push(rule);
    fit_together(&rules)?;
    let entry = me.entry("rule.create").on("rule", &view.id);
    record(
        connection,
        scope,
        &entry.change(None, Some(json!(view))),
        now,
    )?;
    Ok(view)
}

/// Changes a rule.
pub(super) async fn update(
    ctx: &Ctx,
    me: Acting,
    (scope, id): (Scope, RuleId),
    patch: PatchRule,
) -> Result<RuleView, ModerationError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            writes(connection, scope, &me, now)?;
            store::set_version(connection, scope, RuleVersion::new(now))?;
            let before = store::by_id(connection, scope, id)?.ok_or(ModerationError::NotFound)?;
            let after = changed(&before, &patch, now)?;
            store::update(connection, &after)?;
            fit_together(&store::list(connection, scope)?)?;
            let view = RuleView::from(&after);
            let entry = me.entry("rule.update").on("rule", &id);
            let old = json!(RuleView::from(&before));
            let entry = entry.change(Some(old), Some(json!(view)));
            record(connection, scope, &entry, now)?;
            Ok(view)
        })
        .await
}

fn changed(before: &Rule, patch: &PatchRule, now: Timestamp) -> Result<Rule, ModerationError> {
    let mut after = before.clone();
    let trimmed = |text: &String| text.trim().to_owned();
    let same = |number: &i32| Ok::<i32, ModerationError>(*number);
    after.name = patch.name.as_ref().map_or(after.name, trimmed);
    after.kind = patch.kind.unwrap_or(after.kind);
    after.pattern = patch.pattern.as_ref().map_or(after.pattern, trimmed);
    after.times = patch.times.over(after.times, same)?;
    after.seconds = patch.seconds.over(after.seconds, same)?;
    after.action = patch.action.unwrap_or(after.action);
    after.time_out_seconds = patch.time_out_seconds.over(after.time_out_seconds, same)?;
    after.reason = patch.reason.as_ref().map_or(after.reason, trimmed);
    if let Some(roles) = &patch.exempt_roles {
        after.exempt_roles = json!(roles).to_string();
    }
    if let Some(channels) = &patch.exempt_channels {
        after.exempt_channels = json!(channels).to_string();
    }
    after.updated_at = now.as_millis();
    after.check()?;
    Ok(after)
}

/// Deletes a rule.
pub(super) async fn delete(
    ctx: &Ctx,
    me: Acting,
    (scope, id): (Scope, RuleId),
) -> Result<(), ModerationError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            writes(connection, scope, &me, now)?;
            store::set_version(connection, scope, RuleVersion::new(now))?;
            let before = store::by_id(connection, scope, id)?.ok_or(ModerationError::NotFound)?;
            store::delete(connection, id)?;
            let entry = me.entry("rule.remove").on("rule", &id);
            let old: Value = json!(RuleView::from(&before));
            record(connection, scope, &entry.change(Some(old), None), now)
        })
        .await
}

/// Goes on only when the rules can be made ready together.
fn fit_together(rules: &[Rule]) -> Result<(), ModerationError> {
    let patterns: Result<Vec<Pattern>, ModerationError> =
        rules.iter().map(Rule::looks_for).collect();
    FilterSet::new(&patterns?)?;
    Ok(())
}

fn record(
    connection: &mut Connection,
    scope: Scope,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), ModerationError> {
    match scope.0 {
        Some(community) => acts::record(connection, community, entry, now)?,
        None => {
            audit::record(connection, entry, now)?;
        }
    }
    Ok(())
}
