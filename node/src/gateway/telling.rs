//! A socket that was greeted: what it is told, and what it says, until it ends.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use federation_core::store::sql::DatabaseError;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::analytics::Following;
use super::budget::{Budget, CONTROL};
use super::close::CloseReason;
use super::frame::{self, ClientFrame, Identify, Refused, Subscribe};
use super::link::{Ended, Link, Watch};
use super::session::Session;
use crate::accounts;
use crate::accounts::authority;
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::base::privilege::Privilege;
use crate::base::scope::Scope;
use crate::messages::typing::StartTyping;
use crate::platform::events::{Form, Frame, StoredEvent, Subscription};
use crate::platform::http::error::ApiError;
use crate::presence;
use crate::presence::wire::SetPresence;

/// Between two pings of the server.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(30);
/// A client not heard of for this long is gone.
const SILENCE: Duration = Duration::from_secs(75);
/// Events written to the socket at once.
const BATCH: usize = 64;
/// The figures for dashboards, as clients ask for them.
const ANALYTICS: &str = "analytics";
/// How the frames begin that light sockets are not sent.
const PRESENCE: &str = "{\"op\":\"presence\"";

/// Why telling goes on from a new place.
pub(super) enum Next {
    /// The client identifies again; up to this number it was told everything.
    Identify(Identify, i64),
    /// Permissions changed with the event of this number.
    Renew(i64),
}

/// What stays the same however often a client identifies.
pub(super) struct Talk {
    pub(super) budget: Budget,
    pub(super) form: Form,
    analytics: Option<Following>,
}

impl Talk {
    pub(super) fn new(budget: Budget) -> Self {
        Self {
            budget,
            form: Form::Full,
            analytics: None,
        }
    }
}

/// An event from the log, as the socket gets it.
pub(super) fn as_frame(event: &StoredEvent, form: Form) -> Frame {
    let text = match form {
        Form::Full => event.frame(),
        Form::Light => event.light_frame(),
    };
    Frame {
        seq: Some(event.seq),
        text: text.into(),
        // The place was taken after it: what the member may see is already looked up.
        renews: false,
    }
}

/// A socket that is being told.
pub(super) struct Telling {
    pub(super) subscription: Subscription,
    /// What the bus hands on up to this number came from the log already.
    pub(super) position: i64,
    pub(super) seen: i64,
    pub(super) frames: Vec<Frame>,
}

/// The next figures; never without a subscription to them.
async fn figures(following: &mut Option<Following>) -> Utf8Bytes {
    if let Some(following) = following
        && following.changed().await.is_ok()
    {
        return following.borrow_and_update().clone();
    }
    std::future::pending().await
}

impl Telling {
    /// Leaves of the frames what is to be sent: nothing told before, and nothing behind a change of
    /// permissions, which may no longer be the member's. Whether there was such a change (I9).
    fn cut(&mut self, form: Form) -> bool {
        let renewal = self.frames.iter().position(|frame| frame.renews);
        if let Some(at) = renewal {
            self.frames.truncate(at.saturating_add(1));
        }
        let last = self.frames.iter().rev().find_map(|frame| frame.seq);
        self.seen = self.seen.max(last.unwrap_or(self.seen));
        let position = self.position;
        self.frames.retain(|frame| {
            let is_new = frame.seq.is_none_or(|seq| seq > position);
            let is_spared = form == Form::Light && frame.text.starts_with(PRESENCE);
            is_new && !is_spared && !frame.text.is_empty()
        });
        renewal.is_some()
    }

    /// Tells until the socket ends, or goes on from a new place.
    pub(super) async fn run(
        mut self,
        session: &Session,
        link: &mut Link,
        watch: &Watch,
        talk: &mut Talk,
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
                    let renews = self.cut(talk.form);
                    link.send_frames(&mut self.frames, watch, &lagged).await?;
                    session.note_sent(self.seen);
                    if renews {
                        return Ok(Next::Renew(self.seen));
                    }
                }
                text = link.receive() => {
                    heard = Instant::now();
                    let Some(text) = text? else {
                        talk.budget.count(CONTROL)?;
                        continue;
                    };
                    let said = frame::read(&text).map_err(|_unspecified| CloseReason::BadFrame)?;
                    talk.budget.count(said.weight())?;
                    if let ClientFrame::Identify(identify) = said {
                        return Ok(Next::Identify(identify, self.seen));
                    }
                    let answer = tokio::select! {
                        biased;
                        reason = &mut over => return Err(reason.into()),
                        answer = Box::pin(session.answer(watch, talk, said)) => answer,
                    };
                    if let Some(text) = answer {
                        link.send(Message::Text(text), watch).await?;
                    }
                }
                text = figures(&mut talk.analytics) => {
                    if session.still_sees_figures(watch.member.id).await {
                        link.send(Message::Text(text), watch).await?;
                    } else {
                        talk.analytics = None;
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

impl Session {
    /// Does what a frame asks for; what is answered.
    async fn answer(&self, watch: &Watch, talk: &mut Talk, said: ClientFrame) -> Option<Utf8Bytes> {
        let (op, done) = match said {
            ClientFrame::Heartbeat(d) => return Some(frame::write("heartbeat.ack", &d)),
            ClientFrame::Presence(d) => ("presence", self.choose(watch, d).await),
            ClientFrame::Typing(d) => ("typing", self.begin_typing(watch, d).await),
            ClientFrame::Subscribe(d) => ("subscribe", self.subscribe(watch, talk, d)),
            // It leads to a new start, before anybody comes here.
            ClientFrame::Identify(_) => return None,
        };
        let error = done.err()?;
        let (code, detail) = (error.code(), error.detail());
        Some(frame::write("error", &Refused { op, code, detail }))
    }

    /// Takes up which presence the member chose.
    async fn choose(&self, watch: &Watch, d: Value) -> Result<(), ApiError> {
        watch.member.at_home()?;
        watch.member.within(Scope::Write)?;
        let wanted: SetPresence = read(d)?;
        let online = self.sources.presence.online();
        presence::actions::choose(&self.ctx, online, watch.member.id, &wanted.status).await?;
        Ok(())
    }

    /// Tells others that the member is writing.
    async fn begin_typing(&self, watch: &Watch, d: Value) -> Result<(), ApiError> {
        watch.member.within(Scope::Write)?;
        let StartTyping { channel_id } = read(d)?;
        let (typing, known) = (&self.sources.typing, &self.sources.known);
        let begun = typing.begin(&self.ctx, known, watch.member.id, channel_id);
        Ok(begun.await?)
    }

    /// Takes up what else the client wants to be told; it takes the place of what it wanted before.
    fn subscribe(&self, watch: &Watch, talk: &mut Talk, d: Value) -> Result<(), ApiError> {
        let Subscribe { topics } = read(d)?;
        if topics.iter().any(|topic| topic != ANALYTICS) {
            let detail = "There is no such topic; there is `analytics`.";
            return Err(ApiError::invalid("unknown_topic", detail));
        }
        if topics.is_empty() {
            talk.analytics = None;
            return Ok(());
        }
        watch.member.may(Privilege::ViewServerStats)?;
        talk.analytics = Some(self.sources.analytics.follow());
        Ok(())
    }

    /// Whether the member may still see figures: a privilege may end while the socket stays open.
    async fn still_sees_figures(&self, id: UserId) -> bool {
        let held = self.ctx.db().read(move |connection| {
            let user = accounts::store::by_id(connection, id)?.filter(User::is_active);
            let Some(user) = user else { return Ok(false) };
            let held = authority::effective(connection, user.id, user.role)?;
            Ok::<_, DatabaseError>(held.contains(Privilege::ViewServerStats))
        });
        // Who cannot be judged is told nothing.
        held.await.unwrap_or(false)
    }
}

fn read<T: DeserializeOwned>(d: Value) -> Result<T, ApiError> {
    serde_json::from_value(d).map_err(|error| ApiError::invalid("invalid_body", error.to_string()))
}
