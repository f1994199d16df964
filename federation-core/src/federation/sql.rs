//! A [`Database`] as the store of a federation.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::error::HandlerError;
use super::storage::FederationStore;
use crate::clock::Timestamp;
use crate::fetch::ActorCache;
use crate::handshake::HandshakeStore;
use crate::inbox::{ActivityStore as _, Applied, Verified};
use crate::outbox::sql::{SqlDeliveryStore, enqueue};
use crate::outbox::{DeliveryStore, Outgoing};
use crate::store::StoreError;
use crate::store::sql::{
    Connection, Database, SqlActorCache, SqlHandshakeStore, federation_migrations, is_recorded,
    prune_received,
};

impl FederationStore for Database {
    type Transaction = Connection;

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.migrate(federation_migrations()).await?;
            Ok(())
        })
    }

    fn apply<F>(
        &self,
        verified: Verified,
        effect: F,
    ) -> BoxFuture<'_, Result<Applied<()>, HandlerError>>
    where
        F: Fn(&mut Connection, &Verified) -> Result<(), HandlerError> + Send + 'static,
    {
        Box::pin(self.apply_once(verified, effect))
    }

    fn has_received<'a>(
        &'a self,
        verified: &'a Verified,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let activity = verified.activity();
        let key = (activity.id.to_string(), activity.actor.to_string());
        let find = move |connection: &mut Connection| is_recorded(connection, &key.0, &key.1);
        Box::pin(async move { Ok(self.read(find).await?) })
    }

    fn transact<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, HandlerError>>
    where
        T: Send + 'static,
        F: Fn(&mut Connection) -> Result<T, HandlerError> + Send + 'static,
    {
        Box::pin(self.write(operation))
    }

    fn enqueue(
        transaction: &mut Connection,
        outgoing: &Outgoing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        enqueue(transaction, outgoing, now)?;
        Ok(())
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        Box::pin(async move {
            let prune = move |connection: &mut Connection| {
                prune_received(connection, before, i64::from(limit))
            };
            Ok(self.write(prune).await?)
        })
    }

    fn deliveries(&self) -> Arc<dyn DeliveryStore> {
        Arc::new(SqlDeliveryStore::new(self.clone()))
    }

    fn handshakes(&self) -> Arc<dyn HandshakeStore> {
        Arc::new(SqlHandshakeStore::new(self.clone()))
    }

    fn actors(&self) -> Arc<dyn ActorCache> {
        Arc::new(SqlActorCache::new(self.clone()))
    }
}
