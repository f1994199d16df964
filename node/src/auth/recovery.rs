//! Recovery codes: 80 random bits each, kept as SHA-256, good once.
//!
//! Their entropy makes a slow hash needless.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use openssl::error::ErrorStack;
use openssl::rand::rand_bytes;

use super::model::hash_of;
use super::totp::base32;
use crate::base::ids::UserId;
use crate::platform::db::schema::recovery_codes as table;

/// Codes that a member gets at once.
const CODES: usize = 10;
/// Random bytes in a code; they make 16 letters.
const CODE_LEN: usize = 10;
/// Letters between two hyphens.
const GROUP: usize = 4;

/// New codes, as their member writes them down.
pub(super) fn generate() -> Result<Vec<String>, ErrorStack> {
    let code = |_| {
        let mut bytes = [0; CODE_LEN];
        rand_bytes(&mut bytes)?;
        let letters: Vec<char> = base32(&bytes).to_lowercase().chars().collect();
        let groups = letters.chunks(GROUP).map(String::from_iter);
        Ok(groups.collect::<Vec<String>>().join("-"))
    };
    (0..CODES).map(code).collect()
}

/// Stores codes of a member in place of all earlier ones.
pub(super) fn replace(
    connection: &mut Connection,
    user: UserId,
    codes: &[String],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    remove(connection, user)?;
    for code in codes {
        diesel::insert_into(table::table)
            .values((
                table::code_hash.eq(stored(user, code)),
                table::user_id.eq(user),
                table::created_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Uses up a code; whether it was the member's and unused.
pub(super) fn redeem(
    connection: &mut Connection,
    user: UserId,
    sent: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = table::table
        .find(stored(user, sent))
        .filter(table::user_id.eq(user))
        .filter(table::used_at.is_null());
    let changed = diesel::update(row)
        .set(table::used_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok(changed == 1)
}

/// How many codes a member has left.
pub(super) fn left(connection: &mut Connection, user: UserId) -> Result<i64, DatabaseError> {
    let unused = table::table
        .filter(table::user_id.eq(user))
        .filter(table::used_at.is_null());
    Ok(unused.count().get_result(connection)?)
}

/// Forgets all codes of a member.
pub(super) fn remove(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let all = table::table.filter(table::user_id.eq(user));
    diesel::delete(all).execute(connection)?;
    Ok(())
}

/// What the database keeps of a code; hyphens, spaces and case make no difference.
fn stored(user: UserId, code: &str) -> Vec<u8> {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    hash_of(&format!("{user}/{plain}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_long_different_and_read_in_any_form() {
        let codes = generate().unwrap();
        assert_eq!(codes.len(), CODES);
        let (first, second) = (&codes[0], &codes[1]);
        assert_eq!(first.len(), 19, "{first}");
        assert_ne!(first, second);
        let user = UserId::new(Timestamp::from_millis(1_795_190_734_032));
        let typed = first.to_uppercase().replace('-', " ");
        assert_eq!(stored(user, &typed), stored(user, first));
        assert_ne!(stored(user, second), stored(user, first));
    }
}
