//! A ready [`Fetch`] on reqwest (feature `client`), for programs that look up what their own user
//! typed.

use std::time::Duration;

use reqwest::header;
use url::Url;

use crate::MEDIA_TYPE;
use crate::jrd::MAX_DOCUMENT;
use crate::resolve::Fetch;
use crate::resolve::Fetched;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const DEADLINE: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 3;

/// Looks resources up over HTTPS: 10 s for the whole, 3 redirects, 64 KiB, no proxy.
///
/// # Security
/// It connects to any address, private ones too. A server that looks up what strangers name needs
/// a client that refuses them.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    http: reqwest::Client,
}

impl HttpsClient {
    /// Makes a client that says it is `user_agent`.
    ///
    /// # Errors
    /// When the TLS library cannot be started or `user_agent` is no header value.
    pub fn new(user_agent: &str) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(user_agent)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(DEADLINE)
            .redirect(reqwest::redirect::Policy::limited(MAX_REDIRECTS))
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self::from_http(http))
    }

    /// Uses a client made elsewhere; its limits are the caller's, only the size stays bounded.
    pub fn from_http(http: reqwest::Client) -> Self {
        Self { http }
    }
}

impl Fetch for HttpsClient {
    type Error = ClientError;

    async fn fetch(&self, url: &Url) -> Result<Fetched, ClientError> {
        let request = self
            .http
            .get(url.clone())
            .header(header::ACCEPT, MEDIA_TYPE);
        let mut response = request.send().await.map_err(ClientError::Http)?;
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ClientError::Http)? {
            if body.len() + chunk.len() > MAX_DOCUMENT {
                return Err(ClientError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Fetched {
            status: response.status().as_u16(),
            content_type,
            body,
            final_url: response.url().clone(),
        })
    }
}

/// Why a request brought no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The connection, the TLS handshake or a deadline failed.
    #[error("the request failed")]
    Http(#[source] reqwest::Error),
    /// The answer is larger than any JRD.
    #[error("the answer is larger than {MAX_DOCUMENT} bytes")]
    TooLarge,
}
