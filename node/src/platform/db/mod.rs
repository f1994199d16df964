//! The database of the server: opened, migrated, and described to diesel.

pub mod schema;

use diesel::RunQueryDsl as _;
use diesel::dsl::sql;
use diesel::sql_types::BigInt;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};
use federation_core::Timestamp;
use federation_core::store::sql::{
    Connection, Database, DatabaseError, DatabaseOptions, Migrations,
};

use crate::config::Config;

const SQLITE: EmbeddedMigrations = embed_migrations!("../migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("../migrations/postgres");

/// Every migration of the server, those of the federation core included.
pub fn migrations() -> Migrations {
    Migrations::new(SQLITE, POSTGRES)
}

/// Opens the database that the settings name and brings its schema up to date.
///
/// # Errors
/// It cannot be opened, is used by another server, or a migration failed.
pub async fn open(config: &Config) -> Result<Database, DatabaseError> {
    let db = Database::open(DatabaseOptions::new(config.database_url())).await?;
    let ran = db.migrate(migrations()).await?;
    for name in ran {
        tracing::info!(name, "migrated the database");
    }
    Ok(db)
}

/// What time it is by the server of the database; `None` where there is none but this machine.
///
/// # Errors
/// The database failed.
pub fn time(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let Connection::Postgres(postgres) = connection else {
        return Ok(None);
    };
    // `now()` would tell when the transaction began.
    let millis = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
    let millis: i64 = diesel::select(sql::<BigInt>(millis)).get_result(postgres)?;
    Ok(Some(Timestamp::from_millis(millis)))
}
