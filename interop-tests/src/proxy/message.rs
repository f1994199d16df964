//! HTTP/1.1 messages whose heads stay as they came, byte for byte.

use anyhow::Context as _;
use anyhow::Result;
use anyhow::ensure;
use tokio::io::AsyncBufRead;
use tokio::io::AsyncBufReadExt as _;
use tokio::io::AsyncReadExt as _;

/// The most of a head that is read, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The most of a body that is read, in bytes.
const MAX_BODY: usize = 32 * 1024 * 1024;
/// Headers that concern one connection alone, or the framing of the body.
const HOP: [&str; 6] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
];

/// A request or an answer; of its body only the chunked framing is undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// The first line and the headers, with the empty line that ends them.
    pub head: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// An answer with a status and no body.
    pub fn answer(status: u16) -> Self {
        Self {
            head: format!("HTTP/1.1 {status} From the proxy\r\n\r\n").into_bytes(),
            body: Vec::new(),
        }
    }

    /// The head as text, and its lines.
    pub fn lines(&self) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.head);
        let lines = text.split("\r\n").map(str::to_owned);
        lines.filter(|line| !line.is_empty()).collect()
    }

    /// A word of the first line: method, target and version, or version and status.
    pub fn word(&self, place: usize) -> String {
        let head = String::from_utf8_lossy(&self.head);
        let first = head.split("\r\n").next().unwrap_or_default();
        first.split(' ').nth(place).unwrap_or_default().to_owned()
    }

    /// The method of a request.
    pub fn method(&self) -> String {
        self.word(0)
    }

    /// The target of a request: path and query.
    pub fn target(&self) -> String {
        self.word(1)
    }

    /// The status of an answer; 0 when there is none.
    pub fn status(&self) -> u16 {
        self.word(1).parse().unwrap_or_default()
    }

    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head);
        head.split("\r\n").skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            let found = given.trim().eq_ignore_ascii_case(name);
            found.then(|| value.trim().to_owned())
        })
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The message with framing of its own: one length, and the connection's end when `close`.
    pub fn framed(&self, close: bool, bodiless: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.head.len() + self.body.len() + 64);
        for (place, line) in self.lines().into_iter().enumerate() {
            let name = line.split(':').next().unwrap_or_default().trim();
            let hop = HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop));
            if place > 0 && hop && !(bodiless && name.eq_ignore_ascii_case("content-length")) {
                continue;
            }
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if !bodiless {
            out.extend_from_slice(format!("content-length: {}\r\n", self.body.len()).as_bytes());
        }
        if close {
            out.extend_from_slice(b"connection: close\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// Reads a head; `None` when the connection ends before it begins.
///
/// # Errors
/// When it breaks off or is too long.
pub async fn read_head<R>(stream: &mut R) -> Result<Option<Message>>
where
    R: AsyncBufRead + Unpin,
{
    let mut head = Vec::new();
    loop {
        let limit = u64::try_from(MAX_HEAD - head.len())?;
        let before = head.len();
        let mut limited = (&mut *stream).take(limit);
        if limited.read_until(b'\n', &mut head).await? == 0 {
            ensure!(
                head.is_empty(),
                "a head broke off after {} bytes",
                head.len()
            );
            return Ok(None);
        }
        let line = head.get(before..).unwrap_or_default();
        if line == b"\r\n" || line == b"\n" {
            return Ok(Some(Message {
                head,
                body: Vec::new(),
            }));
        }
        ensure!(
            head.len() < MAX_HEAD,
            "a head is longer than {MAX_HEAD} bytes"
        );
    }
}

/// Reads the body that belongs to a head. `to_end` says that without a length it lasts until the
/// connection ends, as with answers.
///
/// # Errors
/// When it breaks off or is too long.
pub async fn read_body<R>(stream: &mut R, message: &mut Message, to_end: bool) -> Result<()>
where
    R: AsyncBufRead + Unpin,
{
    let chunked = message.header("transfer-encoding");
    if chunked.is_some_and(|coding| coding.to_ascii_lowercase().contains("chunked")) {
        return read_chunks(stream, &mut message.body).await;
    }
    let length = message.header("content-length");
    match length {
        Some(length) => {
            let length: usize = length.parse().context("a length that is no number")?;
            ensure!(length <= MAX_BODY, "a body of {length} bytes is too long");
            message.body = vec![0; length];
            stream.read_exact(&mut message.body).await?;
        }
        None if to_end => {
            let limit = u64::try_from(MAX_BODY)?;
            stream.take(limit).read_to_end(&mut message.body).await?;
        }
        None => {}
    }
    Ok(())
}

async fn read_chunks<R>(stream: &mut R, body: &mut Vec<u8>) -> Result<()>
where
    R: AsyncBufRead + Unpin,
{
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).context("a chunk without a size")?;
        let start = body.len();
        ensure!(start + size <= MAX_BODY, "a body of chunks is too long");
        body.resize(start + size, 0);
        stream
            .read_exact(body.get_mut(start..).unwrap_or_default())
            .await?;
        // The end of a chunk, or of the trailers.
        loop {
            line.clear();
            stream.read_line(&mut line).await?;
            if line.trim().is_empty() {
                break;
            }
        }
        if size == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::BufReader;

    use super::*;

    async fn read(bytes: &[u8]) -> Result<Message> {
        let mut stream = BufReader::new(bytes);
        let mut message = read_head(&mut stream).await?.context("nothing came")?;
        read_body(&mut stream, &mut message, false).await?;
        Ok(message)
    }

    #[tokio::test]
    async fn heads_stay_as_they_are_and_chunks_are_joined() -> Result<()> {
        let head =
            b"POST /inbox?a=1 HTTP/1.1\r\nhOsT: x\r\nB: 2\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole = [head.as_slice(), b"3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"].concat();
        let message = read(&whole).await?;
        assert_eq!(message.head, head);
        assert_eq!(message.body, b"abcde");
        assert_eq!(
            (message.method(), message.target()),
            ("POST".into(), "/inbox?a=1".into())
        );
        assert_eq!(
            message.framed(true, false),
            b"POST /inbox?a=1 HTTP/1.1\r\nhOsT: x\r\nB: 2\r\ncontent-length: 5\r\nconnection: close\r\n\r\nabcde"
        );
        Ok(())
    }

    #[tokio::test]
    async fn what_breaks_off_is_a_fault() {
        for bytes in [
            b"GET / HTTP/1.1\r\nHost: x".as_slice(),
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        ] {
            assert!(
                read(bytes).await.is_err(),
                "{}",
                String::from_utf8_lossy(bytes)
            );
        }
    }
}
