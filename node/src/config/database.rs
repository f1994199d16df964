//! `[database]`: where rows are kept.

use std::path::Path;

use federation_core::store::sql::DatabaseUrl;
use serde::{Deserialize, Serialize};

use super::fault::Fault;
use super::secret::Secret;

/// Where rows are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// A path, a `sqlite:` path or a `postgres:` URL; a file in `data_dir` when absent.
    pub url: Option<Secret<String>>,
}

impl DatabaseConfig {
    /// The database named, or the SQLite file in `data_dir`.
    pub(super) fn url_or(&self, data_dir: &Path) -> DatabaseUrl {
        self.url
            .as_ref()
            .and_then(|url| url.expose().parse().ok())
            .unwrap_or_else(|| DatabaseUrl::sqlite(data_dir.join("folkmoot.db")))
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let parsed = self
            .url
            .as_ref()
            .map(|url| url.expose().parse::<DatabaseUrl>());
        if let Some(Err(error)) = parsed {
            faults.push(Fault::new(
                "database.url",
                error.to_string(),
                "docs/folkmoot.sample.toml shows the forms",
            ));
        }
    }
}
