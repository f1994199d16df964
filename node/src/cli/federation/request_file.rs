//! Recorded HTTP requests as files: request line, headers, an empty line, and the body as it came.

use axum::http::header::{CONTENT_LENGTH, HOST};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::Bytes;
use federation_core::inbox::{InboundRequest, RequestError};
use thiserror::Error;
use url::Url;

/// Longest file that is read, in bytes.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// Headers that are read at most.
const MAX_HEADERS: usize = 200;

/// Why a file is not a recorded request.
#[derive(Debug, Error, PartialEq, Eq)]
pub(super) enum RequestFileError {
    /// The first line is something else than `METHOD TARGET HTTP/1.1`.
    #[error("the first line is not a request line such as \"POST /inbox HTTP/1.1\"")]
    RequestLine,
    /// A line before the empty one is not a header.
    #[error("line {line} is not a header such as \"host: here.example\"")]
    Header {
        /// The line, from 1.
        line: usize,
    },
    /// There is no empty line between headers and body.
    #[error("no empty line ends the headers")]
    NoEnd,
    /// More headers than are read.
    #[error("more than {MAX_HEADERS} headers")]
    TooManyHeaders,
    /// The host is unknown, so the target has no origin.
    #[error("the request names no host: give the server's own origin with --origin")]
    NoHost,
    /// The target cannot be used.
    #[error(transparent)]
    Target(#[from] RequestError),
}

/// A recorded request.
#[derive(Debug)]
pub(super) struct RequestFile {
    method: Method,
    path_and_query: String,
    named_origin: Option<Url>,
    headers: HeaderMap,
    body: Bytes,
}

impl RequestFile {
    /// Reads the bytes of a file. Lines may end in CRLF or, as editors leave them, in LF; the body
    /// is taken as it is.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RequestFileError> {
        let mut rest = bytes;
        let first = next_line(&mut rest).ok_or(RequestFileError::RequestLine)?;
        let (method, target) = request_line(first).ok_or(RequestFileError::RequestLine)?;
        let mut headers = HeaderMap::new();
        let mut line_number = 1;
        loop {
            line_number += 1;
            let line = next_line(&mut rest).ok_or(RequestFileError::NoEnd)?;
            if line.is_empty() {
                break;
            }
            if line_number > MAX_HEADERS + 1 {
                return Err(RequestFileError::TooManyHeaders);
            }
            let (name, value) =
                header(line).ok_or(RequestFileError::Header { line: line_number })?;
            headers.append(name, value);
        }
        let (named_origin, path_and_query) = if target.starts_with('/') {
            (None, target.to_owned())
        } else {
            let url = Url::parse(target).map_err(|_invalid| RequestFileError::RequestLine)?;
            let query = url.query().map(|query| format!("?{query}"));
            let path = format!("{}{}", url.path(), query.unwrap_or_default());
            (Some(url), path)
        };
        Ok(Self {
            method,
            path_and_query,
            named_origin,
            headers,
            body: Bytes::copy_from_slice(rest),
        })
    }

    /// The request as the server at `origin` would have received it; without one, as the server
    /// that the request itself names by its target or `Host`, over https.
    pub(super) fn received_by(
        &self,
        origin: Option<&Url>,
    ) -> Result<InboundRequest, RequestFileError> {
        let own = match origin.or(self.named_origin.as_ref()) {
            Some(origin) => origin.clone(),
            None => self.host_as_origin().ok_or(RequestFileError::NoHost)?,
        };
        Ok(InboundRequest::new(
            self.method.clone(),
            &own,
            &self.path_and_query,
            self.headers.clone(),
            self.body.clone(),
        )?)
    }

    /// The length that the headers announce, when it is another than the body has.
    pub(super) fn other_length(&self) -> Option<String> {
        let announced = self.headers.get(CONTENT_LENGTH)?;
        let fits = announced.as_bytes() == self.body.len().to_string().as_bytes();
        (!fits).then(|| String::from_utf8_lossy(announced.as_bytes()).into_owned())
    }

    fn host_as_origin(&self) -> Option<Url> {
        let host = self.headers.get(HOST)?.to_str().ok()?;
        Url::parse(&format!("https://{host}/")).ok()
    }
}

fn next_line<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = rest.iter().position(|byte| *byte == b'\n')?;
    let (line, after) = rest.split_at_checked(end)?;
    *rest = after.get(1..)?;
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn request_line(line: &[u8]) -> Option<(Method, &str)> {
    let mut parts = std::str::from_utf8(line).ok()?.split(' ');
    let method = Method::from_bytes(parts.next()?.as_bytes()).ok()?;
    let target = parts.next()?;
    let version = parts.next()?;
    (version.starts_with("HTTP/") && parts.next().is_none()).then_some((method, target))
}

fn header(line: &[u8]) -> Option<(HeaderName, HeaderValue)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let name = HeaderName::from_bytes(name).ok()?;
    let value = HeaderValue::from_bytes(value.get(1..)?.trim_ascii()).ok()?;
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_line_headers_and_body() {
        let file = RequestFile::read(
            b"POST /inbox?x HTTP/1.1\r\nHost: here.example:8443\r\ncontent-length: 3\r\n\r\na\r\n",
        )
        .unwrap();
        let request = file.received_by(None).unwrap();
        assert_eq!(
            request.target().as_str(),
            "https://here.example:8443/inbox?x"
        );
        assert_eq!(request.body().as_ref(), b"a\r\n");
        assert_eq!(file.other_length(), None);
        let origin = Url::parse("http://127.0.0.1:1").unwrap();
        let elsewhere = file.received_by(Some(&origin)).unwrap();
        assert_eq!(elsewhere.origin(), "http://127.0.0.1:1");
    }

    #[test]
    fn reads_files_that_an_editor_has_touched() {
        let file =
            RequestFile::read(b"GET https://a.example/x HTTP/1.1\ncontent-length: 1\n\n{}\n");
        let file = file.unwrap();
        assert_eq!(file.other_length().as_deref(), Some("1"));
        let request = file.received_by(None).unwrap();
        assert_eq!(request.target().as_str(), "https://a.example/x");
    }

    #[test]
    fn says_what_is_wrong() {
        let fault = |bytes: &[u8]| RequestFile::read(bytes).unwrap_err();
        assert_eq!(fault(b""), RequestFileError::RequestLine);
        assert_eq!(fault(b"POST /inbox\r\n\r\n"), RequestFileError::RequestLine);
        assert_eq!(
            fault(b"GET / HTTP/1.1\r\nno header\r\n\r\n"),
            RequestFileError::Header { line: 2 }
        );
        assert_eq!(
            fault(b"GET / HTTP/1.1\r\nhost: a\r\n"),
            RequestFileError::NoEnd
        );
        let without_host = RequestFile::read(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(
            without_host.received_by(None).unwrap_err(),
            RequestFileError::NoHost
        );
    }
}
