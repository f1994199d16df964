//! How a Group of this node passes on what its members do: each node told once, in the form that it
//! reads.

use federation_core::Timestamp;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, Target};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Object, Value, parse_id};
use serde_json::json;
use url::Url;

use super::note::Group;
use crate::base::ids::RequestId;
use crate::groups;
use crate::groups::model::{Form, SEQUENCE};
use crate::messages::federate::note::url;
use crate::messages::model::Message;
use crate::platform::ctx::Ctx;

/// What a member did, as it is passed on.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    /// The activity, whole, with its proof where it has one.
    pub(super) activity: Value,
    /// What it does to the message.
    pub(super) does: Does,
    /// The actor, when it is of this node.
    pub(super) local_actor: Option<Url>,
}

/// What an activity does to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// It is new.
    Create,
    /// It has another text.
    Update,
    /// It is gone.
    Delete,
    /// It has one reaction more, or one less.
    React,
}

/// Properties that name hidden recipients, which nobody else may see.
const HIDDEN: [&str; 2] = ["bto", "bcc"];
/// Properties that vouch for the whole of a document, and for no part of it.
const PROOFS: [&str; 2] = ["proof", "signature"];

/// Takes hidden recipients out of an activity and of what it is about, and the proofs of whatever is
/// no longer as it was proven; whether anything was taken out. Without a proof other nodes ask the one
/// that it is of.
fn strip(entry: &mut Value) -> bool {
    let map = match entry {
        Value::Object(map) => map,
        Value::Array(entries) => {
            let stripped = entries.iter_mut().map(strip);
            return stripped.filter(|is_stripped| *is_stripped).count() > 0;
        }
        _ => return false,
    };
    let mut is_stripped = map.get_mut("object").is_some_and(strip);
    for hidden in HIDDEN {
        is_stripped |= map.remove(hidden).is_some();
    }
    if is_stripped {
        for proof in PROOFS {
            map.remove(proof);
        }
    }
    is_stripped
}

/// Queues the announcement to everybody who follows the Group.
///
/// # Security
/// Only while everybody may read: who followed a channel before it was closed is told nothing more but
/// what is gone ([`remove`]).
pub(super) fn announce(
    ctx: &Ctx,
    connection: &mut Connection,
    (group, message): (&Group, &Message),
    passed: Passed,
) -> Result<(), DatabaseError> {
    if !group.is_public {
        return Ok(());
    }
    let inboxes = groups::store::inboxes(connection, message.channel_id)?;
    let of = |form: Form| -> Vec<Target> {
        let of_form = inboxes.iter().filter(|(_, its)| *its == form);
        of_form
            .filter_map(|(inbox, _)| parse_id(inbox))
            .map(|inbox| Target {
                inbox,
                recipients: Vec::new(),
            })
            .collect()
    };
    let now = ctx.now();
    let aware = of(Form::Activity);
    if !aware.is_empty() {
        let body = wrapped(group, message, passed.activity.clone(), now)?;
        send(connection, message, (body, aware), now)?;
    }
    let others = of(Form::Object);
    if !others.is_empty()
        && let Some(body) = plain(group, message, passed, now)?
    {
        send(connection, message, (body, others), now)?;
    }
    Ok(())
}

/// The `Announce` of an activity.
fn wrapped(
    group: &Group,
    message: &Message,
    mut activity: Value,
    now: Timestamp,
) -> Result<Value, DatabaseError> {
    strip(&mut activity);
    let id = group.below(&format!("announces/{}", RequestId::new(now)));
    // The place of the object is taken by the activity as it came: a copy that was read and written
    // again might not fit its proof.
    let Value::Object(mut map) = announcement(group, id, url(&message.uri)?, now).to_value() else {
        return Err(UNWRITABLE);
    };
    map.insert("object".to_owned(), activity);
    map.insert(SEQUENCE.to_owned(), json!(message.seq));
    Ok(Value::Object(map))
}

/// What a microblog is told instead; `None` when there is nothing that it would understand.
fn plain(
    group: &Group,
    message: &Message,
    passed: Passed,
    now: Timestamp,
) -> Result<Option<Value>, DatabaseError> {
    let first = group.below(&format!("announces/{}", message.id));
    let shared = announcement(group, first, url(&message.uri)?, now);
    Ok(match (passed.does, passed.local_actor) {
        (Does::Create, _) => Some(shared.to_value()),
        // Its own author says it, as to any follower.
        (Does::Update | Does::Delete, Some(_)) => Some(passed.activity),
        (Does::Delete, None) => {
            let id = group.below(&format!("announces/{}/undo", message.id));
            Some(Activity::undo(id, &shared).to_value())
        }
        (Does::Update, None) | (Does::React, _) => None,
    })
}

fn announcement(group: &Group, id: Url, object: Url, now: Timestamp) -> Activity {
    let (to, cc) = group.audience();
    Activity::announce(id, group.id.clone(), object)
        .addressed_to(to, cc)
        .published_at(now)
}

/// Queues that the Group has taken a message out, for which its author does not speak: of another node,
/// gone, or no longer announced. Microblogs are told by the author's own `Delete` where there is one.
///
/// # Security
/// Also of a channel that was closed since, to those who had the message: its id alone, which they know.
pub(super) fn remove(
    ctx: &Ctx,
    connection: &mut Connection,
    (group, message): (&Group, &Message),
    deletion: Option<&Activity>,
) -> Result<(), DatabaseError> {
    let (channel, said_at) = (message.channel_id, message.created_at);
    let inboxes = groups::store::inboxes_since(connection, channel, said_at)?;
    let (mut aware, mut others) = (Vec::new(), Vec::new());
    for (inbox, form) in &inboxes {
        let Some(inbox) = parse_id(inbox) else {
            continue;
        };
        let target = Target {
            inbox,
            recipients: Vec::new(),
        };
        match form {
            Form::Activity => aware.push(target),
            Form::Object => others.push(target),
        }
    }
    let (now, uri) = (ctx.now(), url(&message.uri)?);
    if !aware.is_empty() {
        let id = group.below(&format!("removals/{}", message.id));
        let (to, cc) = group.audience();
        let removal = Activity::new(id, ActivityKind::Remove, group.id.clone());
        let mut removal = removal.with_object(uri.clone()).addressed_to(to, cc);
        removal.target = Some(group.below("history").into());
        removal.published = Some(now);
        send(connection, message, (removal.to_value(), aware), now)?;
    }
    if !others.is_empty() {
        let told = if let Some(deletion) = deletion {
            deletion.to_value()
        } else {
            let first = group.below(&format!("announces/{}", message.id));
            let shared = announcement(group, first, uri, now);
            let id = group.below(&format!("announces/{}/undo", message.id));
            Activity::undo(id, &shared).to_value()
        };
        send(connection, message, (told, others), now)?;
    }
    Ok(())
}

const UNWRITABLE: DatabaseError = DatabaseError::Malformed { what: "activity" };

/// Queues a document of this node under its own id, in the order of the channel.
fn send(
    connection: &mut Connection,
    message: &Message,
    (body, targets): (Value, Vec<Target>),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let named = |property: &str| {
        body.get(property)
            .and_then(Value::as_str)
            .and_then(parse_id)
    };
    let (Some(activity_id), Some(actor_id)) = (named("id"), named("actor")) else {
        return Err(UNWRITABLE);
    };
    let outgoing = Outgoing {
        activity_id,
        actor_id,
        object_id: Some(url(&message.uri)?),
        body: body.to_string(),
        ordering_key: Some(message.channel_id.to_string()),
        targets,
    };
    enqueue(connection, &outgoing, now).map(drop)
}

/// The entry of a message in the history of a Group: announced, in its place. Notes of this node are
/// there whole; those of others are named, for their own nodes to show.
pub(super) fn entry(
    group: &Group,
    message: &Message,
    note: Option<Object>,
) -> Result<Value, DatabaseError> {
    let id = group.below(&format!("announces/{}", message.id));
    let at = Timestamp::from_millis(message.created_at);
    let uri = url(&message.uri)?;
    let Value::Object(mut map) = announcement(group, id, uri, at).to_embedded() else {
        return Err(UNWRITABLE);
    };
    if let Some(note) = note {
        map.insert("object".to_owned(), note.to_embedded());
    }
    map.insert(SEQUENCE.to_owned(), json!(message.seq));
    Ok(Value::Object(map))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::strip;

    #[test]
    fn hidden_recipients_go_at_every_depth_and_the_proofs_with_them() {
        let proof = json!({"type": "DataIntegrityProof"});
        let mut inner = json!({
            "type": "Create", "to": ["x"], "proof": proof,
            "object": {"type": "Note", "cc": ["y"], "bcc": ["hidden"], "content": "hello"},
        });
        assert!(strip(&mut inner));
        assert_eq!(
            inner,
            json!({
                "type": "Create", "to": ["x"],
                "object": {"type": "Note", "cc": ["y"], "content": "hello"},
            })
        );
        let mut outer =
            json!({"type": "Delete", "bto": ["hidden"], "proof": proof, "object": "id"});
        assert!(strip(&mut outer));
        assert_eq!(outer, json!({"type": "Delete", "object": "id"}));
        let mut listed = json!({"object": [{"id": "a"}, {"id": "b", "bto": "hidden"}]});
        assert!(strip(&mut listed));
        assert_eq!(listed, json!({"object": [{"id": "a"}, {"id": "b"}]}));
        let open = json!({"type": "Create", "proof": proof, "object": {"type": "Note"}});
        let mut kept = open.clone();
        assert!(!strip(&mut kept));
        assert_eq!(kept, open);
    }
}
