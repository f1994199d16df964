//! What a server holds: its actors, their followers, the documents under its origin, and what came
//! in.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use chrono::Utc;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::settings::Settings;

/// Everybody, as an audience.
pub const PUBLIC: &str = "https://www.w3.org/ns/activitystreams#Public";

/// What a server holds.
#[derive(Debug)]
pub struct State {
    /// Who it is.
    pub settings: Settings,
    held: Mutex<Held>,
}

/// An actor of the server.
#[derive(Clone, Debug)]
pub struct Local {
    /// Its id.
    pub id: String,
    /// Its name in handles.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// The name shown to people.
    pub shown: String,
    /// What it says about itself.
    pub summary: String,
    /// Inboxes by actor id.
    pub followers: BTreeMap<String, String>,
}

/// What changes.
#[derive(Debug, Default)]
pub struct Held {
    /// By id.
    pub actors: BTreeMap<String, Local>,
    /// By id.
    pub documents: HashMap<String, Value>,
    /// Items and page size, by name.
    pub collections: HashMap<String, (Vec<Value>, usize)>,
    /// What the library verified, oldest first.
    pub received: Vec<Value>,
    /// What it did not.
    pub refused: Vec<Value>,
    /// How it behaves.
    pub mode: Mode,
    made: u64,
}

/// How a server behaves.
#[derive(Clone, Debug)]
pub struct Mode {
    /// Whether fetches must be signed.
    pub authorized_fetch: bool,
    /// `auto`, `manual` or `reject`.
    pub accept_follows: String,
    /// Whether the public routes answer 503.
    pub down: bool,
}

impl Default for Mode {
    fn default() -> Self {
        Self {
            authorized_fetch: false,
            accept_follows: "auto".to_owned(),
            down: false,
        }
    }
}

impl State {
    /// Nothing yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            held: Mutex::default(),
        }
    }

    /// What changes, for a short look or change.
    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an actor; gives it.
    pub fn add(&self, name: &str, kind: &str) -> Local {
        let local = Local {
            id: self.settings.actor(name),
            name: name.to_owned(),
            kind: kind.to_owned(),
            shown: name.to_owned(),
            summary: String::new(),
            followers: BTreeMap::new(),
        };
        self.held().actors.insert(local.id.clone(), local.clone());
        local
    }

    /// An actor as it is now.
    pub fn actor(&self, id: &str) -> Option<Local> {
        self.held().actors.get(id).cloned()
    }

    /// A new id under the origin.
    pub fn new_id(&self, folder: &str) -> String {
        let mut held = self.held();
        held.made += 1;
        let (origin, made) = (&self.settings.origin, held.made);
        format!("{origin}/{folder}/{}-{made}", Utc::now().timestamp_millis())
    }

    /// Stores a document that is under the origin.
    pub fn keep(&self, document: &Value) {
        let Some(id) = id_of(document) else { return };
        if id.starts_with(&format!("{}/", self.settings.origin)) {
            let mut kept = document.clone();
            add_context(&mut kept);
            self.held().documents.insert(id, kept);
        }
    }

    /// Gives an activity of an actor what a client may leave out, and stores what it says.
    pub fn complete(&self, by: &str, given: &Map<String, Value>) -> Value {
        let mut activity = given.clone();
        activity
            .entry("id")
            .or_insert_with(|| self.new_id("activities").into());
        activity.entry("actor").or_insert_with(|| by.into());
        let kind = activity.get("type").and_then(Value::as_str);
        let kind = kind.unwrap_or_default().to_owned();
        let object = activity.get_mut("object").and_then(Value::as_object_mut);
        if let ("Create" | "Update", Some(object)) = (kind.as_str(), object) {
            object
                .entry("id")
                .or_insert_with(|| self.new_id("objects").into());
            if object.get("id").and_then(Value::as_str) != Some(by) {
                object.entry("attributedTo").or_insert_with(|| by.into());
            }
            self.keep(&Value::Object(object.clone()));
        }
        if let ("Delete", Some(id)) = (kind.as_str(), activity.get("object").and_then(id_of)) {
            self.keep(&json!({ "type": "Tombstone", "id": id }));
        }
        let mut activity = Value::Object(activity);
        add_context(&mut activity);
        self.keep(&activity);
        activity
    }

    /// The public activities of an actor.
    pub fn outbox(&self, actor: &str) -> Vec<Value> {
        let held = self.held();
        let own = |document: &&Value| id_of(&document["actor"]).as_deref() == Some(actor);
        let all = held.documents.values().filter(own);
        all.filter(|document| audience(document).iter().any(|one| one == PUBLIC))
            .cloned()
            .collect()
    }
}

/// To whom a document is addressed.
pub fn audience(document: &Value) -> Vec<String> {
    let fields = [&document["to"], &document["cc"]];
    let all = fields.into_iter().flat_map(listed);
    all.filter_map(id_of).collect()
}

/// The id of an object that is given whole or as its id.
pub fn id_of(value: &Value) -> Option<String> {
    let id = value.as_str().or_else(|| value["id"].as_str());
    id.map(str::to_owned)
}

/// The members of what may be one thing or several.
pub fn listed(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

/// The context of what is sent and served.
pub fn context() -> Value {
    json!([
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/v1",
        "https://w3id.org/security/data-integrity/v1",
        "https://w3id.org/security/multikey/v1",
        {
            "toot": "http://joinmastodon.org/ns#",
            "Emoji": "toot:Emoji",
            "featured": { "@id": "toot:featured", "@type": "@id" },
            "votersCount": "toot:votersCount",
            "litepub": "http://litepub.social/ns#",
            "EmojiReact": "litepub:EmojiReact",
            "Hashtag": "as:Hashtag",
            "sensitive": "as:sensitive",
            "manuallyApprovesFollowers": "as:manuallyApprovesFollowers"
        }
    ])
}

fn add_context(document: &mut Value) {
    if let Some(fields) = document.as_object_mut() {
        fields.entry("@context").or_insert_with(context);
    }
}
