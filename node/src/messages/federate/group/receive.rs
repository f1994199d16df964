//! What members of other nodes do in channels of this one, inside the transaction of the inbox (I2).

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{self, Activity, Actor, ObjectOrId, Value};
use url::Url;

use super::announce::{self, Does, Passed, announce};
use super::change::{changed, told_again};
use super::incoming::GroupNote;
use super::local::deletion;
use super::note::{Group, is_ours};
use super::telling::{self, about, is_refused, judged};
use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access::{self, Seen};
use crate::channels::reach;
use crate::channels::structure;
use crate::communities::error::CommunityError;
use crate::messages::federate::incoming::Ignored;
use crate::messages::federate::receive::Received;
use crate::messages::federate::said::Placed;
use crate::messages::model::Message;
use crate::messages::telling::remove;
use crate::messages::{revisions, store, tombstones};
use crate::moderation::rules::{About, Verdict};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Takes in what somebody of another node says in a channel of this one, and announces it.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity `raw` must have been proven to be `author`'s. They say it as the member that they are
/// here: by the same judgement as members of this node. To whoever does not see the channel it is not
/// there.
pub fn receive_post(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    (note, author): (&GroupNote, &Actor),
    raw: &[u8],
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    if note.actor != author.id {
        return Ok(Err(Ignored::NotTheOwner));
    }
    let (seen, user) = match writer(ctx, connection, channel, author)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    if tombstones::was_buried(connection, &note.said.uri, author.id.as_str())? {
        return Ok(Err(Ignored::Deleted));
    }
    if let Some(known) = store::by_uri(connection, &note.said.uri, author.id.as_str())? {
        let is_gone = known.deleted_at.is_some();
        let why = if is_gone {
            Ignored::Deleted
        } else {
            Ignored::Duplicate
        };
        return Ok(Err(why));
    }
    if let Err(why) = take_turn(ctx, connection, &seen, user)? {
        return Ok(Err(why));
    }
    let verdict = judged(ctx, connection, (user, Some(&seen)), note, false)?;
    if is_refused(&verdict) {
        let about = about(note, user, Some(&seen), None);
        carry_out(ctx, connection, &log, &verdict, &about)?;
        return Ok(Err(Ignored::Refused));
    }
    let answered = match &note.answers {
        Some(uri) => store::by_uri_in(connection, channel, uri)?,
        None => None,
    };
    let placed = Placed {
        channel,
        seq: channels::store::take_seq(connection, channel)?,
        author: user,
        answered,
    };
    let message = note.said.message(placed, ctx.now());
    store::insert(connection, &message)?;
    let about = about(note, user, Some(&seen), Some(&message));
    carry_out(ctx, connection, &log, &verdict, &about)?;
    pass_on(ctx, connection, (&seen, &message), raw, Does::Create)?;
    telling::created(ctx, connection, &log, (&message, note))?;
    Ok(Ok(message.id))
}

/// Takes in that somebody of another node changed what they said in a channel of this one.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`receive_post`]; the stored author decides whose it is (I4), and a state older than the stored
/// one is dropped.
pub fn receive_change(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    (note, author): (&GroupNote, &Actor),
    raw: &[u8],
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let (seen, user) = match writer(ctx, connection, channel, author)? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let mut message = match changed(connection, channel, (note, author))? {
        Ok(message) => message,
        Err(why) => return Ok(Err(why)),
    };
    if message.author_id != user {
        return Ok(Err(Ignored::NotTheOwner));
    }
    if let Some(received) = told_again(connection, note, &mut message)? {
        return Ok(received);
    }
    let verdict = judged(ctx, connection, (user, Some(&seen)), note, true)?;
    let about = about(note, user, Some(&seen), Some(&message));
    carry_out(ctx, connection, &log, &verdict, &about)?;
    if is_refused(&verdict) {
        if let Some(group) = Group::of(ctx, connection, &seen.channel)? {
            announce::remove(ctx, connection, (&group, &message), None)?;
        }
        remove(ctx, connection, &log, &message)?;
        return Ok(Err(Ignored::Refused));
    }
    revisions::keep(connection, &message)?;
    note.said.replace(&mut message, ctx.now());
    store::rewrite(connection, &message)?;
    pass_on(ctx, connection, (&seen, &message), raw, Does::Update)?;
    telling::changed(ctx, connection, &log, (&message, note))?;
    Ok(Ok(message.id))
}

/// Passes on that an author of another node deleted their message, where it was in a channel of this
/// one. An author may always take back what is theirs.
///
/// Followers take what is announced for the Group's when it names the Group. Most servers address the
/// end of a note to nobody but the public: then the Group says itself that it is gone.
pub(in crate::messages::federate) fn passed_on_delete(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    raw: &[u8],
) -> Result<(), DatabaseError> {
    let Some(group) = hosted(ctx, connection, message)? else {
        return Ok(());
    };
    let passed = passed(raw, Does::Delete)?;
    if group.is_public && names(&passed.activity, &group.id) {
        announce(ctx, connection, (&group, message), passed)
    } else {
        announce::remove(ctx, connection, (&group, message), None)
    }
}

/// Tells that a message is gone whose author is: other nodes have it from the Group, and may never hear
/// of the end of the account.
pub(in crate::messages) fn taken_out(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<(), DatabaseError> {
    let Some(group) = hosted(ctx, connection, message)? else {
        return Ok(());
    };
    let author = if is_ours(ctx.origin(), &message.uri) {
        accounts::store::by_id(connection, message.author_id)?
    } else {
        None
    };
    let deletion = author.map(|author| deletion(&group, (message, &author), ctx.now()));
    let deletion = deletion.transpose()?;
    announce::remove(ctx, connection, (&group, message), deletion.as_ref())
}

/// Whether an activity names a Group where everybody may see it: what names it in secret alone does so
/// no longer once it is announced.
fn names(activity: &Value, group: &Url) -> bool {
    let Ok(activity) = Activity::from_value(activity.clone()) else {
        return false;
    };
    let is_in = |lists: [&Vec<Url>; 3]| lists.into_iter().flatten().any(|named| named == group);
    let mut objects = activity.object.iter().filter_map(ObjectOrId::as_object);
    is_in([&activity.to, &activity.cc, &activity.audience])
        || objects.any(|object| is_in([&object.to, &object.cc, &object.audience]))
}

/// Announces that a member of another node put an emoji on a message of a channel of this one, or took
/// it off.
pub(in crate::messages) fn passed_on_reaction(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    raw: &[u8],
) -> Result<(), DatabaseError> {
    match hosted(ctx, connection, message)? {
        Some(group) => announce(
            ctx,
            connection,
            (&group, message),
            passed(raw, Does::React)?,
        ),
        None => Ok(()),
    }
}

/// The Group of this node in which a message was said.
fn hosted(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
) -> Result<Option<Group>, DatabaseError> {
    let Some(channel) = channels::store::by_id(connection, message.channel_id)? else {
        return Ok(None);
    };
    let group = Group::of(ctx, connection, &channel)?;
    Ok(group.filter(|group| !group.is_mirror))
}

/// Who writes, and the channel as they see it.
fn writer(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    author: &Actor,
) -> Result<Result<(Seen, UserId), Ignored>, DatabaseError> {
    let (now, person) = (ctx.now(), person(author));
    // Members are known; whoever is not known is no member, and leaves no row.
    let known = accounts::store::by_actor(connection, author.id.as_str())?;
    let Some(user) = known.filter(|user| !user.is_local() && User::is_active(user)) else {
        return Ok(Err(Ignored::ActorRefused));
    };
    let Some(seen) = access::see(connection, user.id, channel, now)? else {
        tracing::info!(actor = %author.id, %channel, "a message for a channel that its author does not see");
        return Ok(Err(Ignored::NobodyHere));
    };
    let is_member = seen
        .stands
        .as_ref()
        .is_some_and(|stands| stands.standing.is_member);
    // Of a channel that was closed nothing is announced, so nothing is said there unseen either.
    let is_open = !structure::is_mirror(ctx.origin(), &seen.channel)
        && reach::is_public(connection, &seen.channel, now)?;
    if !is_member || !is_open {
        return Ok(Err(Ignored::NobodyHere));
    }
    if let Err(error) = seen.needs(Permission::SendMessages) {
        tracing::info!(actor = %author.id, %channel, %error, "refused a message in a channel");
        return Ok(Err(Ignored::NotAllowed));
    }
    accounts::store::upsert_remote(connection, &person, now)?;
    Ok(Ok((seen, user.id)))
}

/// Does what the rules ask for beside refusing and deleting.
fn carry_out(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    verdict: &Verdict,
    about: &About<'_>,
) -> Result<(), DatabaseError> {
    match verdict.carry_out(ctx, connection, log, about) {
        Ok(()) => Ok(()),
        Err(CommunityError::Database(error)) => Err(error),
        Err(error) => {
            tracing::debug!(%error, "a rule was not carried out");
            Ok(())
        }
    }
}

fn take_turn(
    ctx: &Ctx,
    connection: &mut Connection,
    seen: &Seen,
    user: UserId,
) -> Result<Result<(), Ignored>, DatabaseError> {
    let is_slow = seen.channel.slow_mode_seconds > 0;
    if !is_slow || seen.permissions.contains(Permission::BypassSlowMode) {
        return Ok(Ok(()));
    }
    match structure::take_turn(connection, &seen.channel, user, ctx.now()) {
        Ok(()) => Ok(Ok(())),
        Err(CommunityError::Database(error)) => Err(error),
        Err(_too_soon) => Ok(Err(Ignored::NotAllowed)),
    }
}

fn pass_on(
    ctx: &Ctx,
    connection: &mut Connection,
    (seen, message): (&Seen, &Message),
    raw: &[u8],
    does: Does,
) -> Result<(), DatabaseError> {
    let Some(group) = Group::of(ctx, connection, &seen.channel)? else {
        return Ok(());
    };
    announce(ctx, connection, (&group, message), passed(raw, does)?)
}

fn passed(raw: &[u8], does: Does) -> Result<Passed, DatabaseError> {
    let unreadable = DatabaseError::Malformed { what: "activity" };
    let activity = vocab::parse(raw).map_err(|_unreadable| unreadable)?;
    Ok(Passed {
        activity: Value::Object(activity),
        does,
        local_actor: None,
    })
}
