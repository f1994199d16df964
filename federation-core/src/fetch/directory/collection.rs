//! Collections: read page by page, and no further than asked for.

use std::collections::HashSet;
use std::time::Duration;

use url::Url;

use super::Directory;
use super::error::DirectoryError;
use crate::fetch::document::fetch_unconfirmed;
use crate::fetch::error::FetchError;
use crate::vocab::{Collection, ObjectOrId, PageOrId, Value, same_origin};

/// How much of a collection is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CollectionLimits {
    /// Pages that are fetched at most. 10 by default.
    pub pages: usize,
    /// Entries that are kept at most. 1,000 by default.
    pub items: usize,
    /// Time for everything. 30 s by default.
    pub deadline: Duration,
}

impl Default for CollectionLimits {
    fn default() -> Self {
        Self {
            pages: 10,
            items: 1_000,
            deadline: Duration::from_secs(30),
        }
    }
}

impl CollectionLimits {
    /// Up to this many pages and entries.
    pub fn new(pages: usize, items: usize) -> Self {
        Self {
            pages,
            items,
            ..Self::default()
        }
    }
}

/// What was read of a collection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CollectionItems {
    /// The collection's id.
    pub id: Url,
    /// Whose it is, by its own account.
    pub attributed_to: Vec<Url>,
    /// How many entries it says it has.
    pub total_items: Option<u64>,
    /// The entries, in the order of the collection.
    pub items: Vec<ObjectOrId>,
    /// Whether these are all of them.
    pub complete: bool,
}

impl Directory {
    /// Reads a collection and the pages that follow from it.
    ///
    /// A collection that loops, ends in a page that cannot be read, or is larger than `limits`
    /// gives what was read until there, not marked as complete.
    ///
    /// # Errors
    /// [`DirectoryError`] when the collection itself cannot be had.
    ///
    /// # Security
    /// All pages have to lie on the origin of the collection. The entries are that origin's
    /// claims: an embedded object of another origin proves nothing.
    pub async fn collection(
        &self,
        id: &Url,
        limits: CollectionLimits,
    ) -> Result<CollectionItems, DirectoryError> {
        let deadline = limits.deadline;
        match tokio::time::timeout(deadline, self.read_collection(id, limits)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(FetchError::Timeout { deadline }.into()),
        }
    }

    async fn read_collection(
        &self,
        id: &Url,
        limits: CollectionLimits,
    ) -> Result<CollectionItems, DirectoryError> {
        let document = self.document(id).await?;
        let collection = Collection::from_value(Value::Object(document.map))?;
        let mut read = CollectionItems {
            id: document.id,
            attributed_to: collection.attributed_to,
            total_items: collection.total_items,
            items: collection.items,
            complete: false,
        };
        let mut seen = HashSet::from([id.clone(), read.id.clone()]);
        let mut next = match collection.first {
            None => collection.next,
            Some(PageOrId::Id(page)) => Some(page),
            Some(PageOrId::Page(page)) => {
                read.items.extend(page.items);
                page.next
            }
        };
        for _ in 0..limits.pages {
            let Some(page) = next.take() else {
                break;
            };
            if read.items.len() >= limits.items || !seen.insert(page.clone()) {
                next = Some(page);
                break;
            }
            let Some(found) = self.page(&read.id, &page).await else {
                next = Some(page);
                break;
            };
            read.items.extend(found.items);
            next = found.next;
        }
        read.complete = next.is_none() && read.items.len() <= limits.items;
        read.items.truncate(limits.items);
        Ok(read)
    }

    /// One page; `None` when it lies elsewhere or cannot be read.
    async fn page(&self, collection: &Url, page: &Url) -> Option<Collection> {
        if !same_origin(collection, page) {
            return None;
        }
        let _permit = self.budget.admit(page, self.clock.now()).await.ok()?;
        let fetching = fetch_unconfirmed(
            self.transport.as_ref(),
            self.signer.as_ref(),
            self.clock.as_ref(),
            self.config.limits,
            page,
        );
        let (found_at, _, map) = fetching.await.ok()?;
        if !same_origin(collection, &found_at) {
            return None;
        }
        Collection::from_value(Value::Object(map)).ok()
    }
}
