//! The environment cannot put a proxy between the guard and the address it checked.

use std::process::Command;

use super::*;

/// Set for the run of this test that has the proxies in its environment.
const TARGET: &str = "FEDERATION_CORE_TEST_TARGET";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attack_54_ignores_the_proxies_of_the_environment() {
    if let Some(target) = std::env::var_os(TARGET) {
        let target = target.into_string().unwrap();
        let answer = get(Url::parse(&target).unwrap()).await.unwrap();
        assert_eq!(&answer.body[..], b"direct");
        return;
    }
    let proxy = Server::answering(|_| with_body("proxied")).await;
    let direct = Server::answering(|_| with_body("direct")).await;
    let mut again = Command::new(std::env::current_exe().unwrap());
    again
        .args(["--exact", "--test-threads=1"])
        .arg("fetch::client::tests::proxy::attack_54_ignores_the_proxies_of_the_environment")
        .env(TARGET, direct.url("/").as_str())
        .env_remove("no_proxy")
        .env_remove("NO_PROXY");
    for name in [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "all_proxy",
        "ALL_PROXY",
    ] {
        again.env(name, proxy.url("").as_str());
    }
    let outcome = tokio::task::spawn_blocking(move || again.output());
    let outcome = outcome.await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&outcome.stdout).into_owned();
    assert!(outcome.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 0);
    assert_eq!(direct.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn attack_55_a_body_that_claims_to_unfold_stays_folded() {
    for encoding in [
        "gzip",
        "deflate",
        "br",
        "zstd",
        "gzip, gzip",
        "x-gzip",
        "identity, gzip",
    ] {
        let server = Server::answering(move |_| {
            format!("{OK}Content-Encoding: {encoding}\r\nContent-Length: 2\r\n\r\n\x1f\x0b")
        })
        .await;
        let outcome = get(server.url("/")).await;
        assert!(matches!(outcome, Err(FetchError::Encoding)), "{encoding}");
    }
    // Compressed in transfer, which was not asked for either: bytes at most, never unfolded.
    let server = Server::start(|mut stream, _| async move {
        let head = format!("{OK}Transfer-Encoding: gzip, chunked\r\n\r\n");
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.write_all(b"2\r\n\x1f\x8b\r\n0\r\n\r\n").await;
    })
    .await;
    match get(server.url("/")).await {
        Ok(answer) => assert_eq!(&answer.body[..], b"\x1f\x8b"),
        Err(error) => assert!(matches!(error, FetchError::Interrupted(_)), "{error:?}"),
    }
}

#[tokio::test]
async fn attack_55_chunks_of_every_size_are_counted() {
    for size in [1, 7, 100] {
        let server = Server::start(move |mut stream, _| async move {
            let head = format!("{OK}Transfer-Encoding: chunked\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = format!("{size:x}\r\n{}\r\n", "x".repeat(size));
            for _ in 0..2_000 {
                if stream.write_all(chunk.as_bytes()).await.is_err() {
                    return;
                }
            }
            let _ = stream.write_all(b"0\r\n\r\n").await;
        })
        .await;
        let outcome = get(server.url("/")).await;
        assert!(
            matches!(outcome, Err(FetchError::TooLarge { limit: 1000 })),
            "{size}"
        );
    }
}
