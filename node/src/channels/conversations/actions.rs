//! What can be done with conversations: one use case, one function, one transaction.

use federation_core::store::sql::{Connection, DatabaseError};

use super::federate::{self, Change};
use super::leading::leads;
use super::names::{self, Names};
use super::reach::may_reach;
use super::store::{self, Participant};
use super::wire::{Added, Removed};
use crate::accounts;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, UserId};
use crate::channels::access::{self, Seen};
use crate::channels::actions::{Opened, open_keyed, welcome};
use crate::channels::model::Channel;
use crate::channels::store as channels;
use crate::channels::wire::ChannelView;
use crate::communities::error::CommunityError;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::events::{Effect, EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// Characters in the name of a group at most.
const MAX_NAME: usize = 80;

/// A group to be opened.
#[derive(Clone, Copy, Debug)]
pub struct NewGroup<'a> {
    /// Who makes it, as far as that is known.
    pub maker: Option<UserId>,
    /// Its name.
    pub name: Option<&'a str>,
    /// Everybody in it, the maker included.
    pub members: &'a [User],
    /// By what another note finds it, when a note opens it.
    pub key: Option<&'a str>,
    /// By which ids it is known elsewhere.
    pub names: &'a Names,
}

/// Opens a group, or finds the one of this key; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub fn open_group(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    new: &NewGroup<'_>,
) -> Result<Opened, DatabaseError> {
    let now = ctx.now();
    let channel = Channel {
        name: new.name.map(str::to_owned),
        is_group: true,
        created_by: new.maker,
        ..Channel::conversation(ChannelId::new(now), now.as_millis())
    };
    let opened = if let Some(key) = new.key {
        open_keyed(ctx, connection, log, &channel, key, new.members)?
    } else {
        let ids: Vec<UserId> = new.members.iter().map(|user| user.id).collect();
        channels::insert_dm(connection, &channel, None, &ids)?;
        let view = ChannelView::new(&channel, new.members, ctx.origin());
        welcome(ctx, connection, log, new.members, &view)?;
        Opened {
            channel,
            created: true,
        }
    };
    if opened.created {
        names::set_names(connection, opened.channel.id, new.names)?;
    }
    Ok(opened)
}

/// A name that a group may have.
///
/// # Errors
/// 422: it is empty, too long, or holds control characters.
pub fn check_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let count = name.chars().count();
    if (1..=MAX_NAME).contains(&count) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    let detail = "A name has 1 to 80 characters, none of them control characters.";
    Err(ApiError::invalid("invalid_name", detail))
}

/// A group that somebody takes part in, with everybody in it.
struct Group {
    channel: Channel,
    participants: Vec<Participant>,
}

impl Group {
    fn of(connection: &mut Connection, seen: Seen) -> Result<Self, ApiError> {
        let Seen { channel, .. } = seen;
        if !channel.is_group {
            let detail = "A conversation of two stays as it is; open a group instead.";
            return Err(ApiError::conflict("pair_is_fixed", detail));
        }
        Ok(Self {
            participants: store::participants(connection, channel.id)?,
            channel,
        })
    }

    fn user(&self, id: UserId) -> Option<&User> {
        let found = self.participants.iter().find(|one| one.user.id == id);
        found.map(|one| &one.user)
    }

    fn people(&self) -> Vec<&User> {
        self.participants.iter().map(|one| &one.user).collect()
    }
}

/// Brings somebody into a group, takes them out, or leaves it.
pub(in crate::channels) async fn change_member(
    ctx: &Ctx,
    me: UserId,
    (id, user): (ChannelId, UserId),
    lets_in: bool,
) -> Result<(), ApiError> {
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me, id, held.now())?;
            let group = Group::of(connection, seen)?;
            let by = group.user(me).cloned().ok_or_else(ApiError::not_found)?;
            if lets_in {
                add(&held, connection, &log, &group, &by, user)
            } else {
                remove(&held, connection, &log, &group, &by, user)
            }
        })
        .await
}

fn add(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    group: &Group,
    by: &User,
    user: UserId,
) -> Result<(), ApiError> {
    if group.user(user).is_some() {
        return Ok(());
    }
    let limit = ctx.config().limits.conversation_people;
    if group.participants.len() >= limit {
        let detail = format!("A conversation has at most {limit} people.");
        return Err(ApiError::invalid("too_many_recipients", detail));
    }
    let known = accounts::store::by_id(connection, user)?.filter(User::is_active);
    let Some(newcomer) = known else {
        let detail = "There is no such person, or they cannot be written to.";
        return Err(ApiError::invalid("unknown_recipient", detail));
    };
    reachable(connection, by.id, std::slice::from_ref(&newcomer))?;
    admit(
        ctx,
        connection,
        log,
        &group.channel,
        std::slice::from_ref(&newcomer),
        by.id,
    )?;
    let mut to = group.people();
    to.push(&newcomer);
    let change = Change::Added(&newcomer);
    federate::send(ctx, connection, group.channel.id, by, change, &to)?;
    Ok(())
}

/// Goes on only when each of these people lets `from` begin a conversation with them.
///
/// # Errors
/// 403 names the first who does not.
pub fn reachable(
    connection: &mut Connection,
    from: UserId,
    people: &[User],
) -> Result<(), ApiError> {
    for person in people.iter().filter(|person| person.id != from) {
        if !may_reach(connection, from, person.id)? {
            let detail = format!("{} takes no messages from you.", person.username);
            return Err(ApiError::forbidden("not_reachable", detail));
        }
    }
    Ok(())
}

fn remove(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    group: &Group,
    by: &User,
    user: UserId,
) -> Result<(), ApiError> {
    let leaves = user == by.id;
    if !leaves {
        let (context, _) = names::names(connection, ctx.origin(), group.channel.id)?;
        if !leads(&group.channel, &context, &group.participants, by.id) {
            let detail = "Only the one who made the group takes others out; when that one has \
                          left, the one who has been in it longest.";
            return Err(ApiError::forbidden("not_the_maker", detail));
        }
    }
    let gone = group.user(user).cloned().ok_or_else(ApiError::not_found)?;
    part(ctx, connection, log, &group.channel, &gone, by.id)?;
    let change = if leaves {
        Change::Left
    } else {
        Change::Removed(&gone)
    };
    let to = group.people();
    federate::send(ctx, connection, group.channel.id, by, change, &to)?;
    Ok(())
}

/// Brings people into a group, from the next message on; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub fn admit(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    group: &Channel,
    newcomers: &[User],
    by: UserId,
) -> Result<(), DatabaseError> {
    let ids: Vec<UserId> = newcomers.iter().map(|user| user.id).collect();
    store::join(connection, group.id, &ids, ctx.now())?;
    for user in newcomers {
        let added = Added {
            channel_id: group.id,
            user: UserView::new(user, ctx.origin()),
            by,
        };
        let topic = Topic::Channel(group.id);
        append(
            ctx,
            connection,
            log,
            (topic, "participant.added", None),
            &added,
        )?;
    }
    let everybody = channels::members(connection, group.id)?;
    let view = ChannelView::new(group, &everybody, ctx.origin());
    welcome(ctx, connection, log, newcomers, &view)
}

/// Takes somebody out of a group; to be run in a transaction.
///
/// # Errors
/// The database failed.
pub(super) fn part(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    group: &Channel,
    user: &User,
    by: UserId,
) -> Result<(), DatabaseError> {
    if !store::part(connection, group.id, user.id, ctx.now())? {
        return Ok(());
    }
    let removed = Removed {
        channel_id: group.id,
        user_id: user.id,
        by,
        reason: if by == user.id { "left" } else { "removed" },
    };
    let op = "participant.removed";
    if user.is_local() {
        notifications::store::forget_channel(connection, user.id, group.id)?;
        // Their sockets look anew, and find the conversation gone.
        let told = (Topic::User(user.id), op, Some(Effect::Renew));
        append(ctx, connection, log, told, &removed)?;
    }
    let told = (Topic::Channel(group.id), op, None);
    append(ctx, connection, log, told, &removed)
}

/// Takes somebody whose account is gone out of up to `limit` groups; answers of how many.
///
/// # Errors
/// The database failed.
pub fn forget(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let groups = store::groups_of(connection, user, limit)?;
    if let Some(person) = accounts::store::by_id(connection, user)? {
        for group in &groups {
            part(ctx, connection, &log, group, &person, user)?;
        }
    }
    store::forget_departures(connection, user)?;
    Ok(groups.len())
}

/// Gives a group another name; an empty one takes it away.
pub(in crate::channels) async fn rename(
    ctx: &Ctx,
    me: UserId,
    id: ChannelId,
    name: Option<String>,
) -> Result<ChannelView, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me, id, held.now())?;
            let mut group = Group::of(connection, seen)?;
            let name = match name.as_deref().map(str::trim) {
                None => {
                    let place = "A conversation has a name to change, and nothing else.";
                    return Err(CommunityError::InvalidPlace(place).into());
                }
                Some("") => None,
                Some(name) => Some(check_name(name)?),
            };
            let changes = group.channel.name != name;
            group.channel.name.clone_from(&name);
            let everybody = channels::members(connection, id)?;
            let view = ChannelView::new(&group.channel, &everybody, held.origin());
            if changes {
                store::set_name(connection, id, name.as_deref())?;
                let told = (Topic::Channel(id), "channel.updated", None);
                append(&held, connection, &log, told, &view)?;
            }
            Ok(view)
        })
        .await
}

pub(super) fn append(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (topic, op, effect): (Topic, &'static str, Option<Effect>),
    data: &impl serde::Serialize,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic,
        op,
        effect,
        subject: None,
    };
    log.append(connection, &event, data, ctx.now())?;
    Ok(())
}
