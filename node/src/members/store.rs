//! Finding people for operators; nothing is written here.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::base::role::Role;
use crate::platform::db::schema::users;

/// Which people an operator asks for.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// Their handle starts like this.
    pub(super) start: Option<String>,
    /// They have this role.
    pub(super) role: Option<Role>,
    /// Where they stand.
    pub(super) state: Option<Standing>,
    /// Whether they are of this node.
    pub(super) local: Option<bool>,
}

/// Where somebody stands on this node.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub(super) enum Standing {
    /// They may act.
    Active,
    /// They may not act for now.
    Suspended,
    /// They are gone.
    Deleted,
}

impl Standing {
    pub(super) fn of(user: &User) -> Self {
        match user {
            User {
                deleted_at: Some(_),
                ..
            } => Self::Deleted,
            User {
                suspended_at: Some(_),
                ..
            } => Self::Suspended,
            _ => Self::Active,
        }
    }
}

/// People that the filter lets through, newest first.
pub(super) fn list(
    connection: &mut Connection,
    filter: &Filter,
    page: &PageQuery<UserId>,
) -> Result<Page<User, UserId>, DatabaseError> {
    let mut rows = users::table
        .limit(i64::from(page.limit()) + 1)
        .select(User::as_select())
        .into_boxed();
    if let Some(start) = &filter.start {
        // PostgreSQL takes no U+0000 in a text, and no name has one.
        let start = start.replace('\0', "\u{1}");
        let start = start.strip_prefix('@').unwrap_or(&start).to_lowercase();
        rows = rows.filter(users::search_key.lt(format!("{start}{}", char::MAX)));
        rows = rows.filter(users::search_key.ge(start));
    }
    if let Some(role) = filter.role {
        rows = rows.filter(users::role.eq(role));
    }
    rows = match filter.state {
        Some(Standing::Active) => rows
            .filter(users::suspended_at.is_null())
            .filter(users::deleted_at.is_null()),
        Some(Standing::Suspended) => rows
            .filter(users::suspended_at.is_not_null())
            .filter(users::deleted_at.is_null()),
        Some(Standing::Deleted) => rows.filter(users::deleted_at.is_not_null()),
        None => rows,
    };
    rows = match filter.local {
        Some(true) => rows.filter(users::domain.is_null()),
        Some(false) => rows.filter(users::domain.is_not_null()),
        None => rows,
    };
    if let Some(before) = page.before {
        rows = rows.filter(users::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(users::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(users::id.asc())
    } else {
        rows.order(users::id.desc())
    };
    let found = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |user: &User| user.id))
}
