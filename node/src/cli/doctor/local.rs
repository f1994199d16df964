//! What of this machine the node stands on: directory, disk, keys, database and clock.

use std::path::Path;
use std::time::Duration;

use federation_core::store::sql::{Connection, Database, DatabaseError, DatabaseOptions};
use federation_core::{Clock as _, SystemClock, Timestamp};

use super::Check;
use crate::accounts::store;
use crate::config::Config;
use crate::platform::db;
use crate::platform::sealing::Keyring;

const MIB: u64 = 1024 * 1024;
/// Free bytes below which writing is about to fail.
const LEAST_FREE: u64 = 100 * MIB;
/// Free bytes below which the operator should make room.
const LITTLE_FREE: u64 = 1024 * MIB;
/// How far the clock may be off before signatures are refused for it.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(30);

/// The data directory can be written.
pub(super) fn data_directory(config: &Config) -> Check {
    let directory = &config.data_dir;
    let shown = directory.display();
    if !directory.exists() {
        return Check::warning(
            "data",
            format!("{shown} does not exist yet"),
            "the first start makes it; check data_dir if this is not the first",
        );
    }
    match tempfile::NamedTempFile::new_in(directory) {
        Ok(_removed_again) => Check::good("data", format!("{shown} can be written")),
        Err(error) => Check::failed(
            "data",
            format!("{shown} cannot be written: {error}"),
            "make the directory belong to the user that runs folkmoot",
        ),
    }
}

/// There is room on the disk.
pub(super) fn disk(config: &Config) -> Check {
    let existing = config.data_dir.ancestors().find(|path| path.exists());
    let place = existing.filter(|path| !path.as_os_str().is_empty());
    let place = place.unwrap_or_else(|| Path::new("."));
    let free = match rustix::fs::statvfs(place) {
        Ok(disk) => disk.f_bavail.saturating_mul(disk.f_frsize),
        Err(error) => return Check::skipped("disk", format!("cannot be asked: {error}")),
    };
    let detail = format!("{} MiB are free at {}", free / MIB, place.display());
    if free < LEAST_FREE {
        Check::failed("disk", detail, "make room before the database fails")
    } else if free < LITTLE_FREE {
        Check::warning("disk", detail, "make room soon")
    } else {
        Check::good("disk", detail)
    }
}

/// The key ring opens.
pub(super) fn keyring(config: &Config) -> Check {
    if !config.data_dir.join("keyring").exists() {
        return Check::skipped("keyring", "there is none yet; the first start makes it");
    }
    match Keyring::open(&config.data_dir) {
        Ok(_) => Check::good("keyring", "it opens; keep a copy apart from the database's"),
        Err(error) => Check::failed(
            "keyring",
            error.to_string(),
            "restore the file `keyring` of the data directory from its copy",
        ),
    }
}

/// The database answers, and the clock does not contradict it.
pub(super) async fn database(config: &Config) -> Vec<Check> {
    let url = config.database_url();
    if url.path().is_some_and(|path| !path.exists()) {
        let detail = format!("{url} does not exist yet; the first start makes it");
        return vec![Check::skipped("database", detail)];
    }
    let mut options = DatabaseOptions::new(url.clone());
    options.sole_process = false;
    let database = match Database::open(options).await {
        Ok(database) => database,
        Err(error) => {
            let advice = "check database.url, and that the database runs and takes the login";
            return vec![Check::failed("database", error.to_string(), advice)];
        }
    };
    let checks = match database.read(look).await {
        Ok(seen) => vec![
            Check::good("database", format!("{url}, {} accounts", seen.accounts)),
            clock(seen.newest, seen.compared, SystemClock.now()),
        ],
        Err(error) => vec![Check::failed(
            "database",
            format!("{url} cannot be read: {error}"),
            "bring its schema up to date by folkmoot migrate",
        )],
    };
    database.close().await;
    checks
}

/// What was read of the database.
struct Seen {
    accounts: i64,
    /// When the newest account was made.
    newest: Option<Timestamp>,
    compared: Option<Compared>,
}

/// What time it is by the server of the database, and by this machine before and after it was asked.
#[derive(Clone, Copy)]
struct Compared {
    asked: Timestamp,
    theirs: Timestamp,
    answered: Timestamp,
}

impl Compared {
    /// How far the clocks are apart at least; that the answer took time is not counted.
    fn apart(&self) -> Duration {
        let ahead = self.theirs.since(self.answered);
        ahead.max(self.asked.since(self.theirs))
    }
}

fn look(connection: &mut Connection) -> Result<Seen, DatabaseError> {
    let accounts = store::count_local(connection)?;
    let newest = store::newest_local(connection)?;
    let asked = SystemClock.now();
    let theirs = db::time(connection)?;
    let answered = SystemClock.now();
    let compared = theirs.map(|theirs| Compared {
        asked,
        theirs,
        answered,
    });
    Ok(Seen {
        accounts,
        newest,
        compared,
    })
}

/// The clock agrees with that of the database, and no account was made after now.
fn clock(newest: Option<Timestamp>, compared: Option<Compared>, now: Timestamp) -> Check {
    if let Some(compared) = compared.filter(|compared| compared.apart() > CLOCK_TOLERANCE) {
        return Check::failed(
            "clock",
            format!("it is {now}, and {} by the database", compared.theirs),
            "set the clocks of both machines by NTP: others refuse signatures of another time",
        );
    }
    match newest {
        Some(newest) if newest.since(now) > CLOCK_TOLERANCE => Check::failed(
            "clock",
            format!("it is {now}, and an account was made at {newest}"),
            "set the clock of this machine, best by NTP: others refuse signatures of another time",
        ),
        _ => {
            let agreed = compared.map_or("", |_agreeing| ", as by the database");
            let detail = format!("it is {now}{agreed}; other nodes allow no more than minutes");
            Check::good("clock", detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::Verdict;

    #[test]
    fn a_clock_behind_the_newest_account_is_wrong() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let verdict = |newest| clock(newest, None, now).verdict;
        assert_eq!(verdict(None), Verdict::Good);
        assert_eq!(verdict(Some(now.minus(CLOCK_TOLERANCE))), Verdict::Good);
        assert_eq!(verdict(Some(now.plus(CLOCK_TOLERANCE))), Verdict::Good);
        let later = now.plus(CLOCK_TOLERANCE + Duration::from_millis(1));
        assert_eq!(verdict(Some(later)), Verdict::Failed);
    }

    #[test]
    fn a_clock_that_is_not_that_of_the_database_is_wrong_either_way() {
        let asked = Timestamp::from_millis(1_795_190_734_032);
        // A slow answer is no offset.
        let answered = asked.plus(Duration::from_secs(9));
        let verdict = |theirs| {
            let compared = Compared {
                asked,
                theirs,
                answered,
            };
            clock(None, Some(compared), answered).verdict
        };
        let beyond = CLOCK_TOLERANCE + Duration::from_millis(1);
        assert_eq!(verdict(asked), Verdict::Good);
        assert_eq!(verdict(asked.minus(CLOCK_TOLERANCE)), Verdict::Good);
        assert_eq!(verdict(answered.plus(CLOCK_TOLERANCE)), Verdict::Good);
        assert_eq!(verdict(asked.minus(beyond)), Verdict::Failed);
        assert_eq!(verdict(answered.plus(beyond)), Verdict::Failed);
    }
}
