//! Keys are made once, kept sealed, and move through their stages one step at a time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use url::Url;

use super::*;
use crate::clock::{Clock as _, Timestamp};
use crate::outbox::KeySource;
use crate::signature::{Algorithm, PublicKey, Scheme, VerificationPolicy, inspect, sign_request};
use crate::store::StoreError;
use crate::testing::ManualClock;
use crate::vocab::{ActorKey, KeyMaterial};

const START: Timestamp = Timestamp::from_millis(1_795_190_734_000);

fn alice() -> Url {
    Url::parse("https://here.example/users/alice").unwrap()
}

struct Setup {
    keys: LocalKeys,
    clock: Arc<ManualClock>,
    store: Arc<dyn LocalKeyStore>,
    sealer: Arc<AesSealer>,
}

impl Setup {
    fn on(store: Arc<dyn LocalKeyStore>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let sealer = Arc::new(AesSealer::new([7; 32]));
        Self {
            keys: Self::process(&store, &sealer, &clock),
            clock,
            store,
            sealer,
        }
    }

    /// Keys as another process, or this one after a restart, sees them.
    fn process(
        store: &Arc<dyn LocalKeyStore>,
        sealer: &Arc<AesSealer>,
        clock: &Arc<ManualClock>,
    ) -> LocalKeys {
        LocalKeys::new(
            Arc::clone(store),
            Arc::<AesSealer>::clone(sealer),
            Arc::<ManualClock>::clone(clock),
            RotationPolicy::default(),
        )
    }

    fn restarted(&self) -> LocalKeys {
        Self::process(&self.store, &self.sealer, &self.clock)
    }

    async fn advance(&self) -> Steps {
        // Each time by a process that knows nothing yet, as after a kill.
        self.restarted().advance(self.clock.now()).await.unwrap()
    }
}

fn ids(keys: &ActorKeys) -> BTreeSet<String> {
    let listed = keys.published().iter();
    listed.map(|key| key.id.to_string()).collect()
}

fn find(listed: &[ActorKey], key_id: &Url) -> Option<PublicKey> {
    let key = listed.iter().find(|key| key.id == *key_id)?;
    Some(match &key.material {
        KeyMaterial::Pem(pem) => PublicKey::from_pem(pem).unwrap(),
        KeyMaterial::Multibase(text) => PublicKey::from_multibase(text).unwrap(),
    })
}

/// Whether somebody who sees `document` verifies what `signer` signs now.
async fn verifies(signer: &LocalKeys, document: &ActorKeys, now: Timestamp) -> bool {
    let key = signer.signing_key(&alice()).await.unwrap();
    let inbox = Url::parse("https://there.example/inbox").unwrap();
    let method = http::Method::POST;
    let headers = sign_request(Scheme::Cavage, &key, &method, &inbox, Some(b"{}"), now).unwrap();
    let request = crate::inbox::InboundRequest::new(
        method,
        &inbox,
        "/inbox",
        headers,
        bytes::Bytes::from_static(b"{}"),
    );
    let claim = inspect(&request.unwrap(), &VerificationPolicy::default(), now).unwrap();
    find(document.published(), claim.key_id()).is_some_and(|listed| claim.verify(&listed).is_ok())
}

async fn keys_are_made_once(setup: &Setup) {
    let actor = alice();
    let (one, two) = tokio::join!(setup.keys.of(&actor), setup.keys.of(&actor));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.published(), two.published());
    let again = setup.restarted().of(&alice()).await.unwrap();
    assert_eq!(again.published(), one.published());
    assert_eq!(
        ids(&one),
        BTreeSet::from([
            "https://here.example/users/alice#ed25519-key".to_owned(),
            "https://here.example/users/alice#main-key".to_owned(),
        ])
    );
    // What sealed them is needed to open them.
    let elsewhere = Setup::process(
        &setup.store,
        &Arc::new(AesSealer::new([8; 32])),
        &setup.clock,
    );
    let refused = elsewhere.of(&alice()).await.unwrap_err();
    assert!(matches!(refused, LocalKeyError::Sealed(_)), "{refused}");
    assert!(refused.is_retryable());
}

async fn a_rotation_goes_through_its_stages(setup: &Setup) {
    let actor = alice();
    let policy = RotationPolicy::default();
    let first = setup.keys.of(&actor).await.unwrap();
    assert_eq!(setup.advance().await, Steps::default());

    // Published: listed, while the old key signs.
    assert!(setup.keys.rotate(&actor, START).await.unwrap());
    assert!(!setup.keys.rotate(&actor, START).await.unwrap());
    let published = setup.restarted().of(&actor).await.unwrap();
    assert_eq!(published.rsa().key_id(), first.rsa().key_id());
    assert_eq!(ids(&published).len(), 4);
    assert!(ids(&first).is_subset(&ids(&published)));
    assert!(published.previous_rsa().is_none());
    for document in [&first, &published] {
        assert!(verifies(&setup.keys, document, START).await);
    }
    setup
        .clock
        .advance(policy.publish_for.saturating_sub(Duration::from_millis(1)));
    assert_eq!(setup.advance().await.total(), 0);

    // Switched: the new key signs, both are listed, `publicKey` is the new one alone.
    setup.clock.advance(Duration::from_millis(1));
    let before = setup.restarted();
    before.of(&actor).await.unwrap();
    assert_eq!(setup.advance().await.switched, 1);
    assert_eq!(setup.advance().await.total(), 0);
    let switched = setup.restarted().of(&actor).await.unwrap();
    assert_ne!(switched.rsa().key_id(), first.rsa().key_id());
    assert_ne!(switched.ed25519().key_id(), first.ed25519().key_id());
    assert_eq!(ids(&switched), ids(&published));
    let former = switched.previous_rsa().unwrap();
    assert_eq!(former.key_id(), first.rsa().key_id());
    let pems = |keys: &ActorKeys| {
        let listed = keys.published().iter();
        listed
            .filter(|key| matches!(key.material, KeyMaterial::Pem(_)))
            .count()
    };
    assert_eq!((pems(&published), pems(&switched)), (1, 1));
    let now = setup.clock.now();
    for document in [&published, &switched] {
        assert!(verifies(&setup.restarted(), document, now).await);
        // A process that has not noticed yet signs with the old key for a while.
        assert!(verifies(&before, document, now).await);
    }
    setup.clock.advance(Duration::from_secs(61));
    let noticed = before.of(&actor).await.unwrap();
    assert_eq!(noticed.rsa().key_id(), switched.rsa().key_id());
    assert!(!setup.keys.rotate(&actor, now).await.unwrap());

    // Retired: the old key is gone.
    setup.clock.advance(policy.overlap);
    assert_eq!(setup.advance().await.retired, 1);
    let retired = setup.restarted().of(&actor).await.unwrap();
    assert_eq!(ids(&retired).len(), 2);
    assert!(ids(&retired).is_disjoint(&ids(&first)));
    assert!(retired.previous_rsa().is_none());
    let kept = setup.store.of_actor(&actor).await.unwrap();
    assert_eq!(kept.len(), 2);

    // And round again: no id is used twice.
    assert!(setup.keys.rotate(&actor, setup.clock.now()).await.unwrap());
    let next = setup.restarted().of(&actor).await.unwrap();
    assert!(ids(&next).is_disjoint(&ids(&first)));
}

async fn two_processes_cannot_both_take_a_step(setup: &Setup) {
    let actor = alice();
    let (one, two) = (setup.restarted(), setup.restarted());
    let (first, same) = tokio::join!(one.of(&actor), two.of(&actor));
    assert_eq!(first.unwrap().published(), same.unwrap().published());
    let now = setup.clock.now();
    let (a, b) = tokio::join!(one.rotate(&actor, now), two.rotate(&actor, now));
    assert_eq!(
        [a.unwrap(), b.unwrap()]
            .iter()
            .filter(|taken| **taken)
            .count(),
        1
    );
    setup.clock.advance(RotationPolicy::default().publish_for);
    let now = setup.clock.now();
    let (a, b) = tokio::join!(one.advance(now), two.advance(now));
    assert_eq!(a.unwrap().switched + b.unwrap().switched, 1);
    assert_eq!(setup.store.of_actor(&actor).await.unwrap().len(), 4);
}

#[tokio::test]
async fn in_memory() {
    keys_are_made_once(&Setup::on(Arc::new(MemoryKeyStore::default()))).await;
    a_rotation_goes_through_its_stages(&Setup::on(Arc::new(MemoryKeyStore::default()))).await;
    two_processes_cannot_both_take_a_step(&Setup::on(Arc::new(MemoryKeyStore::default()))).await;
}

#[tokio::test]
async fn keys_of_a_certain_age_rotate_by_themselves() {
    let clock = Arc::new(ManualClock::new(START));
    let policy = RotationPolicy {
        every: Some(Duration::from_hours(24)),
        ..RotationPolicy::default()
    };
    let store = Arc::new(MemoryKeyStore::default());
    let sealer = Arc::new(AesSealer::generate().unwrap());
    let keys = LocalKeys::new(store, sealer, Arc::<ManualClock>::clone(&clock), policy);
    keys.of(&alice()).await.unwrap();
    assert_eq!(keys.advance(START).await.unwrap().total(), 0);
    clock.advance(Duration::from_hours(24));
    assert_eq!(keys.advance(clock.now()).await.unwrap().published, 1);
    assert_eq!(keys.advance(clock.now()).await.unwrap().total(), 0);
}

/// A store that cannot give the keys of one actor, once it is told so.
#[derive(Debug)]
struct Torn {
    keys: MemoryKeyStore,
    actor: Url,
    torn: AtomicBool,
}

impl LocalKeyStore for Torn {
    fn of_actor<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>> {
        if self.torn.load(Ordering::SeqCst) && *actor == self.actor {
            let error = StoreError::new(std::io::Error::other("torn"), false);
            return Box::pin(async { Err(error) });
        }
        self.keys.of_actor(actor)
    }

    fn change(&self, change: KeyChange) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.keys.change(change)
    }

    fn due(
        &self,
        stage: KeyStage,
        since: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Url>, StoreError>> {
        self.keys.due(stage, since, limit)
    }
}

#[tokio::test]
async fn an_actor_whose_keys_cannot_be_had_holds_up_nobody() {
    let actors: Vec<Url> = ["alice", "bob", "carol"]
        .iter()
        .map(|name| Url::parse(&format!("https://here.example/users/{name}")).unwrap())
        .collect();
    for actor in &actors {
        let torn = Arc::new(Torn {
            keys: MemoryKeyStore::default(),
            actor: actor.clone(),
            torn: AtomicBool::new(false),
        });
        let setup = Setup::on(Arc::<Torn>::clone(&torn));
        for actor in &actors {
            setup.keys.of(actor).await.unwrap();
            assert!(setup.keys.rotate(actor, START).await.unwrap());
        }
        torn.torn.store(true, Ordering::SeqCst);
        setup.clock.advance(RotationPolicy::default().publish_for);
        assert_eq!(setup.advance().await.switched, 2);
        setup.clock.advance(RotationPolicy::default().overlap);
        assert_eq!(setup.advance().await.retired, 2);
        // The one that was left is taken up once its keys are there again.
        torn.torn.store(false, Ordering::SeqCst);
        assert_eq!(setup.advance().await.switched, 1);
    }
}

#[test]
fn sealed_keys_are_bound_to_their_ids() {
    let aes = AesSealer::new([1; 32]);
    let sealed = aes.seal(b"secret", "https://a.example/#k").unwrap();
    assert_eq!(
        aes.open(&sealed, "https://a.example/#k").unwrap(),
        b"secret"
    );
    assert!(aes.open(&sealed, "https://a.example/#l").is_err());
    assert!(
        AesSealer::new([2; 32])
            .open(&sealed, "https://a.example/#k")
            .is_err()
    );
    for length in 0..sealed.len() {
        assert!(aes.open(&sealed[..length], "https://a.example/#k").is_err());
    }
    assert!(!format!("{aes:?}").contains('1'));
}

#[cfg(feature = "diesel")]
mod in_databases {
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::store::sql::{DatabaseError, OnKeyChange, SqlKeyStore, federation_migrations};
    use crate::testing::{TestDatabase, on_each_backend};

    #[test]
    fn the_same_in_databases() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let store = SqlKeyStore::new(database.clone());
            let setup = Setup::on(Arc::new(store));
            keys_are_made_once(&setup).await;
            a_rotation_goes_through_its_stages(&setup).await;
            database.close().await;
        });
    }

    #[test]
    fn two_processes_on_one_database() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let setup = Setup::on(Arc::new(SqlKeyStore::new(database.clone())));
            two_processes_cannot_both_take_a_step(&setup).await;
            database.close().await;
        });
    }

    #[test]
    fn a_step_and_what_follows_from_it_are_one() {
        on_each_backend(async |test: TestDatabase| {
            let database = test.open(federation_migrations()).await;
            let told = Arc::new(AtomicUsize::new(0));
            let fails = Arc::new(AtomicBool::new(true));
            let follow: OnKeyChange = {
                let (told, fails) = (Arc::clone(&told), Arc::clone(&fails));
                Arc::new(move |_connection, change| {
                    assert_eq!(change.published.len(), 4);
                    assert_eq!(change.prover.key().algorithm(), Algorithm::Ed25519);
                    if fails.load(Ordering::SeqCst) {
                        return Err(DatabaseError::Malformed { what: "test" });
                    }
                    told.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            };
            let store = SqlKeyStore::new(database.clone()).on_change(follow);
            let setup = Setup::on(Arc::new(store));
            setup.keys.of(&alice()).await.unwrap();
            assert!(setup.keys.rotate(&alice(), START).await.is_err());
            // Nothing of it happened, as if the process had been killed in the middle.
            assert_eq!(setup.store.of_actor(&alice()).await.unwrap().len(), 2);
            fails.store(false, Ordering::SeqCst);
            assert!(setup.keys.rotate(&alice(), START).await.unwrap());
            assert_eq!(setup.store.of_actor(&alice()).await.unwrap().len(), 4);
            setup.clock.advance(RotationPolicy::default().publish_for);
            assert_eq!(setup.advance().await.switched, 1);
            assert_eq!(told.load(Ordering::SeqCst), 2);
            database.close().await;
        });
    }
}
