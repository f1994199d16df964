//! The signing keys of this node's actors: those of the core, sealed by the node's key ring,
//! rotated once a year, every step told to the people of other nodes who know the actor.

mod announce;

pub(super) use announce::{Shown, tell};

use std::sync::Arc;
use std::time::Duration;

use federation_core::Clock;
use federation_core::keys::{KeySealer, LocalKeys, RotationPolicy, SealFault};
use federation_core::store::sql::{Database, SqlKeyStore};

use super::Edge;
use crate::config::Origin;
use crate::platform::ctx::Ctx;
use crate::platform::sealing::Keyring;

/// How old keys get.
const EVERY: Duration = Duration::from_hours(365 * 24);
/// How often it is looked whether a step is due.
const LOOK_EVERY: Duration = Duration::from_mins(5);

/// The keys in `db`, sealed by `keyring`.
pub(super) fn open(
    db: &Database,
    keyring: &Arc<Keyring>,
    clock: &Arc<dyn Clock>,
    origin: &Origin,
) -> LocalKeys {
    let origin = origin.clone();
    let store = SqlKeyStore::new(db.clone()).on_change(Arc::new(move |connection, change| {
        announce::announce(connection, &origin, change)
    }));
    let mut policy = RotationPolicy::default();
    policy.every = Some(EVERY);
    let sealer: Arc<dyn KeySealer> = Arc::<Keyring>::clone(keyring);
    LocalKeys::new(Arc::new(store), sealer, Arc::clone(clock), policy)
}

/// Moves keys on until the server stops.
pub async fn rotate(ctx: Ctx, edge: Edge) {
    let work = async {
        loop {
            match edge.keys().advance(ctx.now()).await {
                Ok(steps) if steps.total() > 0 => {
                    tracing::info!(?steps, "signing keys moved on");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "signing keys cannot be moved on"),
            }
            ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)).await;
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

impl KeySealer for Keyring {
    // The key id is bound to the sealed bytes: swapping two rows makes neither usable.
    fn seal(&self, private_key: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault> {
        Self::seal(self, private_key, key_id.as_bytes()).map_err(SealFault::new)
    }

    fn open(&self, sealed: &[u8], key_id: &str) -> Result<Vec<u8>, SealFault> {
        self.open_sealed(sealed, key_id.as_bytes())
            .map_err(SealFault::new)
    }
}
