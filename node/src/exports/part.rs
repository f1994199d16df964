//! Records of one kind, in as many entries as they need.

use federation_core::vocab::{ACTIVITY_STREAMS, Value};

use super::archive::{About, Listed};
use super::model::{PART_BYTES, PART_RECORDS};

/// What stands around the records of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// One JSON object a line.
    Lines,
    /// CSV under this line of names.
    Table(&'static str),
    /// Items of the collection with this id (Activity Streams 2.0 s5); the first entry is the
    /// collection itself, the others are pages of it.
    Collection(String),
}

/// How the entries of one kind of record are called and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Series {
    /// The path, without number and ending.
    pub(super) stem: &'static str,
    /// The ending.
    pub(super) extension: &'static str,
    /// Whether the first entry has a number too.
    pub(super) is_numbered: bool,
    /// What stands around the records.
    pub(super) frame: Frame,
    /// What they are.
    pub(super) about: About,
}

impl Series {
    /// Records as lines in one entry, unless they are many.
    pub(super) const fn lines(stem: &'static str, about: &'static str) -> Self {
        Self {
            stem,
            extension: "jsonl",
            is_numbered: false,
            frame: Frame::Lines,
            about: About::Text(about),
        }
    }

    fn name(&self, number: u32) -> String {
        if number == 1 && !self.is_numbered {
            format!("{}.{}", self.stem, self.extension)
        } else {
            format!("{}-{number:04}.{}", self.stem, self.extension)
        }
    }
}

/// The entry that is being filled.
#[derive(Debug)]
pub(super) struct Part {
    series: Series,
    number: u32,
    text: String,
    records: usize,
}

impl Part {
    /// The first entry of a series.
    pub(super) fn first(series: Series) -> Self {
        let mut part = Self {
            series,
            number: 1,
            text: String::new(),
            records: 0,
        };
        part.open();
        part
    }

    /// Adds a record, which is one line without its end.
    pub(super) fn push(&mut self, record: &str) {
        let is_item = matches!(self.series.frame, Frame::Collection(_));
        if is_item && self.records > 0 {
            self.text.push_str(",\n");
        }
        self.text.push_str(record);
        if !is_item {
            self.text.push('\n');
        }
        self.records = self.records.saturating_add(1);
    }

    /// Whether it is to be sent before anything else is added.
    pub(super) fn is_full(&self) -> bool {
        self.records >= PART_RECORDS || self.text.len() >= PART_BYTES
    }

    /// Whether there is anything to send: the first entry goes even when it is empty.
    pub(super) fn is_needed(&self) -> bool {
        self.number == 1 || self.records > 0
    }

    /// Takes the entry out, and begins the next one.
    pub(super) fn take(&mut self) -> (Listed, String) {
        if matches!(self.series.frame, Frame::Collection(_)) {
            self.text.push_str("]}\n");
        }
        let entry = Listed {
            name: self.series.name(self.number),
            about: self.series.about,
            records: Some(self.records),
        };
        let text = std::mem::take(&mut self.text);
        self.number = self.number.saturating_add(1);
        self.records = 0;
        self.open();
        (entry, text)
    }

    fn open(&mut self) {
        match &self.series.frame {
            Frame::Lines => {}
            Frame::Table(names) => {
                self.text.push_str(names);
                self.text.push('\n');
            }
            Frame::Collection(id) => {
                let (key, kind) = if self.number == 1 {
                    ("id", "OrderedCollection")
                } else {
                    ("partOf", "OrderedCollectionPage")
                };
                let id = Value::from(id.as_str());
                let head = format!(
                    "{{\"@context\":\"{ACTIVITY_STREAMS}\",\"type\":\"{kind}\",\"{key}\":{id},\"orderedItems\":[\n"
                );
                self.text.push_str(&head);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(series: Series, records: usize, record: &str) -> Vec<(Listed, String)> {
        let mut part = Part::first(series);
        let mut entries = Vec::new();
        for _ in 0..records {
            part.push(record);
            if part.is_full() {
                entries.push(part.take());
            }
        }
        if part.is_needed() {
            entries.push(part.take());
        }
        entries
    }

    fn names(entries: &[(Listed, String)]) -> Vec<&str> {
        entries
            .iter()
            .map(|(entry, _)| entry.name.as_str())
            .collect()
    }

    #[test]
    fn many_records_go_in_several_entries() {
        let series = || Series::lines("follows", "who follows whom");
        let none = fill(series(), 0, "{}");
        assert_eq!(names(&none), ["follows.jsonl"]);
        assert_eq!(none[0].1, "");
        // Exactly one entry full leaves no empty one behind.
        assert_eq!(fill(series(), PART_RECORDS, "{}").len(), 1);
        let two = fill(series(), PART_RECORDS + 1, "{}");
        assert_eq!(names(&two), ["follows.jsonl", "follows-0002.jsonl"]);
        assert_eq!(two[1].0.records, Some(1));
        let large = "x".repeat(PART_BYTES);
        assert_eq!(fill(series(), 3, &large).len(), 3);
        let mut numbered = series();
        numbered.is_numbered = true;
        assert_eq!(names(&fill(numbered, 1, "{}")), ["follows-0001.jsonl"]);
    }

    #[test]
    fn collections_are_whole_documents() {
        let series = Series {
            stem: "outbox",
            extension: "json",
            is_numbered: false,
            frame: Frame::Collection("https://here.example/\"outbox".to_owned()),
            about: About::Text("what was sent"),
        };
        let entries = fill(series, PART_RECORDS + 2, "{\"id\":\"x\"}");
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (first, second) = (read(&entries[0].1), read(&entries[1].1));
        assert_eq!(first["type"], "OrderedCollection");
        assert_eq!(first["id"], "https://here.example/\"outbox");
        assert_eq!(
            first["orderedItems"].as_array().unwrap().len(),
            PART_RECORDS
        );
        assert_eq!(second["type"], "OrderedCollectionPage");
        assert_eq!(second["partOf"], first["id"]);
        assert_eq!(second["orderedItems"].as_array().unwrap().len(), 2);
    }
}
