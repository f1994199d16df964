//! What is kept of an activity that was received: that it was, under a digest of its names.

use std::collections::HashSet;

use diesel::backend::Backend as DieselBackend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Binary, HasSqlType};
use diesel::{PgConnection, RunQueryDsl};
use openssl::sha::{Sha256, sha256};

use super::Connection;
use crate::each_backend;
use crate::inbox::Verified;

/// Bytes of the digest of the host, which come first: what one peer sends lies together, so that
/// peers that send much touch few pages, however much others have sent.
const HOST_BYTES: usize = 4;
/// Bytes of the digest of the names: nobody can make two activities that share 128 bits of SHA-256
/// and belong to different actors.
const NAMES_BYTES: usize = 16;

/// The names of an activity, in the one length that all names have.
pub(super) type Digest = [u8; HOST_BYTES + NAMES_BYTES];

/// The digest of an activity's id and its actor's.
///
/// It is part of the schema: the first 32 bits of SHA-256 over the actor's host as its URL writes
/// it, port included, then the first 128 bits of SHA-256 over id, zero byte and actor's id. URLs
/// contain no zero byte.
///
/// # Security
/// An id stands for an activity together with its actor: an actor of the same server that uses
/// the id first must not take the effect from the one it belongs to.
pub(super) fn digest(id: &str, actor_id: &str) -> Digest {
    let host = actor_id.split('/').nth(2).unwrap_or_default();
    let host = sha256(host.as_bytes());
    let mut names = Sha256::new();
    names.update(id.as_bytes());
    names.update(&[0]);
    names.update(actor_id.as_bytes());
    let names = names.finish();
    let mut digest = [0; HOST_BYTES + NAMES_BYTES];
    let (first, second) = digest.split_at_mut(HOST_BYTES);
    for (part, whole) in [(first, host), (second, names)] {
        part.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    }
    digest
}

/// The row that recognises an activity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    digest: Digest,
    received_at: i64,
}

/// What became of a receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It was recorded just now.
    New,
    /// It was there before.
    Known,
}

impl Entry {
    const fn of(is_new: bool) -> Self {
        if is_new { Self::New } else { Self::Known }
    }
}

impl Receipt {
    pub(super) fn of(verified: &Verified) -> Self {
        let activity = verified.activity();
        Self {
            digest: digest(activity.id.as_str(), activity.actor.as_str()),
            received_at: verified.received_at().as_millis(),
        }
    }

    /// Records the activity unless it was recorded before.
    pub(super) fn record(&self, connection: &mut Connection) -> QueryResult<Entry> {
        let insert = Insert {
            digest: &self.digest,
            received_at: self.received_at,
        };
        let inserted = each_backend!(connection, c => insert.execute(c))?;
        Ok(Entry::of(inserted > 0))
    }
}

/// The receipts of a group that were recorded with one statement, before any of its jobs ran.
#[derive(Debug, Default)]
pub(super) struct Entries(Option<HashSet<Digest>>);

impl Entries {
    /// Records the receipts of a group where a statement costs a round trip; on SQLite each job
    /// does so itself.
    pub(super) fn record<'a>(
        connection: &mut Connection,
        receipts: impl Iterator<Item = &'a Receipt>,
    ) -> QueryResult<Self> {
        let Connection::Postgres(postgres) = connection else {
            return Ok(Self::default());
        };
        let mut receipts: Vec<&Receipt> = receipts.collect();
        if receipts.len() < 2 {
            return Ok(Self::default());
        }
        // In one order, so that two processes never wait for each other's rows.
        receipts.sort_unstable_by_key(|receipt| receipt.digest);
        let insert = InsertAll {
            digests: receipts.iter().map(|receipt| &receipt.digest[..]).collect(),
            times: receipts.iter().map(|receipt| receipt.received_at).collect(),
        };
        let inserted: Vec<Vec<u8>> = insert.load(postgres)?;
        let new = inserted
            .iter()
            .filter_map(|digest| digest.as_slice().try_into().ok());
        Ok(Self(Some(new.collect())))
    }

    /// What became of this receipt; of two alike the first is the new one.
    pub(super) fn take(&mut self, receipt: Option<&Receipt>) -> Option<Entry> {
        let (new, receipt) = (self.0.as_mut()?, receipt?);
        Some(Entry::of(new.remove(&receipt.digest)))
    }
}

/// Records one activity. Its text follows from its type, so it is made and prepared once.
#[derive(Debug)]
struct Insert<'a> {
    digest: &'a [u8],
    received_at: i64,
}

impl QueryId for Insert<'_> {
    type QueryId = Insert<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl<DB> QueryFragment<DB> for Insert<'_>
where
    DB: DieselBackend + HasSqlType<Binary> + HasSqlType<BigInt>,
    [u8]: diesel::serialize::ToSql<Binary, DB>,
    i64: diesel::serialize::ToSql<BigInt, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql("INSERT INTO received_activities (digest, received_at) VALUES (");
        out.push_bind_param::<Binary, [u8]>(self.digest)?;
        out.push_sql(", ");
        out.push_bind_param::<BigInt, i64>(&self.received_at)?;
        out.push_sql(") ON CONFLICT DO NOTHING");
        Ok(())
    }
}

impl<C> RunQueryDsl<C> for Insert<'_> {}

/// Records many activities; answers the digests of those that are new.
#[derive(Debug)]
struct InsertAll<'a> {
    digests: Vec<&'a [u8]>,
    times: Vec<i64>,
}

impl QueryId for InsertAll<'_> {
    type QueryId = InsertAll<'static>;

    const HAS_STATIC_QUERY_ID: bool = true;
}

impl QueryFragment<diesel::pg::Pg> for InsertAll<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, diesel::pg::Pg>) -> QueryResult<()> {
        out.push_sql("INSERT INTO received_activities (digest, received_at) SELECT * FROM unnest(");
        out.push_bind_param::<Array<Binary>, _>(&self.digests)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.times)?;
        out.push_sql(") ON CONFLICT DO NOTHING RETURNING digest");
        Ok(())
    }
}

impl Query for InsertAll<'_> {
    type SqlType = Binary;
}

impl RunQueryDsl<PgConnection> for InsertAll<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attack_11_digests_tell_names_apart_and_keep_hosts_together() {
        let id = "https://there.example/follows/1";
        let bob = digest(id, "https://there.example/users/bob");
        let others = [
            digest(id, "https://there.example/users/bo"),
            digest(
                "https://there.example/follows/1b",
                "https://there.example/users/bob",
            ),
            digest(
                "https://there.example/follows/2",
                "https://there.example/users/bob",
            ),
        ];
        for other in others {
            assert_ne!(bob, other);
            assert_eq!(bob[..HOST_BYTES], other[..HOST_BYTES]);
        }
        let port = digest(id, "https://there.example:8443/users/bob");
        assert_ne!(bob[..HOST_BYTES], port[..HOST_BYTES]);
    }
}
