//! Paging through lists by cursor: `before`, `after` and `limit` in, items and cursors out.
//!
//! A cursor is the id of an item. `next` of an answer goes on in the direction of the list,
//! `prev` goes back; either is `null` at its end.

use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// Items in a page when the request does not say.
pub const DEFAULT_LIMIT: u32 = 50;
/// Items in a page at most; larger requests get this many.
pub const MAX_LIMIT: u32 = 100;

/// Which part of a list a request asks for, as its query string says it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, bound = "Id: Deserialize<'de>")]
pub struct PageQuery<Id> {
    /// Only items before this one in the order of ids.
    #[serde(default = "absent")]
    pub before: Option<Id>,
    /// Only items after this one in the order of ids.
    #[serde(default = "absent")]
    pub after: Option<Id>,
    /// How many items at most.
    #[serde(default)]
    pub limit: Option<u32>,
}

fn absent<T>() -> Option<T> {
    None
}

impl<Id> PageQuery<Id> {
    /// How many items to answer: between 1 and [`MAX_LIMIT`].
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
    }

    /// Whether a list that shows the newest first is read from its end, upwards.
    pub fn is_forwards(&self) -> bool {
        self.after.is_some() && self.before.is_none()
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T, Id> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// Where the list goes on, `None` at its end.
    #[schema(schema_with = or_null::<Id>)]
    pub next: Option<Id>,
    /// Where the list came from, `None` at its start.
    #[schema(schema_with = or_null::<Id>)]
    pub prev: Option<Id>,
}

/// The schema of a cursor that may be missing.
fn or_null<Id: utoipa::PartialSchema>() -> RefOr<Schema> {
    let null = ObjectBuilder::new().schema_type(Type::Null);
    OneOfBuilder::new().item(null).item(Id::schema()).into()
}

impl<T, Id> Page<T, Id> {
    /// A list that fits in one page.
    pub fn whole(items: Vec<T>) -> Self {
        Self {
            items,
            next: None,
            prev: None,
        }
    }

    /// A page of a list that shows the newest first, from what was `found` for it: in the order
    /// of the search, with one item more than fits when there is more.
    pub fn newest_first(mut found: Vec<T>, page: &PageQuery<Id>, id: impl Fn(&T) -> Id) -> Self {
        let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        let forwards = page.is_forwards();
        if forwards {
            found.reverse();
        }
        let newer = if forwards {
            more
        } else {
            page.before.is_some()
        };
        Self {
            next: found.last().filter(|_| forwards || more).map(&id),
            prev: found.first().filter(|_| newer).map(&id),
            items: found,
        }
    }

    /// The same page with its items shown in another form.
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U, Id> {
        Page {
            items: self.items.into_iter().map(show).collect(),
            next: self.next,
            prev: self.prev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_stays_within_bounds() {
        let query = |limit| PageQuery::<String> {
            before: None,
            after: None,
            limit,
        };
        assert_eq!(query(None).limit(), DEFAULT_LIMIT);
        assert_eq!(query(Some(0)).limit(), 1);
        assert_eq!(query(Some(u32::MAX)).limit(), MAX_LIMIT);
    }
}
