//! The search for people by the start of their name or handle.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{User, search_key};
use super::store::by_id;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::users;

/// Active people whose name or handle starts with `text`, in the order of their handles.
///
/// # Errors
/// The database failed.
pub(super) fn search(
    connection: &mut Connection,
    text: &str,
    page: &PageQuery<UserId>,
) -> Result<Page<User, UserId>, DatabaseError> {
    if text.contains('\0') {
        // No name has one, and PostgreSQL takes none in a text.
        return Ok(Page::whole(Vec::new()));
    }
    let start = text.strip_prefix('@').unwrap_or(text).to_lowercase();
    let backwards = page.before.is_some() && page.after.is_none();
    let mut rows = users::table
        .filter(users::search_key.ge(start.clone()))
        .filter(users::search_key.lt(format!("{start}{}", char::MAX)))
        .filter(users::suspended_at.is_null())
        .filter(users::deleted_at.is_null())
        .limit(i64::from(page.limit()) + 1)
        .select(User::as_select())
        .into_boxed();
    if let Some(cursor) = page.after.or(page.before) {
        let Some(known) = by_id(connection, cursor)? else {
            return Ok(Page::whole(Vec::new()));
        };
        let key = search_key(&known.username, known.domain.as_deref());
        let same = users::search_key.eq(key.clone());
        rows = if backwards {
            rows.filter(
                users::search_key
                    .lt(key)
                    .or(same.and(users::id.lt(known.id))),
            )
        } else {
            rows.filter(
                users::search_key
                    .gt(key)
                    .or(same.and(users::id.gt(known.id))),
            )
        };
    }
    rows = if backwards {
        rows.order((users::search_key.desc(), users::id.desc()))
    } else {
        rows.order((users::search_key, users::id))
    };
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let mut items: Vec<User> = rows.load(connection)?;
    let more = items.len() > limit;
    items.truncate(limit);
    if backwards {
        items.reverse();
    }
    let (first, last) = (
        items.first().map(|user| user.id),
        items.last().map(|user| user.id),
    );
    Ok(Page {
        next: last.filter(|_| if backwards { true } else { more }),
        prev: first.filter(|_| {
            if backwards {
                more
            } else {
                page.after.is_some()
            }
        }),
        items,
    })
}
