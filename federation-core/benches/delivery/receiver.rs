//! The receiving process: takes every POST over HTTPS, with a thread for each connection.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use openssl::ssl::SslAcceptor;

use crate::certificate;
use crate::network::DOMAIN;

/// Makes this program the receiver; the directory for its files follows.
pub(crate) const ARGUMENT: &str = "--receive";

/// Serves until its parent ends it.
pub(crate) fn run(directory: &Path) {
    let acceptor = Arc::new(certificate::acceptor(
        DOMAIN,
        &directory.join("authority.pem"),
    ));
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    for stream in listener.incoming().flatten() {
        let acceptor = Arc::clone(&acceptor);
        thread::Builder::new()
            .stack_size(256 * 1024)
            .spawn(move || serve(&acceptor, stream))
            .unwrap();
    }
}

/// Answers until the other side ends; a path `/close` ends it from here.
fn serve(acceptor: &SslAcceptor, stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut stream = BufReader::with_capacity(16 * 1024, acceptor.accept(stream).ok()?);
    let mut line = String::new();
    loop {
        let (mut length, mut closes) = (0, false);
        loop {
            line.clear();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let text = line.trim_end().to_ascii_lowercase();
            if text.is_empty() {
                break;
            }
            closes |= text.starts_with("post /close");
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let answer: &[u8] = if closes {
            b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        } else {
            b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
        };
        stream.get_mut().write_all(answer).ok()?;
        if closes {
            let _ended = stream.get_mut().shutdown();
            return None;
        }
    }
}
