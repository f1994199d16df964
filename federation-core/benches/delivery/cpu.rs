//! CPU time of this process, and what the pieces that cannot be avoided cost of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use federation_core::signature::SigningKey;
use openssl::ssl::{SslConnector, SslMethod, SslVersion};

use crate::network::{Network, address, name};

/// The kernel counts in hundredths of a second, whatever its own clock is (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// CPU time of this process so far: in user space and in the kernel, threads that ended counted.
pub(crate) fn now() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux with /proc");
    // The name of the program may hold anything but ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks: u32 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u32>().expect("a number"))
        .sum();
    TICK * ticks
}

/// CPU time since `start`, for each of `count`.
pub(crate) fn each(start: Duration, count: u32) -> Duration {
    now().saturating_sub(start) / count
}

/// Of one signature, on all cores at once.
pub(crate) fn per_signature(key: &SigningKey) -> Duration {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let start = now();
    let count: u32 = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores)
            .map(|_| {
                scope.spawn(|| {
                    let (begun, mut count) = (Instant::now(), 0);
                    while begun.elapsed() < Duration::from_secs(3) {
                        for _ in 0..16 {
                            key.key().sign(&[7; 220]).unwrap();
                        }
                        count += 16;
                    }
                    count
                })
            })
            .collect();
        threads.into_iter().map(|one| one.join().unwrap()).sum()
    });
    each(start, count)
}

/// Of one TLS 1.3 connection as client: connect, shake hands, close.
pub(crate) fn per_handshake(network: &Network) -> Duration {
    const COUNT: u32 = 3000;
    let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
    connector.set_ca_file(network.authority()).unwrap();
    connector
        .set_min_proto_version(Some(SslVersion::TLS1_3))
        .unwrap();
    let connector = connector.build();
    let start = now();
    for n in 0..COUNT {
        let host = usize::try_from(n).unwrap() % 1000;
        let stream = TcpStream::connect((address(host), network.port())).unwrap();
        stream.set_nodelay(true).unwrap();
        let mut stream = connector.connect(&name(host), stream).unwrap();
        // The tickets of the server come with its first answer, as for any client.
        stream
            .write_all(b"POST /close HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        let _closed = stream.read_to_end(&mut answer);
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{answer:?}");
    }
    each(start, COUNT)
}
