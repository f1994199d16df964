//! What an application tells about its collections, and to whom.

use std::fmt;
use std::future::Future;

use serde_json::Map;
use url::Url;

use super::cut::{Cursor, Cut};
use crate::vocab::{ObjectOrId, Value};

/// Who asks for a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Viewer {
    /// Nobody in particular: what they see, everybody sees.
    Anonymous,
    /// The actor that signed the request.
    Actor(Url),
}

impl Viewer {
    /// The actor that asks, when it is known.
    pub fn actor(&self) -> Option<&Url> {
        match self {
            Self::Anonymous => None,
            Self::Actor(id) => Some(id),
        }
    }
}

/// What a viewer may know about a collection as a whole.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Outline {
    pub(super) total: Option<u64>,
    pub(super) owner: Option<Url>,
    pub(super) is_listed: bool,
    pub(super) extra: Map<String, Value>,
}

impl Outline {
    /// A collection whose entries may be seen, and whose size is not told.
    pub fn new() -> Self {
        Self {
            total: None,
            owner: None,
            is_listed: true,
            extra: Map::new(),
        }
    }

    /// The same with the number of entries. Tell those of whom the viewer may know: the
    /// difference to what the pages show gives the rest away.
    pub fn with_total(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }

    /// The same with the actor whose collection it is (`attributedTo`), which FEP-7888 asks for.
    pub fn with_owner(mut self, owner: Url) -> Self {
        self.owner = Some(owner);
        self
    }

    /// The same with one more property.
    pub fn with_property(mut self, name: impl Into<String>, value: Value) -> Self {
        self.extra.insert(name.into(), value);
        self
    }

    /// The same without its entries: no page is shown.
    pub fn count_only(mut self) -> Self {
        self.is_listed = false;
        self
    }
}

impl Default for Outline {
    fn default() -> Self {
        Self::new()
    }
}

/// The entries of one page.
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct Page {
    pub(super) items: Vec<ObjectOrId>,
    pub(super) next: Option<Cursor>,
    pub(super) prev: Option<Cursor>,
}

impl Page {
    /// A page with nothing before and nothing after it.
    pub fn new(items: Vec<ObjectOrId>) -> Self {
        Self {
            items,
            next: None,
            prev: None,
        }
    }

    /// The same page, with older entries than the one that `last` names.
    pub fn with_next(mut self, last: Option<Cursor>) -> Self {
        self.next = last;
        self
    }

    /// The same page, with newer entries than the one that `first` names.
    pub fn with_prev(mut self, first: Option<Cursor>) -> Self {
        self.prev = first;
        self
    }
}

/// The collections of an application, as a viewer may see them. Newest entries come first.
pub trait PageSource: Send + Sync {
    /// Why the application could not look.
    type Error: fmt::Display + Send;

    /// What `viewer` may know about the collection at `id`; `None` when it is not there, or not
    /// for them.
    fn outline(
        &self,
        id: &Url,
        viewer: &Viewer,
    ) -> impl Future<Output = Result<Option<Outline>, Self::Error>> + Send;

    /// The entries of a page that `viewer` may see, no more than [`Cut::limit`]; `None` when the
    /// cursor names no place in the collection. Asked only after [`PageSource::outline`] has told
    /// that the entries may be seen.
    fn page(
        &self,
        id: &Url,
        cut: &Cut,
        viewer: &Viewer,
    ) -> impl Future<Output = Result<Option<Page>, Self::Error>> + Send;
}
