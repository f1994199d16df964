//! One socket: who it is of, and what they are told first.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures_util::FutureExt as _;
use tokio::time::timeout;

use super::Sources;
use super::budget::{Budget, CONTROL};
use super::close::CloseReason;
use super::frame::{self, ClientFrame, Goodbye, Identify, Ready};
use super::link::{Ended, Link, Watch};
use super::opening::{self, Place};
use super::telling::{HEARTBEAT, Next, Talk, Telling, as_frame};
use super::welcome::{self, Wanted};
use crate::accounts;
use crate::accounts::error::AccountError;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, UserId};
use crate::base::scope::Scope;
use crate::platform::ctx::Ctx;
use crate::platform::events::{Form, Topic};
use crate::platform::http::error::ApiError;
use crate::presence;
use crate::presence::wire::OnlineView;

/// How long a client may take to identify.
const IDENTIFY_WITHIN: Duration = Duration::from_secs(10);
/// When the server stops, the clients come back spread over this time, in milliseconds.
const RETURN_WITHIN: u64 = 5_000;
/// And not before this, in milliseconds.
const RETURN_AFTER: u64 = 250;
/// Nothing was told yet.
const NOTHING: i64 = -1;

/// What a client said before the socket was open.
pub(super) struct Hello {
    pub(super) token: Option<String>,
    pub(super) resume: Option<i64>,
}

/// One socket.
pub(super) struct Session {
    pub(super) ctx: Ctx,
    pub(super) sources: Sources,
    pub(super) only: Option<ChannelId>,
    hello: Hello,
    /// Everything up to this number was sent.
    sent: AtomicI64,
}

/// How telling begins.
struct Start {
    resume: Option<i64>,
    /// Whether the client identified; else what it may see is looked up anew.
    greets: bool,
    welcome: Option<Wanted>,
}

impl Session {
    pub(super) fn new(ctx: Ctx, sources: Sources, only: Option<ChannelId>, hello: Hello) -> Self {
        Self {
            ctx,
            sources,
            only,
            hello,
            sent: AtomicI64::new(NOTHING),
        }
    }

    /// Runs the socket to its end.
    pub(super) async fn run(self, socket: WebSocket) {
        let mut link = Link::new(socket);
        if let Err(Ended::Closed(reason)) = self.serve(&mut link).await {
            tracing::debug!(code = reason.code(), "closes a socket");
            let goodbye = (reason == CloseReason::GoingAway).then(|| self.goodbye());
            link.close(reason, goodbye.flatten()).await;
        }
    }

    /// Notes that everything up to this number was sent.
    pub(super) fn note_sent(&self, seq: i64) {
        self.sent.store(seq, Ordering::Relaxed);
    }

    /// What a client that was greeted is told when the server stops.
    fn goodbye(&self) -> Option<Utf8Bytes> {
        let resume = self.sent.load(Ordering::Relaxed);
        // The keys of a hasher are random; nothing more is asked of this number.
        let random = RandomState::new().hash_one(resume);
        let goodbye = Goodbye {
            resume,
            reconnect_after_ms: RETURN_AFTER.saturating_add(random % RETURN_WITHIN),
        };
        (resume != NOTHING).then(|| frame::write("goodbye", &goodbye))
    }

    async fn serve(&self, link: &mut Link) -> Result<(), Ended> {
        let mut talk = Talk::new(Budget::start());
        // What is done once is boxed: an idle socket holds no room for it.
        let (token, mut start) = Box::pin(self.identified(link, &mut talk)).await?;
        let mut watch = Box::pin(self.admit(&token)).await?;
        drop(token);
        let _here = self.sources.presence.enter(watch.member.id);
        loop {
            let telling = Box::pin(self.begin(link, &watch, &talk, &start)).await?;
            let (again, seen) = match telling.run(self, link, &watch, &mut talk).await? {
                Next::Identify(again, seen) => (again, seen),
                Next::Renew(seen) => {
                    start = Start {
                        resume: Some(seen),
                        greets: false,
                        welcome: None,
                    };
                    continue;
                }
            };
            if let Some(token) = again.token.as_deref() {
                let renewed = Box::pin(self.admit(token)).await?;
                if renewed.member.id != watch.member.id {
                    return Err(CloseReason::Unauthenticated.into());
                }
                watch = renewed;
            }
            talk.form = again.form();
            start = Start {
                resume: Some(again.resume.unwrap_or(seen)),
                greets: true,
                welcome: again.welcome,
            };
        }
    }

    /// The token, and how the client wants to begin.
    async fn identified(&self, link: &mut Link, talk: &mut Talk) -> Result<(String, Start), Ended> {
        if let Some(token) = &self.hello.token {
            let start = Start {
                resume: self.hello.resume,
                greets: true,
                welcome: None,
            };
            return Ok((token.clone(), start));
        }
        let identify = self.first_frame(link, &mut talk.budget).await?;
        talk.form = identify.form();
        let start = Start {
            resume: identify.resume,
            greets: true,
            welcome: identify.welcome,
        };
        Ok((identify.token.ok_or(CloseReason::Unauthenticated)?, start))
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
        let end = authenticator.ended(&member);
        let member = authenticator.authenticate(token).await.map_err(refused)?;
        member.within(Scope::Read).map_err(refused)?;
        Ok(Watch::new(self.ctx.clone(), member, end))
    }

    /// Greets, and tells what was missed; or, when what the member may see has to be looked up anew,
    /// greets not and tells everything after `resume`.
    async fn begin(
        &self,
        link: &mut Link,
        watch: &Watch,
        talk: &Talk,
        start: &Start,
    ) -> Result<Telling, Ended> {
        let (bus, id) = (&self.sources.bus, watch.member.id);
        let place = opening::take(&self.ctx, bus, (id, talk.form), self.only, start.resume).await?;
        let resumed = place.missed.is_some();
        let since = start.resume.filter(|_| resumed).unwrap_or(place.position);
        if start.greets {
            let greeting = self.greet(watch, talk, start, (&place, since)).await?;
            link.send(Message::Text(greeting), watch).await?;
        } else if resumed {
            // Others are in sight now, and who came or went meanwhile was told to nobody.
            let online = self.online(id, talk.form).await?;
            let text = frame::write("online", &online);
            link.send(Message::Text(text), watch).await?;
        } else {
            return Err(CloseReason::TooSlow.into());
        }
        self.note_sent(since);
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
            let frames = missed.iter().map(|event| as_frame(event, talk.form));
            telling
                .frames
                .extend(frames.filter(|frame| !frame.text.is_empty()));
            telling.seen = missed.last().map_or(telling.seen, |event| event.seq);
            link.send_frames(&mut telling.frames, watch, &lagged)
                .await?;
            self.note_sent(telling.seen);
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
        // What was missed may have needed more room than what comes one by one.
        telling.frames = Vec::new();
        telling.seen = telling.seen.max(position);
        self.note_sent(telling.seen);
        Ok(telling)
    }

    /// What the server says first.
    async fn greet(
        &self,
        watch: &Watch,
        talk: &Talk,
        start: &Start,
        (place, seq): (&Place, i64),
    ) -> Result<Utf8Bytes, Ended> {
        let id = watch.member.id;
        let user = accounts::actions::find(&self.ctx, id)
            .await
            .map_err(|error| match error {
                AccountError::NotFound => CloseReason::Unauthenticated,
                _ => CloseReason::Internal,
            })?;
        let online = self.online(id, talk.form).await?;
        let welcome = match start.welcome {
            Some(wanted) => {
                let topics = match self.only {
                    Some(channel) => vec![Topic::Channel(channel)],
                    None => place.subscription.topics(),
                };
                let wanted = (wanted, talk.form);
                let gathered = welcome::gather(&self.ctx, &self.sources, id, wanted, topics).await;
                Some(gathered.map_err(|error| {
                    tracing::warn!(%error, "cannot gather what a client shows first");
                    CloseReason::Internal
                })?)
            }
            None => None,
        };
        let ready = Ready {
            user: &UserView::new(&user, self.ctx.origin()).with_presence(user.presence),
            session_id: watch.member.session,
            seq,
            resumed: place.missed.is_some(),
            heartbeat_seconds: HEARTBEAT.as_secs(),
            expires_at: watch.member.expires_at,
            online,
            welcome,
        };
        Ok(frame::write("ready", &ready))
    }

    /// Who is there. Asked after the subscription: who comes or goes from then on is told of.
    async fn online(&self, id: UserId, form: Form) -> Result<OnlineView, CloseReason> {
        let online = self.sources.presence.online();
        let found = presence::actions::seen_by(&self.ctx, online, id, self.only).await;
        let mut found = found.map_err(|error| {
            tracing::warn!(%error, "cannot tell who is there");
            CloseReason::Internal
        })?;
        if form == Form::Light {
            found.members.clear();
        }
        Ok(found)
    }
}
