//! Upgrades through the guarded client: the same checks, another protocol afterwards.

use futures_util::future::BoxFuture;
use http::StatusCode;
use http::header::{ACCEPT_ENCODING, HeaderValue};

use super::{Expected, GuardedClient, answered, classify};
use crate::fetch::error::FetchError;
use crate::fetch::transport::OutboundRequest;
use crate::fetch::upgrade::{Upgrade, Upgraded, Upgrader};

impl GuardedClient {
    async fn ask(&self, request: OutboundRequest) -> Result<Upgrade, FetchError> {
        let policy = self.policy();
        policy.check_url(&request.url)?;
        let http = self.http().await?;
        let mut url = request.url.clone();
        url.set_fragment(None);
        let sent = http
            .request(request.method.clone(), url.clone())
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .headers(request.headers.clone())
            .build()
            .map_err(|error| FetchError::Request(error.into()))?;
        let mut response = http.execute(sent).await.map_err(classify)?;
        if let Some(peer) = response.remote_addr() {
            policy.check_address(peer.ip())?;
        }
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return answered(response, url, Expected::of(&request))
                .await
                .map(Upgrade::Answered);
        }
        let headers = std::mem::take(response.headers_mut());
        let io = response.upgrade().await.map_err(classify)?;
        Ok(Upgrade::Switched(Upgraded::new(headers, Box::new(io))))
    }
}

impl Upgrader for GuardedClient {
    fn upgrade(&self, request: OutboundRequest) -> BoxFuture<'_, Result<Upgrade, FetchError>> {
        Box::pin(async move {
            let deadline = request.limits.deadline;
            // Set up outside the deadline: it is this machine's work, and is done once.
            self.http().await?;
            match tokio::time::timeout(deadline, self.ask(request)).await {
                Ok(outcome) => outcome,
                Err(_elapsed) => Err(FetchError::Timeout { deadline }),
            }
        })
    }
}
