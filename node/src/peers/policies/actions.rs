//! What can be done with policies: one use case, one function, one transaction.

use std::collections::{HashMap, HashSet};

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database, DatabaseError};
use serde_json::json;

use super::error::PolicyError;
use super::impact::Impacts;
use super::list::{Fault, Line, Listed, MAX_COMMENT};
use super::wire::{Imported, ImportedLine, PolicyView, PutPolicy};
use crate::accounts::acting::Acting;
use crate::platform::audit::{self, Entry};
use crate::platform::cluster::Notice;
use crate::platform::ctx::Ctx;
use crate::platform::domains::{MOST, Mode, Policy, domain_of, store};

/// Changed policies in one entry of the audit log about a list.
const RECORDED_AT_ONCE: usize = 100;

/// A policy that a list changes: what it was, and what it becomes.
type Change = (Option<Policy>, Policy);

/// Takes up what was committed, here at once and elsewhere as soon as possible (I9).
pub(super) async fn take_up(ctx: &Ctx) -> Result<(), DatabaseError> {
    ctx.domains().load(ctx.db()).await?;
    ctx.cluster().tell(Notice::DomainChanged);
    Ok(())
}

/// Whether a policy of `domain` counts for the node with this host.
fn is_own(domain: &str, own: &str) -> bool {
    let below = own.strip_suffix(domain);
    below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn comment(text: &str) -> Result<String, PolicyError> {
    let text = text.trim();
    if text.chars().count() > MAX_COMMENT || text.chars().any(char::is_control) {
        return Err(PolicyError::InvalidComment);
    }
    Ok(text.to_owned())
}

/// Sets the policy towards a domain.
pub(super) async fn put(
    ctx: &Ctx,
    me: Acting,
    domain: &str,
    new: PutPolicy,
) -> Result<PolicyView, PolicyError> {
    let domain = domain_of(domain).ok_or(PolicyError::InvalidDomain)?;
    let own = ctx.origin().url().host_str().unwrap_or_default().to_owned();
    // A node whose own name is a bare address shares it with others that are told apart by ports.
    let is_address = own.parse::<std::net::IpAddr>().is_ok();
    if is_own(&domain, &own) && !is_address {
        return Err(PolicyError::OwnDomain);
    }
    let now = ctx.now();
    let policy = Policy {
        domain,
        severity: new.severity,
        rejects_media: new.reject_media,
        rejects_reports: new.reject_reports,
        public_comment: comment(&new.public_comment)?,
        private_comment: comment(&new.private_comment)?,
        is_obfuscated: new.obfuscate,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    let write = move |connection: &mut Connection| {
        store::changed(connection)?;
        let before = store::by_domain(connection, &policy.domain)?;
        if before.is_none() && has_no_room(connection, 1)? {
            return Err(PolicyError::TooMany);
        }
        let mut policy = policy.clone();
        if let Some(before) = &before {
            policy.created_at = before.created_at;
        }
        store::put(connection, &policy)?;
        let old = before
            .as_ref()
            .map(|before| json!(PolicyView::from(before)));
        let view = PolicyView::from(&policy);
        let entry = me.entry("domain.policy").on("domain", &policy.domain);
        audit::record(connection, &entry.change(old, Some(json!(view))), now)?;
        Ok(view)
    };
    let view = ctx.db().write(write).await?;
    take_up(ctx).await?;
    Ok(view)
}

fn has_no_room(connection: &mut Connection, more: usize) -> Result<bool, DatabaseError> {
    let known = usize::try_from(store::count(connection)?).unwrap_or(usize::MAX);
    Ok(known.saturating_add(more) > MOST)
}

/// Drops the policy towards a domain.
pub(super) async fn remove(ctx: &Ctx, me: Acting, domain: &str) -> Result<(), PolicyError> {
    let domain = domain_of(domain).ok_or(PolicyError::NotFound)?;
    let now = ctx.now();
    let write = move |connection: &mut Connection| {
        store::changed(connection)?;
        let before = store::by_domain(connection, &domain)?.ok_or(PolicyError::NotFound)?;
        store::remove(connection, &domain)?;
        let entry = me.entry("domain.policy").on("domain", &domain);
        let old = Some(json!(PolicyView::from(&before)));
        audit::record(connection, &entry.change(old, None), now)?;
        Ok::<_, PolicyError>(())
    };
    ctx.db().write(write).await?;
    Ok(take_up(ctx).await?)
}

/// Sets what becomes of domains without a policy.
pub(super) async fn set_mode(ctx: &Ctx, me: Acting, mode: Mode) -> Result<(), PolicyError> {
    let now = ctx.now();
    let write = move |connection: &mut Connection| {
        store::changed(connection)?;
        let (before, _) = store::settings(connection)?;
        store::set_mode(connection, mode)?;
        let entry = me.entry("federation.mode");
        let entry = entry.change(Some(json!({"mode": before})), Some(json!({"mode": mode})));
        audit::record(connection, &entry, now)?;
        Ok::<_, PolicyError>(())
    };
    ctx.db().write(write).await?;
    Ok(take_up(ctx).await?)
}

/// Every policy, by domain.
///
/// # Errors
/// The database failed.
pub async fn listed(db: &Database) -> Result<Vec<Policy>, DatabaseError> {
    db.read(store::all).await
}

/// Takes in a list, or says what it would change: each good line becomes a policy, in one transaction.
///
/// # Errors
/// The database failed, or there would be too many policies.
pub async fn import(
    db: &Database,
    (own, now): (String, Timestamp),
    lines: Vec<Line>,
    entry: Option<Entry>,
) -> Result<Imported, PolicyError> {
    let impacts = db.read(Impacts::read).await?;
    let Some(entry) = entry else {
        let known = db.read(store::all).await?;
        return Ok(plan(&lines, &own, known, &impacts, now).0);
    };
    let write = move |connection: &mut Connection| {
        store::changed(connection)?;
        let known = store::all(connection)?;
        let (mut imported, policies) = plan(&lines, &own, known, &impacts, now);
        let added = usize::try_from(imported.added).unwrap_or(usize::MAX);
        if has_no_room(connection, added)? {
            return Err(PolicyError::TooMany);
        }
        for (_, policy) in &policies {
            store::put(connection, policy)?;
        }
        let after = json!({
            "added": imported.added,
            "changed": imported.changed,
            "faults": imported.faults,
        });
        audit::record(connection, &entry.clone().change(None, Some(after)), now)?;
        for some in policies.chunks(RECORDED_AT_ONCE) {
            let before = some.iter().filter_map(|(before, _)| before.as_ref());
            let before: Vec<PolicyView> = before.map(PolicyView::from).collect();
            let after = some.iter().map(|(_, after)| PolicyView::from(after));
            let after: Vec<PolicyView> = after.collect();
            let entry = entry
                .clone()
                .change(Some(json!(before)), Some(json!(after)));
            audit::record(connection, &entry, now)?;
        }
        imported.dry_run = false;
        Ok(imported)
    };
    db.write(write).await
}

/// What becomes of each line, and the policies that change, before and after.
fn plan(
    lines: &[Line],
    own: &str,
    known: Vec<Policy>,
    impacts: &Impacts,
    now: Timestamp,
) -> (Imported, Vec<Change>) {
    let named = |policy: Policy| (policy.domain.clone(), policy);
    let known: HashMap<String, Policy> = known.into_iter().map(named).collect();
    let mut imported = Imported {
        dry_run: true,
        added: 0,
        changed: 0,
        same: 0,
        faults: 0,
        lines: Vec::with_capacity(lines.len()),
    };
    let mut seen = HashSet::new();
    let mut policies = Vec::new();
    for line in lines {
        let read = match &line.read {
            Ok(listed) if is_own(&listed.domain, own) => Err(Fault::OwnDomain),
            Ok(listed) if !seen.insert(listed.domain.clone()) => Err(Fault::Twice),
            Ok(listed) => Ok(listed),
            Err(fault) => Err(*fault),
        };
        let mut told = ImportedLine {
            line: line.number,
            domain: line.domain.clone(),
            outcome: "fault",
            fault: read.as_ref().err().copied(),
            detail: read.as_ref().err().map(ToString::to_string),
            before: None,
            after: None,
            impact: Impacts::default().of(""),
        };
        match read {
            Err(_) => imported.faults = imported.faults.saturating_add(1),
            Ok(listed) => {
                let before = known.get(&listed.domain);
                let after = after(listed, before, now);
                told.before = before.map(|policy| policy.severity);
                told.after = Some(listed.severity);
                told.impact = impacts.of(&listed.domain);
                let count = match before {
                    None => ("added", &mut imported.added),
                    Some(before) if *before == after => ("same", &mut imported.same),
                    Some(_) => ("changed", &mut imported.changed),
                };
                told.outcome = count.0;
                *count.1 = count.1.saturating_add(1);
                if told.outcome != "same" {
                    let updated_at = now.as_millis();
                    let after = Policy {
                        updated_at,
                        ..after
                    };
                    policies.push((before.cloned(), after));
                }
            }
        }
        imported.lines.push(told);
    }
    (imported, policies)
}

/// The policy that a line makes; it says nothing of the private comment.
fn after(listed: &Listed, before: Option<&Policy>, now: Timestamp) -> Policy {
    let private = before.map(|policy| policy.private_comment.clone());
    Policy {
        domain: listed.domain.clone(),
        severity: listed.severity,
        rejects_media: listed.rejects_media,
        rejects_reports: listed.rejects_reports,
        public_comment: listed.public_comment.clone(),
        private_comment: private.unwrap_or_default(),
        is_obfuscated: listed.is_obfuscated,
        created_at: before.map_or(now.as_millis(), |policy| policy.created_at),
        updated_at: before.map_or(now.as_millis(), |policy| policy.updated_at),
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn a_policy_never_counts_for_this_node() {
        for domain in ["moot.example", "example"] {
            assert!(is_own(domain, "moot.example"), "{domain}");
        }
        for domain in ["oot.example", "a.moot.example", "other.example"] {
            assert!(!is_own(domain, "moot.example"), "{domain}");
        }
    }
}
