//! Puts a JSON object together in the one shape that this crate writes.
//!
//! Recipients, tags and attachments are always lists, everything else that is single is written
//! plain, what is absent is left out.

use serde_json::{Map, Value};
use url::Url;

use super::context;
use super::kept::Kept;
use super::link::ObjectOrId;
use crate::clock::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Writer(Map<String, Value>);

impl Writer {
    pub(super) fn new(kind: &str, id: Option<&Url>) -> Self {
        let mut writer = Self::default();
        writer.url("id", id);
        writer.put("type", kind.into());
        writer
    }

    pub(super) fn put(&mut self, property: &str, value: Value) {
        self.0.insert(property.to_owned(), value);
    }

    pub(super) fn url(&mut self, property: &str, url: Option<&Url>) {
        if let Some(url) = url {
            self.put(property, url.as_str().into());
        }
    }

    /// A list that stays a list with one entry.
    pub(super) fn urls(&mut self, property: &str, urls: &[Url]) {
        if !urls.is_empty() {
            self.put(property, urls.iter().map(Url::as_str).collect());
        }
    }

    /// A list that is written plain with one entry.
    pub(super) fn few_urls(&mut self, property: &str, urls: &[Url]) {
        match urls {
            [single] => self.url(property, Some(single)),
            list => self.urls(property, list),
        }
    }

    pub(super) fn text(&mut self, property: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.put(property, text.into());
        }
    }

    pub(super) fn flag(&mut self, property: &str, flag: Option<bool>) {
        if let Some(flag) = flag {
            self.put(property, flag.into());
        }
    }

    pub(super) fn count(&mut self, property: &str, count: Option<u64>) {
        if let Some(count) = count {
            self.put(property, count.into());
        }
    }

    pub(super) fn time(&mut self, property: &str, time: Option<Timestamp>) {
        if let Some(time) = time {
            self.put(property, time.to_rfc3339().into());
        }
    }

    pub(super) fn list<T>(&mut self, property: &str, list: &[T], write: impl Fn(&T) -> Value) {
        if !list.is_empty() {
            self.put(property, list.iter().map(write).collect());
        }
    }

    pub(super) fn objects(&mut self, property: &str, objects: &[ObjectOrId]) {
        match objects {
            [single] => self.put(property, single.to_value()),
            list => self.list(property, list, ObjectOrId::to_value),
        }
    }

    pub(super) fn object(&mut self, property: &str, object: Option<&ObjectOrId>) {
        self.objects(property, object.map_or(&[], std::slice::from_ref));
    }

    /// The typed properties alone.
    pub(super) fn typed(self) -> Map<String, Value> {
        self.0
    }

    /// The whole document: typed properties, kept values and unknown properties.
    pub(super) fn finish(mut self, kept: &Kept, extra: &Map<String, Value>) -> Map<String, Value> {
        kept.restore(&mut self.0);
        for (key, value) in extra {
            if !self.0.contains_key(key) {
                self.0.insert(key.clone(), value.clone());
            }
        }
        self.0
    }
}

/// A document as it stands alone: with `@context` at its top, and nowhere below it when it had
/// none of its own.
pub(super) fn top_level(mut map: Map<String, Value>) -> Value {
    if !map.contains_key(context::KEY) {
        map.shift_insert(0, context::KEY.to_owned(), context::for_document(&map));
    }
    Value::Object(map)
}
