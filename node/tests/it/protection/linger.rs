//! Refusals reach clients that still send, by raw connections that see every reset.

use std::time::{Duration, Instant};

use federation_core::testing::{TestDatabase, on_each_backend};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::TestApp;

const CHUNK: usize = 64 * 1024;

async fn connect(app: &TestApp) -> TcpStream {
    TcpStream::connect(app.app().address()).await.unwrap()
}

/// One piece of a chunked body.
fn chunk() -> Vec<u8> {
    let mut piece = format!("{CHUNK:x}\r\n").into_bytes();
    piece.resize(piece.len() + CHUNK, b' ');
    piece.extend_from_slice(b"\r\n");
    piece
}

/// The head of the next answer, whose body is read too.
async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        assert_eq!(stream.read(&mut byte).await.unwrap(), 1, "no answer");
        bytes.extend_from_slice(&byte);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(0, |(_, length)| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    head
}

#[test]
fn a_refusal_is_read_by_a_client_that_sends_first() {
    on_each_backend(async |database: TestDatabase| {
        let app = TestApp::start(database).await;
        // The first is refused in the middle of the body, the second before it.
        for (path, status) in [("/inbox", "413"), ("/nothing", "404")] {
            let mut client = connect(&app).await;
            let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked");
            let head = format!("{head}\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            let piece = chunk();
            for _ in 0..(4 << 20) / CHUNK {
                client.write_all(&piece).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            client.write_all(b"0\r\n\r\n").await.unwrap();
            let refusal = answer(&mut client).await;
            assert!(
                refusal.starts_with(&format!("HTTP/1.1 {status}")),
                "{refusal}"
            );
            // The connection goes on.
            client
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
                .await
                .unwrap();
            let next = answer(&mut client).await;
            assert!(next.starts_with("HTTP/1.1 "), "{next}");
        }
        // With a length, and a connection that ends with the answer.
        let mut client = connect(&app).await;
        let size = 4 << 20;
        let head = "POST /inbox HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ";
        let head = format!("{head}{size}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        for _ in 0..size / CHUNK {
            client.write_all(&vec![b' '; CHUNK]).await.unwrap();
        }
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert!(all.starts_with("HTTP/1.1 413"), "{all}");
        app.stop().await;
    });
}

#[test]
fn attack_55_a_body_without_end_is_cut() {
    on_each_backend(async |database: TestDatabase| {
        let app = TestApp::start(database).await;
        let mut client = connect(&app).await;
        client
            .write_all(b"POST /inbox HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        let (piece, mut sent) = (chunk(), 0);
        while client.write_all(&piece).await.is_ok() {
            sent += CHUNK;
            assert!(sent < 64 << 20, "nobody cuts it");
        }
        assert!(sent >= 8 << 20, "cut after {sent} bytes");
        app.stop().await;
    });
}

#[test]
fn a_client_that_waits_to_be_asked_is_answered_at_once() {
    on_each_backend(async |database: TestDatabase| {
        let app = TestApp::start(database).await;
        let mut client = connect(&app).await;
        let started = Instant::now();
        client
            .write_all(
                b"POST /nothing HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
                  content-length: 1000000\r\n\r\n",
            )
            .await
            .unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert!(all.starts_with("HTTP/1.1 404"), "{all}");
        assert!(started.elapsed() < Duration::from_secs(5));
        app.stop().await;
    });
}
