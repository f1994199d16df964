//! All SQL on `mails`.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::MailError;
use super::port::Mail;
use crate::base::ids::MailId;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::mails as table;
use crate::platform::sealing::{Keyring, SealError};

/// A message that somebody took on to send.
pub(super) struct Claimed {
    pub(super) id: MailId,
    pub(super) sealed: Vec<u8>,
    pub(super) created_at: Timestamp,
    /// Tries, this one included.
    pub(super) attempts: i32,
}

/// Queues a message in the transaction of what it tells of; does nothing while mail is off.
///
/// # Errors
/// The database or the key ring failed.
pub fn enqueue(
    ctx: &Ctx,
    connection: &mut Connection,
    mail: &Mail,
    now: Timestamp,
) -> Result<(), MailError> {
    if !ctx.config().mail.is_on() {
        return Ok(());
    }
    let id = MailId::new(now);
    let plain = serde_json::to_vec(mail).unwrap_or_default();
    let sealed = ctx.keyring().seal(&plain, place(id).as_bytes())?;
    diesel::insert_into(table::table)
        .values((
            table::id.eq(id),
            table::sealed.eq(sealed),
            table::created_at.eq(now.as_millis()),
            table::attempts.eq(0),
            table::due_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// What the seal of a message is bound to.
fn place(id: MailId) -> String {
    format!("mails/sealed/{id}")
}

/// Opens a message that is to be sent.
pub(super) fn open(keyring: &Keyring, claimed: &Claimed) -> Result<Mail, SealError> {
    let plain = keyring.open_sealed(&claimed.sealed, place(claimed.id).as_bytes())?;
    serde_json::from_slice(&plain).map_err(|_not_a_mail| SealError::Damaged)
}

/// Whether a message is due.
pub(super) fn is_due(connection: &mut Connection, now: Timestamp) -> Result<bool, DatabaseError> {
    let due = table::table
        .filter(table::due_at.le(now.as_millis()))
        .select(table::id);
    Ok(due.first::<MailId>(connection).optional()?.is_some())
}

/// Takes on messages that are due; nobody else does before `lease` is over.
pub(super) fn claim(
    connection: &mut Connection,
    now: Timestamp,
    lease: Duration,
    limit: i64,
) -> Result<Vec<Claimed>, DatabaseError> {
    type Row = (MailId, Vec<u8>, i64, i32, i64);
    let due: Vec<Row> = table::table
        .filter(table::due_at.le(now.as_millis()))
        .order((table::due_at, table::id))
        .limit(limit)
        .select((
            table::id,
            table::sealed,
            table::created_at,
            table::attempts,
            table::due_at,
        ))
        .load(connection)?;
    let mut claimed = Vec::new();
    for (id, sealed, created_at, attempts, due_at) in due {
        let attempts = attempts.saturating_add(1);
        let unclaimed = table::table.find(id).filter(table::due_at.eq(due_at));
        let changed = diesel::update(unclaimed)
            .set((
                table::due_at.eq(now.plus(lease).as_millis()),
                table::attempts.eq(attempts),
            ))
            .execute(connection)?;
        if changed == 1 {
            claimed.push(Claimed {
                id,
                sealed,
                created_at: Timestamp::from_millis(created_at),
                attempts,
            });
        }
    }
    Ok(claimed)
}

/// Forgets a message that was taken or given up.
pub(super) fn remove(connection: &mut Connection, id: MailId) -> Result<(), DatabaseError> {
    diesel::delete(table::table.find(id)).execute(connection)?;
    Ok(())
}

/// Puts a message off.
pub(super) fn put_off(
    connection: &mut Connection,
    id: MailId,
    until: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(table::table.find(id))
        .set(table::due_at.eq(until.as_millis()))
        .execute(connection)?;
    Ok(())
}
