//! The client against servers on loopback that misbehave in every way that costs something.

mod proxy;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderMap;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::fetch::limits::FetchLimits;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/activity+json\r\n";

/// A server that treats every connection alike; counts them.
struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    async fn start<F, R>(treat: F) -> Self
    where
        F: Fn(TcpStream, String) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (counter, treat) = (Arc::clone(&connections), Arc::new(treat));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let treat = Arc::clone(&treat);
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    treat(stream, head).await;
                });
            }
        });
        Self {
            address,
            connections,
        }
    }

    /// A server that answers every request on a connection with the text that `answer` gives.
    async fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::start(move |mut stream, mut request| {
            let answer = Arc::clone(&answer);
            async move {
                while !request.is_empty() {
                    let text = answer(&request);
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                    request = head(&mut stream).await;
                }
            }
        })
        .await
    }

    fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).unwrap()
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => read.push(byte[0]),
            _ => return String::new(),
        }
    }
    String::from_utf8(read).unwrap()
}

fn lab() -> GuardPolicy {
    GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse().unwrap()], true)
}

fn client() -> GuardedClient {
    GuardedClient::new(ClientConfig::new("folkmoot-test", lab())).unwrap()
}

fn limits() -> FetchLimits {
    FetchLimits::document()
        .with_deadline(Duration::from_millis(400))
        .with_max_bytes(1000)
}

async fn get(url: Url) -> Result<OutboundResponse, FetchError> {
    client().execute(OutboundRequest::get(url, limits())).await
}

fn with_body(body: &str) -> String {
    format!("{OK}Content-Length: {}\r\n\r\n{body}", body.len())
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn reads_an_answer_and_uses_the_connection_again() {
    let server = Server::answering(with_body).await;
    let client = client();
    for path in ["/one", "/two"] {
        let request = OutboundRequest::get(server.url(path), limits());
        let answer = client.execute(request).await.unwrap();
        let echoed = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(
            echoed.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
            "{echoed}"
        );
        assert!(echoed.contains("user-agent: folkmoot-test\r\n"), "{echoed}");
        assert!(echoed.contains("accept-encoding: identity\r\n"), "{echoed}");
        assert_eq!(answer.final_url, server.url(path));
        assert_eq!(answer.peer, Some(server.address));
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn attack_56_gives_up_on_a_server_that_never_answers() {
    let server = Server::start(|stream, _| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let started = Instant::now();
    let outcome = get(server.url("/")).await;
    assert!(matches!(outcome, Err(FetchError::Timeout { .. })));
    assert!(outcome.unwrap_err().is_retryable());
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn attack_56_gives_up_on_a_body_that_drips() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(format!("{OK}\r\n").as_bytes()).await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    let started = Instant::now();
    assert!(matches!(
        get(server.url("/")).await,
        Err(FetchError::Timeout { .. })
    ));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn attack_56_gives_up_on_headers_that_drip() {
    let server = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while stream.write_all(b"X: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    assert!(get(server.url("/")).await.is_err());
}

#[tokio::test]
async fn attack_56_stops_reading_an_endless_body() {
    for framing in ["", "Transfer-Encoding: chunked\r\n"] {
        let server = Server::start(move |mut stream, _| async move {
            let _ = stream
                .write_all(format!("{OK}{framing}\r\n").as_bytes())
                .await;
            let piece = format!("200\r\n{}\r\n", "x".repeat(512));
            while stream.write_all(piece.as_bytes()).await.is_ok() {}
        })
        .await;
        let outcome = get(server.url("/")).await;
        assert!(
            matches!(outcome, Err(FetchError::TooLarge { limit: 1000 })),
            "{framing:?}"
        );
    }
}

#[tokio::test]
async fn attack_56_takes_the_beginning_of_an_endless_body_where_that_is_enough() {
    let endless = Server::start(|mut stream, _| async move {
        let _ = stream.write_all(format!("{OK}\r\n").as_bytes()).await;
        while stream.write_all(&[b'x'; 700]).await.is_ok() {}
    })
    .await;
    let announced = Server::answering(|_| with_body(&"x".repeat(1001))).await;
    let short = Server::answering(|_| with_body("xx")).await;
    for (server, length) in [(&endless, 1000), (&announced, 1000), (&short, 2)] {
        let request = OutboundRequest::get(server.url("/"), limits().cutting());
        let answer = client().execute(request).await.unwrap();
        assert_eq!(answer.body.len(), length);
    }
}

#[tokio::test]
async fn attack_56_refuses_an_announced_length_over_the_limit() {
    let server = Server::answering(|_| format!("{OK}Content-Length: 99999999999999\r\n\r\n")).await;
    assert!(matches!(
        get(server.url("/")).await,
        Err(FetchError::TooLarge { .. })
    ));
    let exact = Server::answering(|_| with_body(&"x".repeat(1000))).await;
    assert_eq!(get(exact.url("/")).await.unwrap().body.len(), 1000);
}

#[tokio::test]
async fn attack_55_refuses_a_compressed_body() {
    let server =
        Server::answering(|_| format!("{OK}Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"))
            .await;
    assert!(matches!(
        get(server.url("/")).await,
        Err(FetchError::Encoding)
    ));
}

#[tokio::test]
async fn attack_53_ends_redirect_loops_and_long_chains() {
    let own = Server::answering(|_| redirect("/loop")).await;
    assert!(matches!(
        get(own.url("/loop")).await,
        Err(FetchError::TooManyRedirects { .. })
    ));
    let chain = Server::answering(|request| {
        let depth = request.matches('x').count();
        redirect(&format!("/{}", "x".repeat(depth + 1)))
    })
    .await;
    assert!(matches!(
        get(chain.url("/")).await,
        Err(FetchError::TooManyRedirects { limit: 3 })
    ));
    let short = Server::answering(|request| {
        if request.contains("/end") {
            with_body("end")
        } else {
            redirect("/end")
        }
    })
    .await;
    let answer = get(short.url("/")).await.unwrap();
    assert_eq!(
        (&answer.body[..], answer.final_url),
        (&b"end"[..], short.url("/end"))
    );
}

#[tokio::test]
async fn attack_47_checks_every_hop_of_a_redirect() {
    for inside in [
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/",
        "http://0.0.0.0:8080/",
        "http://3232235521.:80/",
        "http://192.168.0.1:4000/x",
        "http://user@127.0.0.1:4000/",
        "ftp://127.0.0.1/",
    ] {
        let server = Server::answering(move |_| redirect(inside)).await;
        let outcome = get(server.url("/")).await;
        assert!(
            matches!(outcome, Err(FetchError::Refused(_))),
            "{inside}: {outcome:?}"
        );
        assert!(!outcome.unwrap_err().is_retryable());
    }
}

#[tokio::test]
async fn attack_53_never_redirects_a_post_nor_a_signed_get() {
    let server = Server::answering(|_| redirect("/elsewhere")).await;
    let post = OutboundRequest::post(server.url("/"), HeaderMap::new(), Bytes::new(), limits());
    assert_eq!(client().execute(post).await.unwrap().status, 302);
    let mut signed = OutboundRequest::get(server.url("/"), limits());
    signed
        .headers
        .insert(SIGNATURE, HeaderValue::from_static("keyId=\"x\""));
    assert_eq!(client().execute(signed).await.unwrap().status, 302);
}

#[derive(Debug)]
struct Lookup(Vec<IpAddr>);

impl NameLookup for Lookup {
    fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let addresses = self.0.clone();
        Box::pin(async move { Ok(addresses) })
    }
}

fn resolving(policy: GuardPolicy, addresses: &[&str]) -> GuardedClient {
    let mut config = ClientConfig::new("folkmoot-test", policy);
    let addresses = addresses.iter().map(|text| text.parse().unwrap());
    config.lookup = Arc::new(Lookup(addresses.collect()));
    GuardedClient::new(config).unwrap()
}

#[tokio::test]
async fn attack_49_connects_only_to_addresses_that_the_resolver_let_through() {
    let server = Server::answering(with_body).await;
    let url = Url::parse(&format!("http://public.example:{}/", server.address.port())).unwrap();
    let public = GuardPolicy::with_private_ranges(Vec::new(), true);
    for inside in ["127.0.0.1", "::ffff:127.0.0.1", "10.0.0.1", "0.0.0.0", "::"] {
        let client = resolving(public.clone(), &[inside]);
        let outcome = client
            .execute(OutboundRequest::get(url.clone(), limits()))
            .await;
        let refused = FetchError::Refused(GuardError::Address {
            address: inside.parse().unwrap(),
        });
        assert_eq!(
            format!("{:?}", outcome.unwrap_err()),
            format!("{refused:?}")
        );
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    // Of several addresses only the allowed ones are used.
    let client = resolving(lab(), &["10.0.0.1", "127.0.0.1"]);
    let outcome = client.execute(OutboundRequest::get(url, limits())).await;
    assert_eq!(outcome.unwrap().peer, Some(server.address));
}

#[tokio::test]
async fn attack_51_refuses_a_delivery_inside() {
    let client = resolving(GuardPolicy::default(), &["127.0.0.1"]);
    for inbox in [
        "https://127.0.0.1/inbox",
        "https://[::1]/inbox",
        "https://internal.example/inbox",
    ] {
        let url = Url::parse(inbox).unwrap();
        let body = Bytes::from_static(b"{}");
        let post = OutboundRequest::post(url, HeaderMap::new(), body, FetchLimits::delivery());
        let outcome = client.execute(post).await;
        assert!(matches!(outcome, Err(FetchError::Refused(_))), "{inbox}");
    }
}

#[tokio::test]
async fn attack_54_sends_remote_text_only_as_the_url_encodes_it() {
    let server = Server::answering(with_body).await;
    let odd = server.url("/a\r\nX-Evil: 1\r\n/\u{0}?b=\r\nHost: evil");
    let answer = get(odd).await.unwrap();
    let echoed = String::from_utf8(answer.body.to_vec())
        .unwrap()
        .to_lowercase();
    assert!(!echoed.contains("\r\nx-evil"), "{echoed}");
    assert_eq!(echoed.matches("\r\nhost:").count(), 1, "{echoed}");
}

#[tokio::test]
async fn tells_a_refused_connection_from_an_answer_that_breaks_off() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/", free.local_addr().unwrap())).unwrap();
    drop(free);
    let outcome = get(url).await.unwrap_err();
    assert!(matches!(outcome, FetchError::Connect(_)), "{outcome:?}");
    let short = Server::start(|mut stream, _| async move {
        let _ = stream
            .write_all(format!("{OK}Content-Length: 9\r\n\r\nx").as_bytes())
            .await;
    })
    .await;
    let outcome = get(short.url("/")).await.unwrap_err();
    assert!(matches!(outcome, FetchError::Interrupted(_)), "{outcome:?}");
    let babble = Server::answering(|_| "220 smtp.example ESMTP\r\n".repeat(3)).await;
    let outcome = get(babble.url("/")).await.unwrap_err();
    assert!(matches!(outcome, FetchError::Interrupted(_)), "{outcome:?}");
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://{}/", plain.local_addr().unwrap())).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream
            .write_all(
                b"HTTP/1.1 400 Bad Request

",
            )
            .await
    });
    let outcome = get(url).await.unwrap_err();
    assert!(matches!(outcome, FetchError::Connect(_)), "{outcome:?}");
}

#[test]
fn names_what_is_wrong_with_extra_certificates() {
    let mut config = ClientConfig::new("folkmoot-test", GuardPolicy::default());
    config.extra_ca_file = Some("/nonexistent/ca.pem".into());
    let error = GuardedClient::new(config.clone()).unwrap_err();
    assert!(matches!(error, ClientError::ExtraCaFile { .. }));
    let empty = tempfile::NamedTempFile::new().unwrap();
    config.extra_ca_file = Some(empty.path().to_owned());
    let error = GuardedClient::new(config).unwrap_err();
    assert!(matches!(error, ClientError::NoExtraCa { .. }), "{error:?}");
}

#[tokio::test]
async fn sends_the_signed_host_once() {
    let server = Server::answering(with_body).await;
    let mut headers = HeaderMap::new();
    let authority = server.address.to_string();
    headers.insert("host", authority.parse().unwrap());
    headers.insert(
        "date",
        HeaderValue::from_static("Fri, 20 Nov 2026 16:05:42 GMT"),
    );
    let body = Bytes::from_static(b"{}");
    let post = OutboundRequest::post(server.url("/inbox?x=%20y"), headers, body, limits());
    let answer = client().execute(post).await.unwrap();
    let echoed = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(
        echoed.starts_with("POST /inbox?x=%20y HTTP/1.1\r\n"),
        "{echoed}"
    );
    assert_eq!(
        echoed.matches(&format!("host: {authority}\r\n")).count(),
        1,
        "{echoed}"
    );
    assert_eq!(
        echoed.to_lowercase().matches("host:").count(),
        1,
        "{echoed}"
    );
    assert!(echoed.contains("content-length: 2\r\n"), "{echoed}");
}

#[tokio::test]
async fn a_post_keeps_its_status_whatever_its_body_is() {
    for (status, rest) in [
        (
            "503 Service Unavailable",
            "Retry-After: 60\r\nContent-Length: 5000\r\n\r\n",
        ),
        (
            "202 Accepted",
            "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx",
        ),
        ("404 Not Found", "Connection: close\r\n\r\n"),
    ] {
        let body = "x".repeat(if status.starts_with("404") { 5000 } else { 0 });
        let server = Server::start(move |mut stream, _| {
            let text = format!("HTTP/1.1 {status}\r\n{rest}{body}");
            async move { stream.write_all(text.as_bytes()).await.unwrap() }
        })
        .await;
        let url = server.url("/inbox");
        let post = OutboundRequest::post(url, HeaderMap::new(), Bytes::new(), limits());
        let answer = client().execute(post).await.unwrap();
        assert!(status.starts_with(answer.status.as_str()), "{status}");
        assert!(answer.body.is_empty());
        assert_eq!(
            answer.headers.contains_key("retry-after"),
            status.starts_with("503")
        );
    }
}
