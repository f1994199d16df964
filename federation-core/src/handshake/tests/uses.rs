//! Sessions in use: authorised at each, and ended while something is open in them.

use tokio_util::sync::CancellationToken;

use super::*;

/// The session behind what a holder was granted.
async fn session(world: &World, granted: &Value) -> NodeSession {
    let token = granted["session_token"].as_str().unwrap();
    world.authorise(token, Scope::Stream).await.unwrap()
}

#[test]
fn handshake_session_revoked_during_use_ends_its_watches_at_once() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let granted = world.open(&node, None, &["stream"]).await;
        let session = session(&world, &granted).await;
        let mut announced = world.sessions.revoked();
        let mut watch = world.sessions.watch(&session);
        let mut other = world.sessions.watch(&session);
        let by_id = json!({"session_id": granted["session_id"]});
        let call = world.call(REVOKE_PATH, &node, &by_id);
        let (ended, answer) = tokio::join!(watch.ended(), call);
        answer.expect(200);
        assert_eq!(ended, Ended::Revoked);
        assert_eq!(other.ended().await, Ended::Revoked);
        assert_eq!(announced.recv().await.unwrap(), session.id);
        // One that begins too late hears of it, too.
        assert_eq!(world.sessions.watch(&session).ended().await, Ended::Revoked);
        let token = granted["session_token"].as_str().unwrap();
        let refused = world.authorise(token, Scope::Stream).await.unwrap_err();
        assert_eq!(
            (refused.code(), refused.status()),
            ("invalid_token", StatusCode::UNAUTHORIZED)
        );
    });
}

#[test]
fn handshake_session_revoked_by_another_process_ends_its_watches_within_a_second() {
    on_each_store(async |store| {
        let here = World::new(Arc::clone(&store));
        let there = World::new(store);
        let node = here.node(HOLDER);
        let granted = here.open(&node, None, &["stream"]).await;
        let session = session(&here, &granted).await;
        let mut watch = here.sessions.watch(&session);
        let shutdown = CancellationToken::new();
        let (following, stop) = (here.sessions.clone(), shutdown.clone());
        let following = tokio::spawn(async move { following.follow(stop).await });

        there.sessions.revoke(session.id, START).await.unwrap();
        let clock = Arc::clone(&here.clock);
        let seen = tokio::spawn(async move { watch.ended().await });
        // It looks every 400 ms; where in the first turn the end falls is left to chance.
        let mut seen = seen;
        for _ in 0..2 {
            clock.advance(Duration::from_millis(400));
            let patience = Duration::from_secs(3);
            if tokio::time::timeout(patience, &mut seen)
                .await
                .is_ok_and(|seen| seen.unwrap() == Ended::Revoked)
            {
                shutdown.cancel();
                following.await.unwrap();
                return;
            }
        }
        panic!("not seen within a second");
    });
}

#[test]
fn handshake_holder_blocked_during_use_loses_what_is_open() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let granted = world.open(&node, None, &["stream"]).await;
        let session = session(&world, &granted).await;
        let mut watch = world.sessions.watch(&session);
        world.blocked.block("holder.example").unwrap();
        let shutdown = CancellationToken::new();
        let (following, stop) = (world.sessions.clone(), shutdown.clone());
        let following = tokio::spawn(async move { following.follow(stop).await });
        assert_eq!(watch.ended().await, Ended::Blocked);
        shutdown.cancel();
        following.await.unwrap();
        // And it stays ended when the block is lifted.
        world.blocked.unblock("holder.example");
        let token = granted["session_token"].as_str().unwrap();
        let refused = world.authorise(token, Scope::Stream).await.unwrap_err();
        assert_eq!(refused.code(), "invalid_token");
    });
}

#[test]
fn handshake_session_that_expires_during_use_ends_its_watches() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let granted = world.open(&node, None, &["stream"]).await;
        let session = session(&world, &granted).await;
        let mut watch = world.sessions.watch(&session);
        let waiting = tokio::spawn(async move { watch.ended().await });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        world.clock.advance(MAX_SESSION_LIFETIME);
        assert_eq!(waiting.await.unwrap(), Ended::Expired);
    });
}

#[test]
fn tokens_of_every_shape_open_nothing() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        let granted = world.open(&node, None, &["stream"]).await;
        let token = granted["session_token"].as_str().unwrap();
        let other = if token.starts_with('A') { "B" } else { "A" };
        let changed = format!("{other}{}", token.get(1..).unwrap());
        for wrong in [
            "",
            " ",
            &format!("{token} "),
            &format!("{token}="),
            &token.to_lowercase(),
            &changed,
            token.get(..42).unwrap(),
            &"x".repeat(100_000),
            granted["session_id"].as_str().unwrap(),
        ] {
            let refused = world.authorise(wrong, Scope::Stream).await.unwrap_err();
            assert_eq!(refused.code(), "invalid_token", "{}", wrong.len());
        }
        assert!(world.authorise(token, Scope::Stream).await.is_ok());
    });
}
