//! Reports to and from other nodes, as `Flag` (Activity Vocabulary s3.4; the shape is Mastodon's).
//!
//! Out: in the name of the node's own actor, so that nobody learns who reported. In: a report like any
//! other, with the domain that sent it. It does nothing by itself.

use std::net::Ipv4Addr;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::inbox::Verified;
use federation_core::inbox::ownership;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, parse_id};
use serde_json::json;
use url::Url;

use super::model::{
    AN_HOUR_EACH_DOMAIN, AN_HOUR_EACH_SITE, MAX_TEXT, OPEN_EACH_DOMAIN, OPEN_EACH_SITE, Report,
    ReportReason, ReportSource, ReportState,
};
use super::snapshot::{self, Subject};
use super::store;
use crate::accounts;
use crate::base::ids::ReportId;
use crate::base::text;
use crate::channels;
use crate::platform::ctx::Ctx;

/// Objects of one report that are looked up at most.
const MAX_OBJECTS: usize = 20;

/// What became of a report of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flagged {
    /// It waits to be judged.
    Taken,
    /// It is about nothing that is here.
    NothingHere,
    /// The domain's reports are passed over, or it sends too many, or the same again.
    PassedOver,
}

/// Tells the node of a person of what was reported; whether it could be.
pub(super) fn send(
    ctx: &Ctx,
    connection: &mut Connection,
    report: &Report,
    subject: &Subject,
) -> Result<bool, DatabaseError> {
    let remote = subject.person.as_ref().filter(|person| !person.is_local());
    let Some(person) = remote else {
        return Ok(false);
    };
    let Some(actor) = accounts::store::remote_actor(connection, &person.actor_uri)? else {
        return Ok(false);
    };
    let origin = ctx.origin();
    let id = origin.join(&format!("/reports/{}", report.id));
    let mut flag = Activity::new(id, ActivityKind::Flag, origin.join("/actor"))
        .with_object(actor.id.clone())
        .addressed_to(vec![actor.id.clone()], Vec::new())
        .published_at(ctx.now());
    if let Some(uri) = subject.uri.as_deref().and_then(parse_id) {
        flag = flag.with_object(uri);
    }
    flag.content = Some(report.comment.clone());
    let outgoing = Outgoing {
        activity_id: flag.id.clone(),
        actor_id: flag.actor.clone(),
        object_id: None,
        body: flag.to_value().to_string(),
        ordering_key: None,
        targets: plan_targets([&actor], true),
    };
    enqueue(connection, &outgoing, ctx.now())?;
    Ok(true)
}

/// Takes in a report of another node.
///
/// # Errors
/// The database failed.
///
/// # Security
/// A report never does anything but wait to be judged. Each domain has a bounded number of them.
pub fn receive(
    ctx: &Ctx,
    connection: &mut Connection,
    verified: &Verified,
) -> Result<Flagged, DatabaseError> {
    let now = ctx.now();
    let Ok(named) = ownership::report(verified, ctx.origin().url()) else {
        return Ok(Flagged::NothingHere);
    };
    let domain = domain(&verified.actor().id);
    if ctx.domains().rejects_reports(&domain) || ctx.domains().is_silenced(&domain) {
        return Ok(Flagged::PassedOver);
    }
    let objects: Vec<String> = named
        .iter()
        .take(MAX_OBJECTS)
        .map(ToString::to_string)
        .collect();
    let Some(mut subject) = find(ctx, connection, &objects)? else {
        return Ok(Flagged::NothingHere);
    };
    let site = site(&domain);
    let again = store::is_reported_by(connection, &domain, &subject.id)?;
    if again || !has_room(connection, (&domain, &site), now)? {
        return Ok(Flagged::PassedOver);
    }
    let activity = verified.activity();
    let comment = text::plain(&text::sanitise(
        activity.content.as_deref().unwrap_or_default(),
    ));
    if let Some(snapshot) = subject.snapshot.as_object_mut() {
        snapshot.insert("reported".to_owned(), json!(objects));
    }
    let report = Report {
        id: ReportId::new(now),
        community_id: subject.community,
        target_kind: subject.kind,
        target_id: subject.id,
        subject_id: subject.person.map(|person| person.id),
        reason: ReportReason::Other,
        comment: text::clean(&comment, MAX_TEXT),
        source: ReportSource::Node,
        reporter_id: None,
        domain: Some(domain),
        activity_uri: Some(activity.id.to_string()),
        rule_id: None,
        snapshot: subject.snapshot.to_string(),
        state: ReportState::Open,
        assignee_id: None,
        is_forwarded: false,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
        closed_at: None,
        channel_id: subject.channel,
        site: Some(site),
    };
    store::insert(connection, &report)?;
    Ok(Flagged::Taken)
}

/// Whether another report of this domain is taken: each domain, each site and all other nodes together
/// have a bounded number of them.
fn has_room(
    connection: &mut Connection,
    (domain, site): (&str, &str),
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let an_hour_ago = now.minus(Duration::from_hours(1));
    let (recent, open) = store::came_from(connection, domain, an_hour_ago)?;
    if recent >= AN_HOUR_EACH_DOMAIN || open >= OPEN_EACH_DOMAIN {
        return Ok(false);
    }
    let (recent, open) = store::came_from_site(connection, site, an_hour_ago)?;
    if recent >= AN_HOUR_EACH_SITE || open >= OPEN_EACH_SITE {
        return Ok(false);
    }
    Ok(!store::is_full_of_nodes(connection)?)
}

/// What of this node the objects name: a message before a person.
fn find(
    ctx: &Ctx,
    connection: &mut Connection,
    objects: &[String],
) -> Result<Option<Subject>, DatabaseError> {
    for uri in objects {
        let Some(id) = store::message_at(connection, uri)? else {
            continue;
        };
        let channel = match store::message(connection, id)? {
            Some(said) => channels::store::by_id(connection, said.1)?,
            None => None,
        };
        let community = channel.and_then(|channel| channel.community_id);
        return snapshot::message(connection, ctx.origin(), id, community);
    }
    for uri in objects {
        let known = accounts::store::by_actor(connection, uri)?;
        if let Some(user) = known.filter(accounts::model::User::is_local) {
            return snapshot::user(connection, ctx.origin(), user.id);
        }
    }
    Ok(None)
}

/// The domain of an actor as reports name it: the host, and the port when it is not the usual one.
fn domain(actor: &Url) -> String {
    let host = actor.host_str().unwrap_or_default();
    match actor.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// The site that a domain is of: its last two labels without the port, or the address. Whoever has a
/// name can have any number of names below it.
fn site(domain: &str) -> String {
    let host = match domain.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => domain,
    };
    if host.starts_with('[') || host.parse::<Ipv4Addr>().is_ok() {
        return host.to_owned();
    }
    let mut labels = host.rsplit('.').filter(|label| !label.is_empty());
    match (labels.next(), labels.next()) {
        (Some(last), Some(before)) => format!("{before}.{last}"),
        _ => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::site;

    #[test]
    fn names_below_one_name_are_of_one_site() {
        for (domain, expected) in [
            ("evil.example", "evil.example"),
            ("a.evil.example", "evil.example"),
            ("a.b.evil.example:8443", "evil.example"),
            ("evil.example.", "evil.example"),
            ("localhost:3000", "localhost"),
            ("127.0.0.1:3000", "127.0.0.1"),
            ("[::1]:3000", "[::1]"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(site(domain), expected, "{domain}");
        }
    }
}
