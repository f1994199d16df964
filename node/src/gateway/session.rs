//! One socket from `identify` to its close.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Sources;
use super::close::CloseReason;
use super::frame::{self, ClientFrame, Identify, Ready, Refused};
use super::link::{Ended, Link, Watch};
use super::opening::{self, Place};
use crate::accounts;
use crate::accounts::error::AccountError;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, UserId};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::{Frame, StoredEvent, Subscription};
use crate::platform::http::error::ApiError;
use crate::presence;
use crate::presence::wire::{OnlineView, SetPresence};

/// How long a client may take to identify.
const IDENTIFY_WITHIN: Duration = Duration::from_secs(10);
/// Between two pings of the server.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// A client not heard of for this long is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Frames a client may send within the time between two pings.
const MAX_FRAMES: u32 = 120;
/// What a ping or a pong counts as.
const CONTROL: u32 = 1;
/// Events written to the socket at once.
const BATCH: usize = 64;

/// What a client said before the socket was open.
pub(super) struct Hello {
    pub(super) token: Option<String>,
    pub(super) resume: Option<i64>,
}

/// One socket.
pub(super) struct Session {
    ctx: Ctx,
    sources: Sources,
    only: Option<ChannelId>,
    hello: Hello,
}

impl Session {
    pub(super) fn new(ctx: Ctx, sources: Sources, only: Option<ChannelId>, hello: Hello) -> Self {
        Self {
            ctx,
            sources,
            only,
            hello,
        }
    }

    /// Runs the socket to its end.
    pub(super) async fn run(self, socket: WebSocket) {
        let mut link = Link::new(socket);
        if let Err(Ended::Closed(reason)) = self.serve(&mut link).await {
            tracing::debug!(code = reason.code(), "closes a socket");
            link.close(reason).await;
        }
    }

    async fn serve(&self, link: &mut Link) -> Result<(), Ended> {
        let mut budget = Budget::start();
        let (token, mut resume) = if let Some(token) = &self.hello.token {
            (token.clone(), self.hello.resume)
        } else {
            let identify = self.first_frame(link, &mut budget).await?;
            (
                identify.token.ok_or(CloseReason::Unauthenticated)?,
                identify.resume,
            )
        };
        let mut watch = self.admit(&token).await?;
        drop(token);
        let _here = self.sources.presence.enter(watch.member.id);
        let mut greets = true;
        loop {
            let (again, seen) = match self
                .tell(link, &watch, &mut budget, (resume, greets))
                .await?
            {
                Next::Identify(again, seen) => (again, seen),
                Next::Renew(seen) => {
                    (resume, greets) = (Some(seen), false);
                    continue;
                }
            };
            greets = true;
            if let Some(token) = again.token.as_deref() {
                let renewed = self.admit(token).await?;
                if renewed.member.id != watch.member.id {
                    return Err(CloseReason::Unauthenticated.into());
                }
                watch = renewed;
            }
            resume = Some(again.resume.unwrap_or(seen));
        }
    }

    async fn first_frame(&self, link: &mut Link, budget: &mut Budget) -> Result<Identify, Ended> {
        let first = timeout(IDENTIFY_WITHIN, async {
            loop {
                if let Some(text) = link.receive().await? {
                    return Ok::<_, Ended>(text);
                }
                budget.count(CONTROL)?;
            }
        });
        let text = tokio::select! {
            first = first => first.map_err(|_elapsed| CloseReason::TimedOut)??,
            () = self.ctx.tasks().shutdown().cancelled() => return Err(CloseReason::GoingAway.into()),
        };
        let first = frame::read(&text).map_err(|_unspecified| CloseReason::BadFrame)?;
        budget.count(first.weight())?;
        match first {
            ClientFrame::Identify(identify) => Ok(identify),
            _ => Err(CloseReason::BadFrame.into()),
        }
    }

    /// Lets the holder of a token in, under watch.
    ///
    /// The second check is there because the session may end between the first one and the watch.
    async fn admit(&self, token: &str) -> Result<Watch, CloseReason> {
        let authenticator = self.ctx.authenticator();
        let refused = |error: ApiError| {
            if error.status().is_server_error() {
                CloseReason::Internal
            } else {
                CloseReason::Unauthenticated
            }
        };
        let member = authenticator.authenticate(token).await.map_err(refused)?;
        let end = authenticator.ended(member.session);
        let member = authenticator.authenticate(token).await.map_err(refused)?;
        member.within(Scope::Read).map_err(refused)?;
        Ok(Watch::new(self.ctx.clone(), member, end))
    }

    /// Greets and tells, until the socket ends, the client identifies again, or what the member may
    /// see has to be looked up anew; then nothing is greeted and everything after `resume` is told.
    async fn tell(
        &self,
        link: &mut Link,
        watch: &Watch,
        budget: &mut Budget,
        (resume, greets): (Option<i64>, bool),
    ) -> Result<Next, Ended> {
        let (bus, id) = (&self.sources.bus, watch.member.id);
        let place = opening::take(&self.ctx, bus, id, self.only, resume).await?;
        let resumed = place.missed.is_some();
        let since = resume.filter(|_| resumed).unwrap_or(place.position);
        if greets {
            self.greet(link, watch, since, resumed).await?;
        } else if resumed {
            // Others are in sight now, and who came or went meanwhile was told to nobody.
            let online = self.online(id).await?;
            let text = frame::write("online", &online);
            link.send(Message::Text(text), watch).await?;
        } else {
            return Err(CloseReason::TooSlow.into());
        }
        let Place {
            subscription,
            position,
            missed,
        } = place;
        let lagged = subscription.lagged();
        let mut telling = Telling {
            subscription,
            position,
            seen: since,
            frames: Vec::new(),
        };
        let mut missed = missed.unwrap_or_default();
        while !missed.is_empty() {
            // A client that reads fast never lets the watch have its turn while sending.
            if let Some(reason) = watch.over().now_or_never() {
                return Err(reason.into());
            }
            telling.frames.extend(missed.iter().map(as_frame));
            telling.seen = missed.last().map_or(telling.seen, |event| event.seq);
            link.send_frames(&mut telling.frames, watch, &lagged)
                .await?;
            missed = opening::missed(
                &self.ctx,
                &telling.subscription,
                self.only,
                telling.seen,
                position,
            )
            .await?
            // What was still to be told has been pruned meanwhile: only a new start tells that.
            .ok_or(CloseReason::TooSlow)?;
        }
        telling.seen = telling.seen.max(position);
        telling.run(self, link, watch, budget).await
    }

    async fn greet(
        &self,
        link: &mut Link,
        watch: &Watch,
        seq: i64,
        resumed: bool,
    ) -> Result<(), Ended> {
        let id = watch.member.id;
        let user = accounts::actions::find(&self.ctx, id)
            .await
            .map_err(|error| match error {
                AccountError::NotFound => CloseReason::Unauthenticated,
                _ => CloseReason::Internal,
            })?;
        let online = self.online(id).await?;
        let ready = Ready {
            user: &UserView::new(&user, self.ctx.origin()).with_presence(user.presence),
            session_id: watch.member.session,
            seq,
            resumed,
            heartbeat_seconds: HEARTBEAT.as_secs(),
            expires_at: watch.member.expires_at,
            online,
        };
        link.send(Message::Text(frame::write("ready", &ready)), watch)
            .await
    }

    /// Who is there. Asked after the subscription: who comes or goes from then on is told of.
    async fn online(&self, id: UserId) -> Result<OnlineView, CloseReason> {
        let online = self.sources.presence.online();
        let found = presence::actions::seen_by(&self.ctx, online, id, self.only).await;
        found.map_err(|error| {
            tracing::warn!(%error, "cannot tell who is there");
            CloseReason::Internal
        })
    }

    /// Takes up which presence the member chose.
    async fn choose(&self, watch: &Watch, d: Value) -> Result<(), ApiError> {
        watch.member.within(Scope::Write)?;
        let wanted: SetPresence = serde_json::from_value(d)
            .map_err(|error| ApiError::invalid("invalid_body", error.to_string()))?;
        let online = self.sources.presence.online();
        presence::actions::choose(&self.ctx, online, watch.member.id, &wanted.status).await?;
        Ok(())
    }
}

fn as_frame(event: &StoredEvent) -> Frame {
    Frame {
        seq: Some(event.seq),
        text: event.frame().into(),
        // The place was taken after it: what the member may see is already looked up.
        renews: false,
    }
}

/// Why telling goes on from a new place.
enum Next {
    /// The client identifies again; up to this number it was told everything.
    Identify(Identify, i64),
    /// Permissions changed with the event of this number.
    Renew(i64),
}

/// How much a client says, however often it identifies.
struct Budget {
    received: u32,
    since: Instant,
}

impl Budget {
    fn start() -> Self {
        Self {
            received: 0,
            since: Instant::now(),
        }
    }

    /// Counts a frame as this many.
    fn count(&mut self, weight: u32) -> Result<(), CloseReason> {
        if self.since.elapsed() >= HEARTBEAT {
            *self = Self::start();
        }
        self.received = self.received.saturating_add(weight);
        if self.received > MAX_FRAMES {
            return Err(CloseReason::TooMany);
        }
        Ok(())
    }
}

/// A socket that is being told.
struct Telling {
    subscription: Subscription,
    /// What the bus hands on up to this number came from the log already.
    position: i64,
    seen: i64,
    frames: Vec<Frame>,
}

impl Telling {
    /// Leaves of the frames what is to be sent: nothing told before, and nothing behind a change of
    /// permissions, which may no longer be the member's. Whether there was such a change (I9).
    fn cut(&mut self) -> bool {
        let renewal = self.frames.iter().position(|frame| frame.renews);
        if let Some(at) = renewal {
            self.frames.truncate(at.saturating_add(1));
        }
        let last = self.frames.iter().rev().find_map(|frame| frame.seq);
        self.seen = self.seen.max(last.unwrap_or(self.seen));
        let position = self.position;
        self.frames
            .retain(|frame| frame.seq.is_none_or(|seq| seq > position) && !frame.text.is_empty());
        renewal.is_some()
    }

    async fn run(
        mut self,
        session: &Session,
        link: &mut Link,
        watch: &Watch,
        budget: &mut Budget,
    ) -> Result<Next, Ended> {
        let lagged = self.subscription.lagged();
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let over = watch.over();
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                reason = &mut over => return Err(reason.into()),
                got = self.subscription.receive(&mut self.frames, BATCH) => {
                    got.map_err(|_lagged| CloseReason::TooSlow)?;
                    let renews = self.cut();
                    link.send_frames(&mut self.frames, watch, &lagged).await?;
                    if renews {
                        return Ok(Next::Renew(self.seen));
                    }
                }
                text = link.receive() => {
                    heard = Instant::now();
                    let Some(text) = text? else {
                        budget.count(CONTROL)?;
                        continue;
                    };
                    let said = frame::read(&text).map_err(|_unspecified| CloseReason::BadFrame)?;
                    budget.count(said.weight())?;
                    match said {
                        ClientFrame::Identify(identify) => return Ok(Next::Identify(identify, self.seen)),
                        ClientFrame::Heartbeat(d) => {
                            link.send(Message::Text(frame::write("heartbeat.ack", &d)), watch).await?;
                        }
                        ClientFrame::Presence(d) => {
                            let chosen = tokio::select! {
                                biased;
                                reason = &mut over => return Err(reason.into()),
                                chosen = session.choose(watch, d) => chosen,
                            };
                            if let Err(error) = chosen {
                                let (code, detail) = (error.code(), error.detail());
                                let refused = Refused { op: "presence", code, detail };
                                link.send(Message::Text(frame::write("error", &refused)), watch).await?;
                            }
                        }
                    }
                }
                _ = heartbeat.tick() => {
                    if heard.elapsed() > SILENCE {
                        return Err(CloseReason::TimedOut.into());
                    }
                    link.send(Message::Ping(bytes::Bytes::new()), watch).await?;
                }
            }
        }
    }
}
