//! All SQL that writes `content_rules` and `rule_sets`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Rule, Scope};
use crate::base::ids::{ChannelId, MessageId, RuleId, RuleVersion, UserId};
use crate::platform::db::schema::{content_rules, messages, rule_sets};

/// Rules read at once at most; there are fewer.
const AT_ONCE: i64 = 1_000;

/// The rules of a scope, oldest first.
pub(super) fn list(connection: &mut Connection, scope: Scope) -> Result<Vec<Rule>, DatabaseError> {
    let mut rows = content_rules::table
        .order(content_rules::id.asc())
        .limit(AT_ONCE)
        .select(Rule::as_select())
        .into_boxed();
    rows = match scope.0 {
        Some(community) => rows.filter(content_rules::community_id.eq(community)),
        None => rows.filter(content_rules::community_id.is_null()),
    };
    Ok(rows.load(connection)?)
}

/// The rule of this id in a scope.
pub(super) fn by_id(
    connection: &mut Connection,
    scope: Scope,
    id: RuleId,
) -> Result<Option<Rule>, DatabaseError> {
    let row = content_rules::table.find(id).select(Rule::as_select());
    let found: Option<Rule> = row.first(connection).optional()?;
    Ok(found.filter(|rule| rule.community_id == scope.0))
}

/// The rules with these ids.
pub(super) fn by_ids(
    connection: &mut Connection,
    ids: &[RuleId],
) -> Result<Vec<Rule>, DatabaseError> {
    let rows = content_rules::table
        .filter(content_rules::id.eq_any(ids))
        .order(content_rules::id.asc())
        .select(Rule::as_select());
    Ok(rows.load(connection)?)
}

/// Adds a rule.
pub(super) fn insert(connection: &mut Connection, rule: &Rule) -> Result<(), DatabaseError> {
    diesel::insert_into(content_rules::table)
        .values(rule.clone())
        .execute(connection)?;
    Ok(())
}

/// Stores a changed rule.
pub(super) fn update(connection: &mut Connection, rule: &Rule) -> Result<(), DatabaseError> {
    diesel::update(content_rules::table.find(rule.id))
        .set(rule.clone())
        .execute(connection)?;
    Ok(())
}

/// Drops a rule.
pub(super) fn delete(connection: &mut Connection, id: RuleId) -> Result<(), DatabaseError> {
    diesel::delete(content_rules::table.find(id)).execute(connection)?;
    Ok(())
}

/// Which state of the rules counts for these scopes; none for those that never had a rule.
pub(super) fn versions(
    connection: &mut Connection,
    scopes: &[Scope],
) -> Result<HashMap<String, RuleVersion>, DatabaseError> {
    let names: Vec<&str> = scopes.iter().map(Scope::as_str).collect();
    let rows: Vec<(String, RuleVersion)> = rule_sets::table
        .filter(rule_sets::scope.eq_any(names))
        .select((rule_sets::scope, rule_sets::version))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Notes that another state counts; call it in the transaction of the change, before the rules are
/// read, so that two changes come one after the other.
pub(super) fn set_version(
    connection: &mut Connection,
    scope: Scope,
    version: RuleVersion,
) -> Result<(), DatabaseError> {
    let row = (
        rule_sets::scope.eq(scope.as_str().to_owned()),
        rule_sets::version.eq(version),
    );
    each_backend!(connection, c => diesel::insert_into(rule_sets::table)
        .values(row)
        .on_conflict(rule_sets::scope)
        .do_update()
        .set(rule_sets::version.eq(version))
        .execute(c))?;
    Ok(())
}

/// A message as a rule that is tried sees it: place, id, author, text, and when it was written.
pub(super) type Tried = (i64, MessageId, UserId, String, i64);

/// The messages of a channel before the place `before`, newest first, at most `limit`.
pub(super) fn messages_before(
    connection: &mut Connection,
    channel: ChannelId,
    before: i64,
    limit: i64,
) -> Result<Vec<Tried>, DatabaseError> {
    let rows = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::seq.lt(before))
        .filter(messages::deleted_at.is_null())
        .order(messages::seq.desc())
        .limit(limit)
        .select((
            messages::seq,
            messages::id,
            messages::author_id,
            messages::content,
            messages::created_at,
        ));
    Ok(rows.load(connection)?)
}
