//! One channel as each of those sees it who are in it: members of servers under test, and actors of
//! released servers of others that follow it as a Group (FEP-1b12).

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use anyhow::Context as _;
use anyhow::Result;
use serde_json::Value;
use serde_json::json;

use crate::case::PUBLIC;
use crate::case::now;
use crate::member::Member;
use crate::peer::Kind;
use crate::peer::Peer;
use crate::peer::Sending;

/// A message as somebody sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The id of the note, which is the same for everybody.
    pub uri: String,
    /// The text, without markup.
    pub text: String,
    /// Each emoji on it, with how many put it there.
    pub reactions: BTreeMap<String, i64>,
}

/// Somebody in the channel.
#[derive(Clone, Copy, Debug)]
pub enum Seat<'a> {
    /// A member of a server under test, who reads the channel there.
    Member {
        /// Who it is.
        member: &'a Member,
        /// The id that the channel has on their server.
        channel: &'a str,
    },
    /// The actor of a released server, to which the channel is what its Group announces.
    Guest {
        /// Whose actor it is.
        peer: &'a Peer,
        /// The id of the Group.
        group: &'a str,
    },
}

impl Seat<'_> {
    /// What they are called in messages of tests.
    pub fn name(&self) -> &str {
        match self {
            Self::Member { member, .. } => &member.handle,
            Self::Guest { peer, .. } => peer.kind.name(),
        }
    }

    /// Says something; gives the id of the note.
    ///
    /// # Errors
    /// When their server refuses, or that of the channel refuses theirs.
    pub async fn say(&self, text: &str) -> Result<String> {
        match self {
            Self::Member { member, channel } => {
                let sent = member.send(channel, text).await?;
                let uri = sent["uri"].as_str().map(str::to_owned);
                uri.with_context(|| format!("a message without an id: {sent}"))
            }
            Self::Guest { peer, group } => {
                say_by(peer, group, text, usual(peer.kind, "Create")).await
            }
        }
    }

    /// Says something by the queue of their server, which goes on trying.
    ///
    /// # Errors
    /// When their server refuses.
    pub async fn say_later(&self, text: &str) -> Result<String> {
        match self {
            Self::Member { .. } => self.say(text).await,
            Self::Guest { peer, group } => say_by(peer, group, text, Sending::Queued).await,
        }
    }

    /// Changes what they said.
    ///
    /// # Errors
    /// As [`Seat::say`].
    pub async fn edit(&self, uri: &str, text: &str) -> Result<()> {
        match self {
            Self::Member { member, channel } => {
                let message = self.held(uri).await?;
                member.edit(channel, &message, text).await.map(drop)
            }
            Self::Guest { peer, group } => {
                let mut note = note(peer, group, text);
                note["id"] = json!(uri);
                note["updated"] = json!(now());
                let update = addressed(json!({ "type": "Update", "object": note }), group);
                let how = usual(peer.kind, "Update");
                peer.send(group, &update, how).await.map(drop)
            }
        }
    }

    /// Deletes what they said.
    ///
    /// # Errors
    /// As [`Seat::say`].
    pub async fn delete(&self, uri: &str) -> Result<()> {
        match self {
            Self::Member { member, channel } => {
                let message = self.held(uri).await?;
                member.delete(channel, &message).await
            }
            Self::Guest { peer, group } => {
                let gone = json!({ "type": "Tombstone", "id": uri });
                let delete = addressed(json!({ "type": "Delete", "object": gone }), group);
                let how = usual(peer.kind, "Delete");
                peer.send(group, &delete, how).await.map(drop)
            }
        }
    }

    /// Puts an emoji on a message; gives what takes it off.
    ///
    /// # Errors
    /// As [`Seat::say`].
    pub async fn react(&self, uri: &str, emoji: &str) -> Result<Value> {
        match self {
            Self::Member { member, channel } => {
                let message = self.held(uri).await?;
                member.react(channel, &message, emoji).await?;
                Ok(Value::Null)
            }
            Self::Guest { peer, group } => {
                // Both ways in which servers say it.
                let kind = match peer.kind {
                    Kind::Fedify => "EmojiReact",
                    Kind::Bovine => "Like",
                };
                let reaction = json!({ "type": kind, "object": uri, "content": emoji });
                let mut reaction = addressed(reaction, group);
                let sent = peer.send(group, &reaction, usual(peer.kind, kind)).await?;
                reaction["id"] = sent["activity"].clone();
                reaction["actor"] = json!(peer.actor);
                Ok(reaction)
            }
        }
    }

    /// Takes an emoji off again, with what [`Seat::react`] gave.
    ///
    /// # Errors
    /// As [`Seat::say`].
    pub async fn take_off(&self, uri: &str, emoji: &str, reaction: &Value) -> Result<()> {
        match self {
            Self::Member { member, channel } => {
                let message = self.held(uri).await?;
                member.take_off(channel, &message, emoji).await
            }
            Self::Guest { peer, group } => {
                let undo = addressed(json!({ "type": "Undo", "object": reaction }), group);
                let how = usual(peer.kind, "Undo");
                peer.send(group, &undo, how).await.map(drop)
            }
        }
    }

    /// The channel as they see it, oldest first.
    ///
    /// # Errors
    /// When their server fails.
    pub async fn sees(&self) -> Result<Vec<Said>> {
        match self {
            Self::Member { member, channel } => {
                let messages = member.messages(channel).await?;
                Ok(messages.iter().map(read).collect())
            }
            Self::Guest { peer, group } => Ok(announced(&peer.received().await?, group)),
        }
    }

    /// The id that a message has on the server of a member.
    async fn held(&self, uri: &str) -> Result<String> {
        let Self::Member { member, channel } = self else {
            return Ok(uri.to_owned());
        };
        let messages = member.messages(channel).await?;
        let found = messages.iter().find(|one| one["uri"] == uri);
        let id = found.and_then(|one| one["id"].as_str()).map(str::to_owned);
        id.with_context(|| format!("{} does not see {uri}", member.handle))
    }
}

/// How a peer sends an activity in a channel. Fedify proves all that it sends. What bovine sends has no
/// proof, so that the other servers have it confirmed by bovine; to take something back that way there
/// is no document to ask for, so that has one.
fn usual(kind: Kind, activity: &str) -> Sending {
    if kind == Kind::Bovine && activity == "Undo" {
        Sending::Proven
    } else {
        Sending::Now
    }
}

async fn say_by(peer: &Peer, group: &str, text: &str, how: Sending) -> Result<String> {
    let note = note(peer, group, text);
    let create = addressed(json!({ "type": "Create", "object": note }), group);
    let sent = peer.send(group, &create, how).await?;
    let uri = sent["object"].as_str().map(str::to_owned);
    uri.with_context(|| format!("a note without an id: {sent}"))
}

fn note(peer: &Peer, group: &str, text: &str) -> Value {
    let content = format!("<p>{text}</p>");
    let note = json!({ "type": "Note", "attributedTo": peer.actor, "content": content });
    addressed(note, group)
}

/// Everybody may read it, and the Group is to pass it on.
fn addressed(mut document: Value, group: &str) -> Value {
    document["to"] = json!([PUBLIC]);
    document["cc"] = json!([group]);
    document["audience"] = json!(group);
    document
}

/// A message as the native API shows it.
fn read(message: &Value) -> Said {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let reactions = message["reactions"].as_array().into_iter().flatten();
    Said {
        uri: text(&message["uri"]),
        text: text(&message["content"]).trim().to_owned(),
        reactions: reactions
            .map(|one| {
                (
                    text(&one["emoji"]),
                    one["count"].as_i64().unwrap_or_default(),
                )
            })
            .collect(),
    }
}

/// The channel as somebody sees it who goes by what its Group has announced: each announcement counts
/// once, and `sequence` gives the order.
pub fn announced(received: &[Value], group: &str) -> Vec<Said> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut there: Vec<(i64, Said)> = Vec::new();
    let mut reactions: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for activity in received {
        if activity["actor"] != group || !seen.insert(id_of(activity)) {
            continue;
        }
        let inner = &activity["object"];
        if activity["type"] == "Remove" {
            there.retain(|(_, said)| said.uri != id_of(inner));
        }
        if activity["type"] != "Announce" {
            continue;
        }
        let object = id_of(&inner["object"]);
        let text = plain(&inner["object"]["content"]);
        match inner["type"].as_str().unwrap_or_default() {
            "Create" => {
                let place = activity["sequence"].as_i64().unwrap_or_default();
                let said = Said {
                    uri: object.to_owned(),
                    text,
                    reactions: BTreeMap::new(),
                };
                there.push((place, said));
            }
            "Update" => {
                for (_, said) in &mut there {
                    if said.uri == object {
                        said.text.clone_from(&text);
                    }
                }
            }
            "Delete" => there.retain(|(_, said)| said.uri != object),
            "Like" | "EmojiReact" => {
                let emoji = inner["content"].as_str().unwrap_or_default();
                reactions.insert(id_of(inner), (object, emoji));
            }
            "Undo" => {
                reactions.remove(object);
            }
            _ => {}
        }
    }
    for (note, emoji) in reactions.values() {
        for (_, said) in &mut there {
            if said.uri == *note {
                *said.reactions.entry((*emoji).to_owned()).or_default() += 1;
            }
        }
    }
    there.sort_by_key(|(place, _)| *place);
    there.into_iter().map(|(_, said)| said).collect()
}

fn id_of(value: &Value) -> &str {
    let id = value.as_str().or_else(|| value["id"].as_str());
    id.unwrap_or_default()
}

/// The text of what has paragraphs and nothing else.
fn plain(html: &Value) -> String {
    let (mut text, mut is_tag) = (String::new(), false);
    for c in html.as_str().unwrap_or_default().chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => text.push(c),
            _ => {}
        }
    }
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: &str = "https://a.example/channels/1";

    fn announce(number: i64, place: i64, object: &Value) -> Value {
        json!({
            "id": format!("{GROUP}/announces/{number}"), "type": "Announce", "actor": GROUP,
            "sequence": place, "object": object,
        })
    }

    fn create(name: &str) -> Value {
        let note = json!({ "id": name, "type": "Note", "content": format!("<p>{name}</p>") });
        json!({ "id": format!("{name}/create"), "type": "Create", "object": note })
    }

    #[test]
    fn announcements_count_once_and_are_in_the_order_of_the_channel() {
        let like = json!({ "id": "l", "type": "Like", "object": "1", "content": "x" });
        let undo = json!({ "id": "u", "type": "Undo", "object": { "id": "l", "type": "Like" } });
        let edited = json!({ "id": "1", "type": "Note", "content": "<p>one</p>" });
        let update = json!({ "id": "e", "type": "Update", "object": edited });
        let gone = json!({ "type": "Tombstone", "id": "2" });
        let delete = json!({ "id": "d", "type": "Delete", "object": gone });
        let mut all = vec![
            announce(1, 2, &create("2")),
            announce(2, 1, &create("1")),
            announce(2, 1, &create("1")),
            announce(3, 1, &like),
        ];
        let texts = |all: &[Value]| -> Vec<String> {
            let said = announced(all, GROUP).into_iter();
            said.map(|said| said.text).collect()
        };
        assert_eq!(texts(&all), ["1", "2"]);
        assert_eq!(announced(&all, GROUP)[0].reactions["x"], 1);
        all.extend([
            announce(4, 1, &undo),
            announce(5, 1, &update),
            announce(6, 2, &delete),
        ]);
        assert_eq!(texts(&all), ["one"]);
        assert!(announced(&all, GROUP)[0].reactions.is_empty());
        // Announced a second time it is there twice, which tests look for.
        all.push(announce(7, 3, &create("1")));
        assert_eq!(texts(&all), ["one", "1"]);
        // Nobody else announces for the Group.
        let mut forged = announce(8, 4, &create("4"));
        forged["actor"] = json!("https://b.example/users/mallory");
        all.push(forged);
        let remove = json!({ "id": "r", "type": "Remove", "actor": GROUP, "object": "1" });
        all.push(remove);
        assert!(texts(&all).is_empty());
    }
}
