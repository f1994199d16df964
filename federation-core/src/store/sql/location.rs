//! Where a database is: a file path or a PostgreSQL URL.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;
use url::Url;

use super::connection::Backend;

/// The place of a database: a path, `sqlite:path`, or `postgres://user@host/name`.
///
/// `Display` and `Debug` never show a password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(Location);

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Location {
    Sqlite(PathBuf),
    Postgres(Url),
}

/// Why a text is no [`DatabaseUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DatabaseUrlError {
    /// Nothing, or a scheme with nothing behind it.
    #[error("the database URL is empty; give a file path, `sqlite:path` or `postgres://…`")]
    Empty,
    /// An SQLite database in memory: every connection would see its own.
    #[error("an SQLite database in memory is not supported; give the path of a file")]
    InMemory,
    /// A scheme of another database system.
    #[error("unknown kind of database URL; give a file path, `sqlite:path` or `postgres://…`")]
    UnknownScheme,
    /// It starts like a PostgreSQL URL and goes on otherwise.
    #[error("not a valid PostgreSQL URL; write `postgres://user:password@host:port/name`")]
    Malformed,
}

impl DatabaseUrl {
    /// An SQLite database in the file at `path`.
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self(Location::Sqlite(path.into()))
    }

    /// Which system this database is kept in.
    pub fn backend(&self) -> Backend {
        match self.0 {
            Location::Sqlite(_) => Backend::Sqlite,
            Location::Postgres(_) => Backend::Postgres,
        }
    }

    /// The file of an SQLite database.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Location::Sqlite(path) => Some(path),
            Location::Postgres(_) => None,
        }
    }

    pub(super) fn location(&self) -> &Location {
        &self.0
    }

    /// The same server, another database of it; an SQLite path stays as it is.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn with_name(&self, name: &str) -> Self {
        let mut url = self.clone();
        if let Location::Postgres(url) = &mut url.0 {
            url.set_path(name);
        }
        url
    }

    /// The name of a PostgreSQL database.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.0 {
            Location::Sqlite(_) => None,
            Location::Postgres(url) => url.path().strip_prefix('/'),
        }
    }

    /// The whole URL, with its password.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn to_secret_string(&self) -> String {
        match &self.0 {
            Location::Sqlite(path) => format!("sqlite:{}", path.display()),
            Location::Postgres(url) => url.to_string(),
        }
    }
}

impl FromStr for DatabaseUrl {
    type Err = DatabaseUrlError;

    fn from_str(text: &str) -> Result<Self, DatabaseUrlError> {
        let text = text.trim();
        if ["postgres:", "postgresql:"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return Url::parse(text)
                .ok()
                .filter(|url| !url.cannot_be_a_base())
                .map(|url| Self(Location::Postgres(url)))
                .ok_or(DatabaseUrlError::Malformed);
        }
        let path = match text.strip_prefix("sqlite:") {
            Some(rest) => rest.strip_prefix("//").unwrap_or(rest),
            None if text.contains("://") => return Err(DatabaseUrlError::UnknownScheme),
            None => text,
        };
        match path {
            "" => Err(DatabaseUrlError::Empty),
            // SQLite would read `file:` as an URI with options of its own.
            _ if path.starts_with(":memory:") || path.starts_with("file:") => {
                Err(DatabaseUrlError::InMemory)
            }
            _ => Ok(Self::sqlite(path)),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Location::Sqlite(path) => write!(formatter, "sqlite:{}", path.display()),
            Location::Postgres(url) => {
                let host = url.host_str().unwrap_or_default();
                write!(formatter, "postgres://")?;
                if !url.username().is_empty() {
                    write!(formatter, "{}@", url.username())?;
                }
                write!(formatter, "{host}")?;
                if let Some(port) = url.port() {
                    write!(formatter, ":{port}")?;
                }
                // The query may hold `password=`, so it is left out.
                formatter.write_str(url.path())
            }
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_form() {
        for (text, shown) in [
            ("data/x.db", "sqlite:data/x.db"),
            ("sqlite:/var/x.db", "sqlite:/var/x.db"),
            ("sqlite:///var/x.db", "sqlite:/var/x.db"),
            ("postgres://a:secret@h:5433/n", "postgres://a@h:5433/n"),
            ("postgresql://h/n?password=secret", "postgres://h/n"),
            ("postgres:///n?host=%2Frun%2Fpg", "postgres:///n"),
        ] {
            let url: DatabaseUrl = text.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("secret"));
        }
    }

    #[test]
    fn refuses_what_it_cannot_keep() {
        for (text, fault) in [
            ("", DatabaseUrlError::Empty),
            ("sqlite:", DatabaseUrlError::Empty),
            (":memory:", DatabaseUrlError::InMemory),
            ("sqlite::memory:", DatabaseUrlError::InMemory),
            ("mysql://h/n", DatabaseUrlError::UnknownScheme),
            ("postgres:x", DatabaseUrlError::Malformed),
        ] {
            assert_eq!(text.parse::<DatabaseUrl>(), Err(fault), "{text}");
        }
    }
}
