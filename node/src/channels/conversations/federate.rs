//! Who comes to groups and who goes, as activities: `Add`, `Remove` and `Leave` of the collection that
//! `context` of their notes names.
//!
//! Servers that do not know these take them for nothing; they go by who is addressed.

use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor};
use url::Url;

use super::actions::{admit, part};
use super::leading::leads;
use super::reach::may_reach;
use super::{names, store};
use crate::accounts;
use crate::accounts::model::{RemotePerson, User};
use crate::base::ids::{ChannelId, RequestId};
use crate::config::Origin;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Who came or went.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    /// Somebody was brought in.
    Added(&'a User),
    /// Somebody was taken out.
    Removed(&'a User),
    /// Whoever tells left.
    Left,
}

/// Tells the nodes of these people what `by` did.
pub(super) fn send(
    ctx: &Ctx,
    connection: &mut Connection,
    group: ChannelId,
    by: &User,
    change: Change<'_>,
    people: &[&User],
) -> Result<(), DatabaseError> {
    let others = people
        .iter()
        .filter(|user| user.id != by.id && user.deleted_at.is_none());
    let others: Vec<&User> = others.copied().collect();
    let remote: Vec<&User> = others.iter().filter(|it| !it.is_local()).copied().collect();
    let actors = accounts::federate::documents(connection, &remote)?;
    let targets = plan_targets(actors.values(), false);
    if targets.is_empty() {
        return Ok(());
    }
    let now = ctx.now();
    let (context, _) = names::names(connection, ctx.origin(), group)?;
    let (context, actor) = (url(&context)?, url(&by.actor_uri)?);
    let id = format!("/conversations/{group}/changes/{}", RequestId::new(now));
    let id = ctx.origin().join(&id);
    let activity = match change {
        Change::Added(user) => Activity::add(id, actor, url(&user.actor_uri)?, context),
        Change::Removed(user) => Activity::remove(id, actor, url(&user.actor_uri)?, context),
        Change::Left => Activity::new(id, ActivityKind::Leave, actor).with_object(context),
    };
    let to: Result<Vec<Url>, _> = others.iter().map(|user| url(&user.actor_uri)).collect();
    let activity = activity.addressed_to(to?, Vec::new()).published_at(now);
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: None,
        body: activity.to_value().to_string(),
        // The lane of the messages: what was said before comes before.
        ordering_key: Some(group.to_string()),
        targets,
    };
    enqueue(connection, &outgoing, now)?;
    Ok(())
}

fn url(text: &str) -> Result<Url, DatabaseError> {
    Url::parse(text).map_err(|_not_a_url| DatabaseError::Malformed { what: "id" })
}

/// What another node tells of a group.
#[derive(Clone, Debug)]
pub struct Membership {
    kind: ActivityKind,
    /// Who comes or goes.
    subject: Url,
    context: String,
    newcomer: Option<RemotePerson>,
}

impl Membership {
    /// Reads an `Add`, `Remove` or `Leave`; `None` when it is something else, or cannot be read.
    pub fn read(activity: &Activity) -> Option<Self> {
        let object = activity.object_id()?;
        let target = || activity.target.as_ref()?.id();
        let (subject, context) = match activity.kind {
            ActivityKind::Leave => (&activity.actor, object),
            ActivityKind::Add | ActivityKind::Remove => (object, target()?),
            _ => return None,
        };
        Some(Self {
            kind: activity.kind.clone(),
            subject: subject.clone(),
            context: context.to_string(),
            newcomer: None,
        })
    }

    /// Somebody of another node who comes, and whom it is worth to resolve before the transaction.
    pub fn stranger(&self, origin: &Origin) -> Option<&Url> {
        let comes = self.kind == ActivityKind::Add && !origin.owns(&self.subject);
        comes.then_some(&self.subject)
    }

    /// Takes in who comes.
    pub fn introduce(&mut self, actor: &Actor) {
        let person = accounts::federate::person(actor);
        if actor.id == self.subject && !person.username.is_empty() {
            self.newcomer = Some(person);
        }
    }
}

/// Takes in who comes or goes; whether it had an effect here.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s, who has to be in the group, and to take
/// somebody out must be the one who may. Who comes sees what is said from now on.
pub fn receive(
    ctx: &Ctx,
    connection: &mut Connection,
    told: &Membership,
    author: &Actor,
) -> Result<bool, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let by = accounts::store::by_actor(connection, author.id.as_str())?;
    let Some(by) = by.filter(|by| by.is_active() && !by.is_local()) else {
        return Ok(false);
    };
    let names = [told.context.as_str()];
    let mut groups = names::by_names(connection, ctx.origin(), &names, by.id)?;
    if told.kind == ActivityKind::Add {
        // Asides that go by the same id stay among those whom they are for.
        groups.truncate(1);
    }
    let mut effect = false;
    for group in groups {
        let participants = store::participants(connection, group.id)?;
        let found = participants
            .iter()
            .find(|one| one.user.actor_uri == told.subject.as_str());
        if told.kind == ActivityKind::Add {
            let most = ctx.config().limits.conversation_people;
            if found.is_some() || participants.len() >= most {
                continue;
            }
            let Some(newcomer) = newcomer(ctx, connection, told)? else {
                continue;
            };
            if may_reach(connection, by.id, newcomer.id)? {
                admit(ctx, connection, &log, &group, &[newcomer], by.id)?;
                effect = true;
            }
            continue;
        }
        let Some(gone) = found else { continue };
        if gone.user.id == by.id || leads(&group, &told.context, &participants, by.id) {
            part(ctx, connection, &log, &group, &gone.user, by.id)?;
            effect = true;
        }
    }
    Ok(effect)
}

fn newcomer(
    ctx: &Ctx,
    connection: &mut Connection,
    told: &Membership,
) -> Result<Option<User>, DatabaseError> {
    let found = match &told.newcomer {
        Some(person) => {
            let id = accounts::store::upsert_remote(connection, person, ctx.now())?;
            accounts::store::by_id(connection, id)?
        }
        None => accounts::store::by_actor(connection, told.subject.as_str())?,
    };
    Ok(found.filter(User::is_active))
}
