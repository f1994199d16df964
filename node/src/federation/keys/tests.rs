//! Keys are made once, survive restarts, and open only where they were sealed.

use federation_core::clock::SystemClock;
use federation_core::testing::{TestDatabase, on_each_backend};

use super::*;
use crate::platform::db::migrations;

fn alice() -> Url {
    Url::parse("https://here.example/users/alice").unwrap()
}

fn keys_on(database: &Database, directory: &std::path::Path) -> LocalKeys {
    let keyring = Arc::new(Keyring::open(directory).unwrap());
    LocalKeys::new(database.clone(), keyring, Arc::new(SystemClock))
}

#[test]
fn keys_are_made_once_and_kept() {
    on_each_backend(async |test: TestDatabase| {
        let directory = tempfile::tempdir().unwrap();
        let database = test.open(migrations()).await;
        let keys = keys_on(&database, directory.path());
        let actor = alice();
        let (one, two) = tokio::join!(keys.of(&actor), keys.of(&actor));
        let (one, two) = (one.unwrap(), two.unwrap());
        let pem = |keys: &ActorKeys| keys.rsa.key().public_key().to_pem().unwrap();
        assert_eq!(pem(&one), pem(&two));
        assert_eq!(
            one.rsa.key_id().as_str(),
            "https://here.example/users/alice#main-key"
        );
        let again = keys_on(&database, directory.path());
        assert_eq!(pem(&again.of(&actor).await.unwrap()), pem(&one));

        let elsewhere = tempfile::tempdir().unwrap();
        let other = keys_on(&database, elsewhere.path());
        let refused = other.of(&actor).await.unwrap_err();
        assert!(matches!(refused, LocalKeyError::Sealed(_)), "{refused}");
        database.close().await;
    });
}
