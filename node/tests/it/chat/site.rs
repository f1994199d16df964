//! A site on this machine whose pages are ordinary, or misbehave in every way that costs something.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const HTML: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n";

/// What `/page` says of itself.
pub(crate) const PAGE: &str = "<!doctype html><html><head><title>Not this</title>\
    <meta property=\"og:title\" content=\"Tea &amp; cake\">\
    <meta property=\"og:description\" content=\"How <b>we</b> drink it\">\
    <meta property=\"og:site_name\" content=\"The kettle\">\
    <meta property=\"og:image\" content=\"https://a.example/tea.png\"></head><body>…</body></html>";

/// A running site; it ends with the test.
pub(crate) struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let noted = Arc::clone(&noted);
                tokio::spawn(async move {
                    let path = path(&mut stream).await;
                    noted.lock().unwrap().push(path.clone());
                    answer(&mut stream, &path).await;
                });
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same page under another name of this machine.
    pub(crate) fn by_name(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// The paths that were asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// The path of the request on a new connection.
async fn path(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(1) => read.push(byte[0]),
            _ => return String::new(),
        }
    }
    let head = String::from_utf8(read).unwrap().to_lowercase();
    assert!(head.contains("accept: text/html"), "{head}");
    assert!(head.contains("accept-encoding: identity"), "{head}");
    for told in ["cookie:", "authorization:", "signature:", "referer:"] {
        assert!(!head.contains(told), "{head}");
    }
    head.split(' ').nth(1).unwrap_or_default().to_owned()
}

fn page(html: &str) -> String {
    format!(
        "{HTML}Content-Length: {}\r\nConnection: close\r\n\r\n{html}",
        html.len()
    )
}

fn redirect(to: &str) -> String {
    format!(
        "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

async fn answer(stream: &mut TcpStream, path: &str) {
    let many = || -> String {
        let tag = |number| format!("<meta name=n{number} content=x>");
        (0..100_000).map(tag).collect()
    };
    let text = match path {
        "/page" => page(PAGE),
        "/hop" => redirect("/page"),
        "/private" => redirect("http://10.0.0.1/page"),
        "/file" => redirect("file:///etc/passwd"),
        "/circle" => redirect("/circle"),
        "/many" => page(&format!(
            "<title>Many</title>{}<title>Behind</title>",
            many()
        )),
        "/script" => page(
            "<script>'<meta property=\"og:title\" content=\"false\">'</script>\
             <title><script>alert(1)</script></title>",
        ),
        "/image" => "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 1\r\n\
             Connection: close\r\n\r\n\u{1}"
            .to_owned(),
        "/bomb" => format!(
            "{HTML}Content-Encoding: gzip\r\nContent-Length: 20\r\nConnection: close\r\n\r\n\
             01234567890123456789"
        ),
        "/bare" => page("<p>nothing"),
        "/endless" => {
            let begin = format!("{HTML}\r\n<title>Endless</title>");
            let mut sent = stream.write_all(begin.as_bytes()).await;
            while sent.is_ok() {
                sent = stream.write_all(&[b'x'; 4096]).await;
            }
            return;
        }
        "/slow" => {
            let _ = stream.write_all(HTML.as_bytes()).await;
            // Until the other side gives up.
            let _ = stream.read(&mut [0; 1]).await;
            return;
        }
        _ => "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 21\r\n\
             Connection: close\r\n\r\n<title>Error</title>!"
            .to_owned(),
    };
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.shutdown().await;
}
