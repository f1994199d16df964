//! Collections and their pages.

use serde_json::{Map, Value};
use url::Url;

use super::document::document;
use super::error::VocabError;
use super::id::parse_id;
use super::kept::Kept;
use super::kind::CollectionKind;
use super::link::ObjectOrId;
use super::paths;
use super::reader::Reader;
use super::writer::Writer;

/// Entries of one page that are read at most.
pub const MAX_ITEMS: usize = 5_000;

/// A collection, or one page of it (`ActivityStreams` s5).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Collection {
    /// The id; absent when it stands only inside another document.
    pub id: Option<Url>,
    /// Which sort, and whether a page.
    pub kind: CollectionKind,
    /// How many entries the whole collection says it has.
    pub total_items: Option<u64>,
    /// The first page.
    pub first: Option<PageOrId>,
    /// The last page.
    pub last: Option<PageOrId>,
    /// Of a page: the one after it.
    pub next: Option<Url>,
    /// Of a page: the one before it.
    pub prev: Option<Url>,
    /// Of a page: the whole collection.
    pub part_of: Option<Url>,
    /// Whose it is.
    pub attributed_to: Vec<Url>,
    /// The entries, from `items` and `orderedItems`.
    pub items: Vec<ObjectOrId>,
    /// All other properties, as they came.
    pub extra: Map<String, Value>,
    kept: Kept,
}

/// A page, or only its id.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PageOrId {
    /// The id alone.
    Id(Url),
    /// The page itself.
    Page(Box<Collection>),
}

impl PageOrId {
    fn from_value(value: Value) -> Result<Self, VocabError> {
        match value {
            Value::String(text) => parse_id(&text).map(Self::Id).ok_or(VocabError::Malformed {
                property: "first",
                expected: "an http or https URL, or a page",
            }),
            page => Collection::from_value(page).map(|page| Self::Page(Box::new(page))),
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Id(id) => id.as_str().into(),
            Self::Page(page) => Value::Object(page.to_map()),
        }
    }
}

document!(Collection);

impl Collection {
    /// A collection without entries.
    pub fn new(id: Url, kind: CollectionKind) -> Self {
        Self {
            id: Some(id),
            ..Self::anonymous(kind)
        }
    }

    fn anonymous(kind: CollectionKind) -> Self {
        Self {
            id: None,
            kind,
            total_items: None,
            first: None,
            last: None,
            next: None,
            prev: None,
            part_of: None,
            attributed_to: Vec::new(),
            items: Vec::new(),
            extra: Map::new(),
            kept: Kept::default(),
        }
    }

    /// Reads a collection or page from JSON.
    ///
    /// # Errors
    /// [`VocabError`] when the type is not that of a collection, when an id in it cannot be
    /// understood, or when it has more than [`MAX_ITEMS`] entries.
    pub fn from_value(value: Value) -> Result<Self, VocabError> {
        let mut reader = Reader::new(value)?;
        let kind = match CollectionKind::read(&mut reader)? {
            CollectionKind::Other(found) => {
                return Err(VocabError::WrongKind {
                    expected: "a collection or a page of one",
                    found: found.chars().take(64).collect(),
                });
            }
            kind => kind,
        };
        let mut collection = Self::anonymous(kind);
        collection.id = reader.own_id()?;
        collection.total_items = reader.count("totalItems");
        collection.first = page(&mut reader, "first")?;
        collection.last = page(&mut reader, "last")?;
        collection.next = reader.id("next")?;
        collection.prev = reader.id("prev")?;
        collection.part_of = reader.id("partOf")?;
        collection.attributed_to = reader.ids("attributedTo")?;
        collection.items = reader.objects_up_to("orderedItems", MAX_ITEMS)?;
        let unordered = reader.objects_up_to("items", MAX_ITEMS)?;
        collection.items.extend(unordered);
        Ok(collection.settled(reader))
    }

    /// Paths of the properties that the type does not know, for reports.
    pub fn unknown_fields(&self) -> Vec<String> {
        paths(&self.extra)
    }

    fn typed(&self) -> Writer {
        let mut writer = Writer::new(self.kind.as_str(), self.id.as_ref());
        writer.few_urls("attributedTo", &self.attributed_to);
        writer.count("totalItems", self.total_items);
        for (property, page) in [("first", &self.first), ("last", &self.last)] {
            if let Some(page) = page {
                writer.put(property, page.to_value());
            }
        }
        writer.url("next", self.next.as_ref());
        writer.url("prev", self.prev.as_ref());
        writer.url("partOf", self.part_of.as_ref());
        let ordered = self.kind.is_ordered();
        let items = if ordered { "orderedItems" } else { "items" };
        let whole = self.first.is_none() || !self.items.is_empty();
        if whole {
            writer.put(items, self.items.iter().map(ObjectOrId::to_value).collect());
        }
        writer
    }
}

/// The page that a `Link` object leads to.
fn linked(value: &Value) -> Option<Url> {
    let is_link = value.get("type")?.as_str()? == "Link";
    let href = value.get("href")?.as_str()?;
    is_link.then(|| parse_id(href)).flatten()
}

fn page(reader: &mut Reader, property: &'static str) -> Result<Option<PageOrId>, VocabError> {
    let Some(value) = reader.take(property) else {
        return Ok(None);
    };
    if let Some(id) = linked(&value) {
        reader.keep(property, value);
        return Ok(Some(PageOrId::Id(id)));
    }
    let page = PageOrId::from_value(value).map_err(|error| error.within(property))?;
    Ok(Some(page))
}
