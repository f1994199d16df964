//! Which signatures each server takes, in the row of the peer.

use diesel::prelude::*;
use futures_util::future::BoxFuture;

use super::schema::peers;
use super::{Connection, Database, DatabaseError};
use crate::each_backend;
use crate::fetch::SchemeStore;
use crate::signature::PeerScheme;
use crate::store::StoreError;

impl SchemeStore for Database {
    fn load<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Option<PeerScheme>, StoreError>> {
        let host = host.to_owned();
        Box::pin(async move {
            let find = move |connection: &mut Connection| {
                let word: Option<Option<String>> = peers::table
                    .find(host)
                    .select(peers::signature_scheme)
                    .first(connection)
                    .optional()?;
                Ok::<_, DatabaseError>(word.flatten())
            };
            let word = self.read(find).await?;
            Ok(word.as_deref().and_then(PeerScheme::parse))
        })
    }

    fn save<'a>(
        &'a self,
        host: &'a str,
        scheme: PeerScheme,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        let host = host.to_owned();
        Box::pin(async move {
            let save = move |connection: &mut Connection| {
                let word = peers::signature_scheme.eq(scheme.as_str());
                each_backend!(connection, c => diesel::insert_into(peers::table)
                    .values((peers::host.eq(&host), word))
                    .on_conflict(peers::host)
                    .do_update()
                    .set(word)
                    .execute(c))?;
                Ok::<_, DatabaseError>(())
            };
            Ok(self.write(save).await?)
        })
    }
}
