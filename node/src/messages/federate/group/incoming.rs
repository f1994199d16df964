//! A note that was said in a channel, read and judged as far as that goes without a database.

use federation_core::vocab::{Activity, Actor, Object, ObjectKind, ObjectOrId, Value};
use url::Url;

use crate::base::ids::ChannelId;
use crate::config::{LimitsConfig, Origin};
use crate::groups::federate::channel_in;
use crate::messages::federate::incoming::{Ignored, MAX_HTML};
use crate::messages::federate::said::Said;
use crate::messages::mentions;

/// Recipients of an activity that are looked at to find the channel that it is for.
const LOOKED_AT: usize = 64;

/// A note of a channel, sanitised and bounded.
#[derive(Clone, Debug)]
pub struct GroupNote {
    pub(super) said: Said,
    pub(super) actor: Url,
    pub(super) answers: Option<String>,
    /// Actors that are tagged and named in the text.
    pub(super) mentioned: Vec<Url>,
}

impl GroupNote {
    /// Reads the note of a `Create` or `Update` by `author` that is for a Group.
    ///
    /// # Errors
    /// Why it is to be ignored.
    ///
    /// # Security
    /// The activity must have been proven to be `author`'s. Whether it is for the Group in question is
    /// left to the caller. The HTML is sanitised here, outside of any transaction.
    pub fn read(
        activity: &Activity,
        author: &Actor,
        origin: &Origin,
        limits: &LimitsConfig,
    ) -> Result<Self, Ignored> {
        let object = activity.single_object().and_then(ObjectOrId::as_object);
        Self::of(object.ok_or(Ignored::NotAMessage)?, author, origin, limits)
    }

    /// Reads a note by `author` that its own node has shown.
    ///
    /// # Errors
    /// As [`GroupNote::read`].
    pub fn of(
        object: &Object,
        author: &Actor,
        origin: &Origin,
        limits: &LimitsConfig,
    ) -> Result<Self, Ignored> {
        let title = match object.kind {
            ObjectKind::Note => None,
            ObjectKind::Page | ObjectKind::Article => object.name.as_deref(),
            _ => return Err(Ignored::NotAMessage),
        };
        let uri = object.id.as_ref().ok_or(Ignored::NotAMessage)?;
        if origin.owns(uri) {
            return Err(Ignored::LocalId);
        }
        if object.attributed_to != [author.id.clone()] || uri.origin() != author.id.origin() {
            return Err(Ignored::NotTheOwner);
        }
        let raw = object.content.as_deref().unwrap_or_default();
        if raw.len() > MAX_HTML || title.is_some_and(|title| title.len() > MAX_HTML) {
            return Err(Ignored::TooLong);
        }
        let said = Said::read(object, uri, &titled(title, raw));
        if said.content.chars().count() > limits.message_characters {
            return Err(Ignored::TooLong);
        }
        if said.content.trim().is_empty() {
            return Err(Ignored::NotAMessage);
        }
        Ok(Self {
            actor: author.id.clone(),
            mentioned: mentions::named(&object.tag, &said.content, limits.mentioned_people),
            said,
            answers: object.in_reply_to.as_ref().map(Url::to_string),
        })
    }
}

/// Posts of forums have a title, which is the first thing that they say.
fn titled(title: Option<&str>, html: &str) -> String {
    let Some(title) = title else {
        return html.to_owned();
    };
    let title = title
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    format!("<p><strong>{title}</strong></p>{html}")
}

/// The channel of this node that an activity is for, if it is for one: by `audience`, `to`, `cc` or
/// `target`, of the activity or of what is in it.
///
/// # Security
/// The first that is named counts: a message is in one channel.
pub fn channel_for(activity: &Activity, origin: &Origin) -> Option<ChannelId> {
    let mut named: Vec<&Url> = Vec::new();
    named.extend(&activity.audience);
    let object = activity.single_object().and_then(ObjectOrId::as_object);
    if let Some(object) = object {
        named.extend(&object.audience);
    }
    named.extend(activity.target.as_ref().and_then(ObjectOrId::id));
    named.extend(activity.to.iter().chain(&activity.cc));
    if let Some(object) = object {
        named.extend(object.to.iter().chain(&object.cc));
    }
    let mut looked_at = named.into_iter().take(LOOKED_AT);
    looked_at.find_map(|id| channel_in(origin, id))
}

/// The place in its channel that an `Announce` tells, as far as it is one.
pub(super) fn place_of(announce: &Activity) -> Option<i64> {
    let told = announce.extra.get(crate::groups::model::SEQUENCE);
    told.and_then(Value::as_i64)
        .filter(|place| (0..MAX_PLACE).contains(place))
}

/// Places that other nodes may tell end here: JSON carries whole numbers that far.
pub(super) const MAX_PLACE: i64 = 1 << 53;

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;
    use federation_core::vocab::ActivityKind;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::groups::federate::group_uri;

    fn origin() -> Origin {
        Origin::new(&Url::parse("https://here.example").unwrap())
    }

    fn read(value: Value) -> Option<Activity> {
        Activity::from_value(value).ok()
    }

    #[test]
    fn the_channel_is_found_wherever_servers_name_it() {
        let channel = ChannelId::new(Timestamp::from_millis(1_795_190_734_032));
        let group = group_uri(&origin(), channel);
        let bare = json!({
            "id": "https://there.example/1", "type": "Create",
            "actor": "https://there.example/users/bob",
            "object": {"id": "https://there.example/n/1", "type": "Note", "content": "hi"},
        });
        assert_eq!(channel_for(&read(bare.clone()).unwrap(), &origin()), None);
        for (property, inside) in [
            ("audience", false),
            ("to", false),
            ("cc", false),
            ("target", false),
            ("audience", true),
            ("to", true),
            ("cc", true),
        ] {
            let mut named = bare.clone();
            if inside {
                named["object"][property] = json!(group.as_str());
            } else {
                named[property] = json!(group.as_str());
            }
            let found = channel_for(&read(named).unwrap(), &origin());
            assert_eq!(found, Some(channel), "{property} {inside}");
        }
    }

    #[test]
    fn places_are_bounded() {
        for (told, expected) in [
            (json!(0), Some(0)),
            (json!(7), Some(7)),
            (json!(MAX_PLACE - 1), Some(MAX_PLACE - 1)),
            (json!(MAX_PLACE), None),
            (json!(-1), None),
            (json!(i64::MAX), None),
            (json!(u64::MAX), None),
            (json!(1.5), None),
            (json!("7"), None),
            (json!(null), None),
            (json!([7]), None),
        ] {
            let id = Url::parse("https://there.example/1").unwrap();
            let mut announce = Activity::new(id.clone(), ActivityKind::Announce, id);
            announce.extra.insert("sequence".to_owned(), told.clone());
            assert_eq!(place_of(&announce), expected, "{told}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|it| json!(it)),
            any::<i64>().prop_map(|it| json!(it)),
            "[ -~]{0,24}".prop_map(|it| json!(it)),
            Just(json!("https://there.example/users/bob")),
            Just(json!("https://here.example/channels/x")),
            Just(json!("Note")),
            Just(json!("Announce")),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
                prop::collection::hash_map(
                    prop_oneof![
                        Just("id".to_owned()),
                        Just("type".to_owned()),
                        Just("to".to_owned()),
                        Just("audience".to_owned()),
                        Just("attributedTo".to_owned()),
                        Just("content".to_owned()),
                        "[a-z]{1,8}",
                    ],
                    inner,
                    0..6
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_without_a_fault(
            object in any_json(),
            audience in any_json(),
            sequence in any_json(),
        ) {
            let activity = read(json!({
                "id": "https://there.example/1", "type": "Create",
                "actor": "https://there.example/users/bob",
                "object": object, "audience": audience, "sequence": sequence,
            }));
            if let Some(activity) = activity {
                let inbox = Url::parse("https://there.example/inbox").unwrap();
                let id = activity.actor.clone();
                let kind = federation_core::vocab::ActorKind::Person;
                let author = Actor::new(id, kind, inbox);
                let limits = LimitsConfig::default();
                let note = GroupNote::read(&activity, &author, &origin(), &limits);
                if let Ok(note) = note {
                    prop_assert_eq!(note.actor, author.id);
                    prop_assert!(!note.said.html.contains("<script"));
                }
                let _ = channel_for(&activity, &origin());
                if let Some(place) = place_of(&activity) {
                    prop_assert!((0..MAX_PLACE).contains(&place));
                }
            }
        }
    }
}
