//! The network's own behaviour.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::*;
use crate::clock::Clock as _;
use crate::fetch::{FetchError, FetchLimits, OutboundRequest, OutboundResponse};

async fn get(from: &Host, to: &Host) -> Result<OutboundResponse, FetchError> {
    let request = OutboundRequest::get(to.url("/x?y"), FetchLimits::document());
    from.transport().execute(request).await
}

fn pair(network: &Network) -> (Host, Host, Arc<AtomicUsize>) {
    let (here, there) = (network.host("here.example"), network.host("there.example"));
    let handled = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&handled);
    there.mount(move |request: Request<Bytes>| {
        assert_eq!(request.uri(), "/x?y");
        assert_eq!(request.headers()["host"], "there.example");
        count.fetch_add(1, Ordering::Relaxed);
        async { Response::new(Bytes::from_static(b"yes")) }
    });
    (here, there, handled)
}

/// Thirty clients of one host in a storm, with a crash and a partition.
fn storm(seed: u64) -> Trace {
    simulate(seed, async |network| {
        let (_, there, _) = pair(&network);
        network.set_conditions(Conditions::stormy(0.3));
        for n in 0..30 {
            let host = network.host(&format!("n{n}.example"));
            let (from, to) = (host.clone(), there.clone());
            host.spawn(async move {
                for _ in 0..10 {
                    let _lost_or_not = get(&from, &to).await;
                }
            });
        }
        sleep(Duration::from_secs(1)).await;
        network.partition([["n1.example", "n2.example"].as_slice()]);
        network.host("n3.example").crash().await;
        sleep(Duration::from_secs(20)).await;
        network.heal();
        sleep(Duration::from_mins(10)).await;
        network.trace()
    })
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let first = storm(11);
    assert_eq!(first, storm(11));
    assert_ne!(first.hash, storm(12).hash);
    assert!(first.count(|event| matches!(event, Event::Answered(200))) > 150);
    for wanted in ["RequestLost", "AnswerLost", "Doubled", "CutOff"] {
        let seen = first.count(|event| format!("{event:?}").starts_with(wanted));
        assert!(seen > 0, "no {wanted} in {:?}", first.counts);
    }
}

#[test]
fn a_lost_answer_has_had_its_effect_and_a_lost_request_has_not() {
    simulate(1, async |network| {
        let (here, there, handled) = pair(&network);
        let mut lossy = Conditions::calm();
        lossy.request_lost = 1.0;
        lossy.lost_in_silence = 1.0;
        network.set_way(here.name(), there.name(), lossy.clone());
        let started = Instant::now();
        let fault = get(&here, &there).await.unwrap_err();
        assert!(matches!(fault, FetchError::Timeout { .. }));
        assert_eq!(started.elapsed(), Duration::from_secs(10));
        assert_eq!(handled.load(Ordering::Relaxed), 0);

        lossy.request_lost = 0.0;
        lossy.answer_lost = 1.0;
        lossy.lost_in_silence = 0.0;
        network.set_way(here.name(), there.name(), lossy);
        let fault = get(&here, &there).await.unwrap_err();
        assert!(matches!(fault, FetchError::Interrupted(_)));
        assert_eq!(handled.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_partition_cuts_off_also_what_is_under_way() {
    simulate(1, async |network| {
        let (here, there, handled) = pair(&network);
        let mut slow = Conditions::calm();
        slow.delay = Duration::from_secs(2)..=Duration::from_secs(2);
        network.set_conditions(slow);
        let asked = async { get(&here, &there).await };
        let cut = async {
            sleep(Duration::from_secs(1)).await;
            network.partition([["here.example"].as_slice()]);
        };
        let (answer, ()) = tokio::join!(asked, cut);
        assert!(matches!(answer, Err(FetchError::Timeout { .. })));
        assert_eq!(handled.load(Ordering::Relaxed), 0);
        network.heal();
        assert_eq!(get(&here, &there).await.unwrap().body, "yes");
    });
}

#[test]
fn a_crash_drops_tasks_where_they_wait_and_breaks_requests_off() {
    simulate(1, async |network| {
        let (here, there) = (network.host("here.example"), network.host("there.example"));
        let steps = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&steps);
        there.mount(move |_: Request<Bytes>| {
            let count = Arc::clone(&count);
            async move {
                count.fetch_add(1, Ordering::Relaxed);
                sleep(Duration::from_secs(5)).await;
                count.fetch_add(100, Ordering::Relaxed);
                Response::new(Bytes::new())
            }
        });
        let crash = async {
            sleep(Duration::from_secs(2)).await;
            there.crash().await;
        };
        let (answer, ()) = tokio::join!(get(&here, &there), crash);
        assert!(matches!(answer, Err(FetchError::Interrupted(_))));
        sleep(Duration::from_mins(1)).await;
        assert_eq!(steps.load(Ordering::Relaxed), 1);
        assert!(!there.is_up());
        assert!(matches!(
            get(&here, &there).await,
            Err(FetchError::Connect(_))
        ));
        let nobody = network.host("nobody.example");
        assert!(matches!(
            get(&here, &nobody).await,
            Err(FetchError::Connect(_))
        ));
    });
}

#[test]
fn what_has_left_arrives_although_its_sender_has_crashed() {
    simulate(1, async |network| {
        let (here, there, handled) = pair(&network);
        let (from, to) = (here.clone(), there.clone());
        here.spawn(async move {
            let _never_seen = get(&from, &to).await;
        });
        tokio::task::yield_now().await;
        here.crash().await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(handled.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn clocks_of_hosts_can_differ() {
    simulate(1, async |network| {
        let (here, there, _) = pair(&network);
        there.clock().set_ahead(-3_000);
        assert_eq!(here.clock().now().since(there.clock().now()).as_secs(), 3);
        let before = network.now();
        let wake = there.clock().now().plus(Duration::from_secs(9));
        there.clock().sleep_until(wake).await;
        assert_eq!(network.now().since(before), Duration::from_secs(9));
    });
}

#[test]
fn redirects_and_limits_hold_as_they_do_outside() {
    simulate(1, async |network| {
        let (here, there) = (network.host("here.example"), network.host("there.example"));
        there.mount(|request: Request<Bytes>| async move {
            let mut answer = Response::new(Bytes::from(vec![b'x'; 2000]));
            if request.uri() == "/from" {
                *answer.status_mut() = StatusCode::FOUND;
                let target = "https://there.example/to".parse().unwrap();
                answer.headers_mut().insert("location", target);
            }
            answer
        });
        let limits = FetchLimits::document();
        let get = |limits| OutboundRequest::get(there.url("/from"), limits);
        let web = here.transport();
        let answer = web.execute(get(limits)).await.unwrap();
        assert_eq!(answer.final_url, there.url("/to"));
        let fault = web.execute(get(limits.with_max_bytes(1999))).await;
        assert!(matches!(fault, Err(FetchError::TooLarge { .. })));
        let inside = "https://127.0.0.1/".parse().unwrap();
        let fault = web.execute(OutboundRequest::get(inside, limits)).await;
        assert!(matches!(fault, Err(FetchError::Refused(_))));
    });
}

#[test]
#[should_panic(expected = "a task on there.example panicked: no good")]
fn a_panic_on_a_host_fails_the_test() {
    simulate(1, async |network| {
        let there = network.host("there.example");
        there.spawn(async { panic!("no good") });
        sleep(Duration::from_secs(1)).await;
    });
}

#[cfg(feature = "axum")]
#[test]
fn a_router_is_an_endpoint() {
    simulate(1, async |network| {
        let (here, there) = (network.host("here.example"), network.host("there.example"));
        let routes = axum::Router::new().route("/x", axum::routing::get(|| async { "routed" }));
        there.mount(routes);
        assert_eq!(get(&here, &there).await.unwrap().body, "routed");
    });
}

#[cfg(feature = "diesel")]
#[test]
fn time_stands_still_while_a_database_works() {
    use crate::store::sql::{Backend, Connection, DatabaseError, federation_migrations};
    use crate::testing::TestDatabase;

    simulate(1, async |network| {
        let test = TestDatabase::create(Backend::Sqlite);
        let database = test.open(federation_migrations()).await;
        let before = network.now();
        let waiting = tokio::time::timeout(
            Duration::from_millis(1),
            database.write(|_: &mut Connection| {
                std::thread::sleep(Duration::from_millis(20));
                Ok::<_, DatabaseError>(())
            }),
        );
        assert!(waiting.await.is_ok(), "time ran ahead of the database");
        assert_eq!(network.now(), before);
        database.close().await;
    });
}
