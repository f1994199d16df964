//! One exchange: out to a host and back, with everything that can happen on the way.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{BoxFuture, pending};
use http::header::{HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Response};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use url::Position;

use super::conditions::Fate;
use super::trace::Event;
use super::wire::Wire;
use crate::fetch::redirect::Chain;
use crate::fetch::{Cause, FetchError, GuardPolicy, OutboundRequest, OutboundResponse, Transport};

/// The way out of one host.
pub(super) struct HostTransport {
    wire: Arc<Wire>,
    from: Arc<str>,
    guard: GuardPolicy,
}

/// What comes back to the sender.
enum Back {
    Answer(Response<Bytes>),
    /// Nothing ever comes.
    Silence,
    Fault(FetchError),
}

impl HostTransport {
    pub(super) fn new(wire: Arc<Wire>, from: Arc<str>) -> Self {
        Self {
            wire,
            from,
            guard: GuardPolicy::default(),
        }
    }

    async fn follow(&self, mut request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        let limit = request.limits.max_redirects;
        let follows = request.method == Method::GET
            && limit > 0
            && !request.headers.contains_key("signature");
        let mut chain = Chain::new(limit);
        loop {
            let answer = self.exchange(&request).await?;
            if !follows {
                return Ok(answer);
            }
            match chain.next(&request.url, answer.status, &answer.headers)? {
                Some(target) => request.url = target,
                None => return Ok(answer),
            }
        }
    }

    async fn exchange(&self, request: &OutboundRequest) -> Result<OutboundResponse, FetchError> {
        self.guard.check_url(&request.url)?;
        let to: Arc<str> = request.url[Position::BeforeHost..Position::AfterPort].into();
        let (back, returned) = oneshot::channel();
        let carrier = Carrier {
            wire: Arc::clone(&self.wire),
            from: Arc::clone(&self.from),
            fate: self.wire.decide(&self.from, &to),
            to,
            request: request.clone(),
        };
        // What has left travels on, whatever becomes of the sender.
        tokio::spawn(carrier.carry(back));
        match returned.await {
            Ok(Back::Answer(answer)) => received(request, answer),
            Ok(Back::Fault(fault)) => Err(fault),
            Ok(Back::Silence) | Err(_) => pending().await,
        }
    }
}

impl Transport for HostTransport {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        let deadline = request.limits.deadline;
        Box::pin(async move {
            timeout(deadline, self.follow(request))
                .await
                .unwrap_or(Err(FetchError::Timeout { deadline }))
        })
    }
}

impl fmt::Debug for HostTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HostTransport")
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

/// The answer as a client gives it to its caller.
fn received(
    request: &OutboundRequest,
    answer: Response<Bytes>,
) -> Result<OutboundResponse, FetchError> {
    let (parts, mut body) = answer.into_parts();
    let limit = request.limits.max_bytes;
    if body.len() > limit {
        if request.method != Method::POST {
            return Err(FetchError::TooLarge { limit });
        }
        body = Bytes::new();
    }
    let mut url = request.url.clone();
    url.set_fragment(None);
    Ok(OutboundResponse::new(
        parts.status,
        parts.headers,
        body,
        url,
    ))
}

/// Carries one request to its host, and the answer back.
struct Carrier {
    wire: Arc<Wire>,
    from: Arc<str>,
    to: Arc<str>,
    fate: Fate,
    request: OutboundRequest,
}

impl Carrier {
    async fn carry(self, back: oneshot::Sender<Back>) {
        if let Some(after) = self.fate.again_after {
            let wire = Arc::clone(&self.wire);
            let (from, to) = (Arc::clone(&self.from), Arc::clone(&self.to));
            let request = self.request.clone();
            tokio::spawn(async move {
                sleep(after).await;
                if !wire.reaches(&from, &to) {
                    return;
                }
                let Some(answered) = wire.hand_over(&to, as_served(&request)) else {
                    return;
                };
                if let Ok(answer) = answered.await {
                    wire.record(&from, &request, Event::Doubled(answer.status().as_u16()));
                }
            });
        }
        let outcome = self.there_and_back().await;
        // The sender may have given up.
        let _ = back.send(outcome);
    }

    async fn there_and_back(&self) -> Back {
        sleep(self.fate.there).await;
        if self.fate.request_lost {
            return self.lost(Event::RequestLost);
        }
        if !self.wire.reaches(&self.from, &self.to) {
            self.note(Event::CutOff);
            return Back::Silence;
        }
        let Some(answered) = self.wire.hand_over(&self.to, as_served(&self.request)) else {
            self.note(Event::Refused);
            sleep(self.fate.back).await;
            return Back::Fault(FetchError::Connect(cause("nothing listens there")));
        };
        let Ok(answer) = answered.await else {
            self.note(Event::BrokenOff);
            sleep(self.fate.back).await;
            return Back::Fault(FetchError::Interrupted(cause("the connection was reset")));
        };
        sleep(self.fate.back).await;
        let status = answer.status().as_u16();
        if self.fate.answer_lost {
            return self.lost(Event::AnswerLost(status));
        }
        if !self.wire.reaches(&self.from, &self.to) {
            self.note(Event::CutOff);
            return Back::Silence;
        }
        self.note(Event::Answered(status));
        Back::Answer(answer)
    }

    fn lost(&self, event: Event) -> Back {
        self.note(event);
        if self.fate.silent {
            Back::Silence
        } else {
            Back::Fault(FetchError::Interrupted(cause("the connection was reset")))
        }
    }

    fn note(&self, event: Event) {
        self.wire.record(&self.from, &self.request, event);
    }
}

fn cause(text: &'static str) -> Cause {
    text.into()
}

/// The request as the server of its URL reads it.
fn as_served(request: &OutboundRequest) -> Request<Bytes> {
    let url = &request.url;
    let mut served = Request::new(request.body.clone());
    *served.method_mut() = request.method.clone();
    if let Ok(target) = PathAndQuery::try_from(&url[Position::BeforePath..Position::AfterQuery]) {
        *served.uri_mut() = target.into();
    }
    *served.headers_mut() = request.headers.clone();
    let host = &url[Position::BeforeHost..Position::AfterPort];
    if let Ok(host) = HeaderValue::from_str(host) {
        served.headers_mut().entry(HOST).or_insert(host);
    }
    served
}
