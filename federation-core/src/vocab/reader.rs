//! Takes a JSON object apart property by property, in every shape that servers send.
//!
//! Properties that carry authority (ids, actors, owners, inboxes, keys) are read strictly: present
//! and understood, or an error. The rest is read leniently: what is not understood is kept as it
//! came and left out of the typed form.

use serde_json::{Map, Value};
use url::Url;

use super::error::VocabError;
use super::id::{PUBLIC, is_public, parse_id, public_url};
use super::kept::Kept;
use super::link::ObjectOrId;
use crate::clock::Timestamp;

/// Entries of one list (recipients, tags, attachments, objects) that are read at most.
pub const MAX_ENTRIES: usize = 1_000;

/// Properties that a document has at most to be called short.
const SHORT: usize = 32;

/// Bytes of a time with milliseconds and `Z`.
const TIME_BYTES: usize = "1970-01-01T00:00:00.000Z".len();

/// Bytes of a type name that are read at most.
const MAX_TYPE_BYTES: usize = 128;

#[derive(Debug)]
pub(super) struct Reader {
    map: Map<String, Value>,
    taken: Vec<&'static str>,
    kept: Kept,
}

impl Reader {
    pub(super) fn new(value: Value) -> Result<Self, VocabError> {
        match value {
            Value::Object(map) => Ok(Self {
                map,
                taken: Vec::with_capacity(24),
                kept: Kept::default(),
            }),
            _ => Err(VocabError::NotAnObject),
        }
    }

    /// What is left: unknown properties in their order, and what the typed form cannot hold.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Kept) {
        let taken = self.taken;
        self.map
            .retain(|key, _| !taken.iter().any(|name| name == key));
        (self.map, self.kept)
    }

    /// Takes a property out; null is the same as absent (JSON-LD 1.1 s4.1.1).
    pub(super) fn take(&mut self, property: &'static str) -> Option<Value> {
        // In a short document looking at each key costs less than hashing the one that is sought.
        let slot = if self.map.len() <= SHORT {
            let mut entries = self.map.iter_mut();
            let found = entries.find(|(key, _)| *key == property);
            found.map(|(_, value)| value)
        } else {
            self.map.get_mut(property)
        };
        let value = slot?.take();
        self.taken.push(property);
        (!value.is_null()).then_some(value)
    }

    pub(super) fn keep(&mut self, property: &'static str, received: Value) {
        self.kept.keep(property, received);
    }

    /// The type names, the known ones first in the order they were written.
    pub(super) fn kind(&mut self, known: impl Fn(&str) -> bool) -> Result<String, VocabError> {
        let malformed = VocabError::Malformed {
            property: "type",
            expected: "a type name or a list of them",
        };
        let Some(value) = self.take("type") else {
            return Err(VocabError::Missing { property: "type" });
        };
        let names: Option<Vec<&str>> = entries(&value).iter().map(Value::as_str).collect();
        let names = names.unwrap_or_default();
        let chosen = names.iter().find(|name| known(name)).or(names.first());
        let Some(chosen) = chosen.filter(|name| name.len() <= MAX_TYPE_BYTES) else {
            return Err(malformed);
        };
        let chosen = (*chosen).to_owned();
        if names.len() > 1 {
            self.keep("type", value);
        }
        Ok(chosen)
    }

    pub(super) fn required_id(&mut self, property: &'static str) -> Result<Url, VocabError> {
        self.id(property)?.ok_or(VocabError::Missing { property })
    }

    /// One id: a text, an embedded object with an id, or a list of one of these.
    pub(super) fn id(&mut self, property: &'static str) -> Result<Option<Url>, VocabError> {
        let mut ids = self.ids(property)?;
        if ids.len() > 1 {
            return Err(VocabError::TooMany { property, limit: 1 });
        }
        Ok(ids.pop())
    }

    /// The document's own id, which must be a text.
    pub(super) fn own_id(&mut self) -> Result<Option<Url>, VocabError> {
        match self.take("id") {
            None => Ok(None),
            Some(Value::String(text)) => {
                let url = parse_id(&text).ok_or(MALFORMED_OWN_ID)?;
                if url.as_str() != text {
                    self.keep("id", Value::String(text));
                }
                Ok(Some(url))
            }
            Some(_) => Err(MALFORMED_OWN_ID),
        }
    }

    pub(super) fn required_own_id(&mut self) -> Result<Url, VocabError> {
        self.own_id()?.ok_or(VocabError::Missing { property: "id" })
    }

    /// A list of ids, each of which must be understood.
    pub(super) fn ids(&mut self, property: &'static str) -> Result<Vec<Url>, VocabError> {
        let Some(value) = self.take(property) else {
            return Ok(Vec::new());
        };
        let mut exact = true;
        let read: Option<Vec<Url>> = capped(property, &value)?
            .iter()
            .map(|entry| read_link(entry, &mut exact))
            .collect();
        let ids = read.ok_or(VocabError::Malformed {
            property,
            expected: "an http or https URL, or an object with such an id",
        })?;
        if !exact {
            self.keep(property, value);
        }
        Ok(ids)
    }

    /// A list of ids of which those that are not understood are passed over.
    pub(super) fn links(&mut self, property: &'static str) -> Result<Vec<Url>, VocabError> {
        let Some(value) = self.take(property) else {
            return Ok(Vec::new());
        };
        let mut exact = true;
        let mut links = Vec::new();
        for entry in capped(property, &value)? {
            match read_link(entry, &mut exact) {
                Some(url) => links.push(url),
                None => exact = false,
            }
        }
        if !exact {
            self.keep(property, value);
        }
        Ok(links)
    }

    /// One link that may be of any shape; the first that is understood.
    pub(super) fn link(&mut self, property: &'static str) -> Option<Url> {
        let value = self.take(property)?;
        let mut exact = true;
        let list = entries(&value);
        let page =
            |entry: &&Value| entry.get("mediaType").and_then(Value::as_str) == Some("text/html");
        let ordered = list.iter().find(page).into_iter().chain(list);
        let link = ordered
            .take(MAX_ENTRIES)
            .find_map(|entry| read_link(entry, &mut exact));
        if !exact || link.is_none() || list.len() > 1 {
            self.keep(property, value);
        }
        link
    }

    pub(super) fn text(&mut self, property: &'static str) -> Option<String> {
        match self.take(property)? {
            Value::String(text) => Some(text),
            other => {
                self.keep(property, other);
                None
            }
        }
    }

    pub(super) fn flag(&mut self, property: &'static str) -> Option<bool> {
        match self.take(property)? {
            Value::Bool(flag) => Some(flag),
            other => {
                self.keep(property, other);
                None
            }
        }
    }

    pub(super) fn count(&mut self, property: &'static str) -> Option<u64> {
        let value = self.take(property)?;
        let count = value.as_u64();
        if count.is_none() {
            self.keep(property, value);
        }
        count
    }

    /// A time; one without an offset is taken as UTC.
    pub(super) fn time(&mut self, property: &'static str) -> Option<Timestamp> {
        let value = self.take(property)?;
        let read = value.as_str().and_then(|text| {
            Timestamp::parse_rfc3339(text).or_else(|| Timestamp::parse_rfc3339(&format!("{text}Z")))
        });
        match read {
            None => self.keep(property, value),
            Some(time) if !is_canonical(&value, time) => {
                self.kept.keep_time(property, value, time);
            }
            Some(_) => {}
        }
        read
    }

    /// Objects or ids, each of which must be understood.
    pub(super) fn objects(
        &mut self,
        property: &'static str,
    ) -> Result<Vec<ObjectOrId>, VocabError> {
        self.objects_up_to(property, MAX_ENTRIES)
    }

    pub(super) fn objects_up_to(
        &mut self,
        property: &'static str,
        limit: usize,
    ) -> Result<Vec<ObjectOrId>, VocabError> {
        let list = match self.take(property) {
            None => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(single) => vec![single],
        };
        if list.len() > limit {
            return Err(VocabError::TooMany { property, limit });
        }
        list.into_iter()
            .map(|entry| ObjectOrId::from_value(entry).map_err(|error| error.within(property)))
            .collect()
    }

    pub(super) fn object(
        &mut self,
        property: &'static str,
    ) -> Result<Option<ObjectOrId>, VocabError> {
        let mut objects = self.objects_up_to(property, 1)?;
        Ok(objects.pop())
    }

    /// A list of things that each read themselves; those that cannot are passed over.
    pub(super) fn list<T>(
        &mut self,
        property: &'static str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Vec<T>, VocabError> {
        let Some(value) = self.take(property) else {
            return Ok(Vec::new());
        };
        let list = capped(property, &value)?;
        let read: Vec<T> = list.iter().cloned().filter_map(read).collect();
        if read.len() < list.len() {
            self.keep(property, value);
        }
        Ok(read)
    }

    /// The first thing of a list that reads itself.
    pub(super) fn first<T>(
        &mut self,
        property: &'static str,
        read: impl Fn(Value) -> Option<T>,
    ) -> Result<Option<T>, VocabError> {
        let Some(value) = self.take(property) else {
            return Ok(None);
        };
        let list = capped(property, &value)?;
        let first = list.iter().cloned().find_map(read);
        if list.len() > 1 || first.is_none() {
            self.keep(property, value);
        }
        Ok(first)
    }
}

const MALFORMED_OWN_ID: VocabError = VocabError::Malformed {
    property: "id",
    expected: "an http or https URL",
};

/// Whether the time is written as this crate writes it.
fn is_canonical(value: &Value, time: Timestamp) -> bool {
    // Of the years that occur, only texts of that length can be.
    let has_length = value.as_str().is_none_or(|text| text.len() == TIME_BYTES);
    has_length && *value == time.to_rfc3339()
}

/// A value as a list: itself, or its entries.
pub(super) fn entries(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        single => std::slice::from_ref(single),
    }
}

fn capped<'a>(property: &'static str, value: &'a Value) -> Result<&'a [Value], VocabError> {
    let list = entries(value);
    if list.len() > MAX_ENTRIES {
        return Err(VocabError::TooMany {
            property,
            limit: MAX_ENTRIES,
        });
    }
    Ok(list)
}

/// The URL that an entry names; `exact` turns false when more was written than the URL.
fn read_link(entry: &Value, exact: &mut bool) -> Option<Url> {
    let text = match entry {
        Value::String(text) => text,
        Value::Object(map) => {
            *exact = false;
            map.get("id").or_else(|| map.get("href"))?.as_str()?
        }
        _ => return None,
    };
    if is_public(text) {
        return Some(public_url());
    }
    let url = parse_id(text)?;
    if url.as_str() != text && text != PUBLIC {
        *exact = false;
    }
    Some(url)
}
