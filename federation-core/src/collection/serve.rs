//! From a request for the URL of a collection to the document that answers it.

use url::Url;

use super::cut::{Cut, Position};
use super::error::ServeError;
use super::source::{Outline, PageSource, Viewer};
use crate::vocab::{Collection, CollectionKind, PageOrId, Value};

/// The answer to a request for a collection.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Served {
    /// An `OrderedCollection`, or an `OrderedCollectionPage` of it, with `@context`.
    pub document: Value,
    /// Whether it may differ for others, so that no shared cache may keep it.
    pub is_private: bool,
}

/// Answers for the collection at `id`, its URL without a query, as `viewer` may see it.
///
/// Without `page` in the query it is the collection: its size, owner and first page's URL. With it,
/// one page ([`Cut::from_query`]).
///
/// # Errors
/// [`ServeError`], which gives the status.
///
/// # Security
/// The source is asked for the outline at every request, pages included: a page is shown only to
/// those who may see the entries now. Hidden recipients (`bto`, `bcc`) are never shown.
pub async fn serve<P: PageSource>(
    source: &P,
    id: &Url,
    query: Option<&str>,
    viewer: &Viewer,
) -> Result<Served, ServeError<P::Error>> {
    let cut = Cut::from_query(query).map_err(|_invalid| ServeError::BadCursor)?;
    let outline = source.outline(id, viewer).await;
    let outline = outline.map_err(ServeError::Source)?;
    let outline = outline.ok_or(ServeError::NotFound)?;
    let document = match cut {
        None => whole(id, outline),
        Some(_) if !outline.is_listed => return Err(ServeError::NotFound),
        Some(cut) => {
            let page = source.page(id, &cut, viewer).await;
            let page = page.map_err(ServeError::Source)?;
            let page = page.ok_or(ServeError::BadCursor)?;
            let mut shown = Collection::new(
                Cut::url(id, cut.position()),
                CollectionKind::OrderedCollectionPage,
            );
            shown.part_of = Some(id.clone());
            shown.total_items = outline.total;
            shown.next = page.next.map(|last| Cut::url(id, &Position::Before(last)));
            shown.prev = page.prev.map(|first| Cut::url(id, &Position::After(first)));
            shown.items = page.items;
            shown.items.truncate(cut.limit());
            shown
        }
    };
    let mut document = document.to_value();
    if let Some(Value::Array(items)) = document.get_mut("orderedItems") {
        items.iter_mut().for_each(strip);
    }
    Ok(Served {
        document,
        is_private: viewer.actor().is_some(),
    })
}

/// Takes hidden recipients out of an entry, and out of what an activity among them is about.
fn strip(entry: &mut Value) {
    if let Value::Object(map) = entry {
        map.shift_remove("bto");
        map.shift_remove("bcc");
        match map.get_mut("object") {
            Some(Value::Array(objects)) => objects.iter_mut().for_each(strip),
            Some(object) => strip(object),
            None => {}
        }
    }
}

fn whole(id: &Url, outline: Outline) -> Collection {
    let mut collection = Collection::new(id.clone(), CollectionKind::OrderedCollection);
    collection.total_items = outline.total;
    collection.attributed_to = outline.owner.into_iter().collect();
    collection.extra = outline.extra;
    if outline.is_listed {
        let first = Cut::url(id, &Position::Start);
        collection.first = Some(PageOrId::Id(first));
    }
    collection
}
