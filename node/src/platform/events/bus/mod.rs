//! Carries published events to the sockets of this process, each through a bounded queue.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::model::{Effect, StoredEvent, Topic};
use super::pulse::Pulse;
use crate::base::ids::{ChannelId, UserId};

mod subscription;

pub use subscription::Subscription;

/// What is no event and waits for one slow socket at most; what comes then is not told.
const WHISPERS: usize = 256;

/// An event as every socket sends it; clones share the bytes.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The number of the event; `None` for what is told once or not at all.
    pub seq: Option<i64>,
    /// The JSON text; empty when there is nothing to send.
    pub text: Utf8Bytes,
    /// Whether what the holder may see has to be looked up anew: what is queued behind it may no
    /// longer be theirs, and what they may see now may be missing.
    pub renews: bool,
}

impl Frame {
    fn whispered(text: Utf8Bytes) -> Self {
        Self {
            seq: None,
            text,
            renews: false,
        }
    }
}

/// How events are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Whole.
    #[default]
    Full,
    /// With the least that a small client can do with (docs/gateway.md, light).
    Light,
}

/// Why a subscription ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its reader was too slow: the queue was full. What was not read is in the log.
    Lagged,
}

/// The person has as many subscriptions as one may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many sockets of one person are open")]
pub struct TooManySubscriptions;

/// Carries published events to the sockets of this process; clones share it.
#[derive(Clone)]
pub struct Bus {
    state: Arc<Mutex<State>>,
    queue: usize,
    per_user: usize,
}

#[derive(Default)]
struct State {
    position: i64,
    /// The commit of this process up to which everything was handed on.
    caught_up: u64,
    pulse: Pulse,
    next_id: u64,
    subscribers: HashMap<u64, Subscriber>,
    topics: HashMap<Topic, HashSet<u64>>,
    users: HashMap<UserId, usize>,
}

struct Subscriber {
    user: UserId,
    topics: HashSet<Topic>,
    /// When set, only events of this topic are passed on; the others only have their effect. What is no
    /// event is passed on also when it is for the community of the topic.
    only: Option<Topic>,
    /// Whether events are told in the light form.
    is_light: bool,
    queue: mpsc::Sender<Frame>,
    whispers: mpsc::Sender<Utf8Bytes>,
    lagged: CancellationToken,
}

impl Subscriber {
    /// Whether what is told once on this topic is passed on. Of communities a narrow subscription
    /// follows none but that of its channel.
    fn overhears(&self, topic: Topic) -> bool {
        self.only.is_none_or(|only| only == topic) || matches!(topic, Topic::Community(_))
    }

    /// Whether events of the topic say what the person may see, beside what they tell.
    fn steers(&self, topic: Topic) -> bool {
        topic == Topic::User(self.user) || matches!(topic, Topic::Community(_))
    }
}

impl Bus {
    /// A bus whose subscriptions hold `queue` frames each, `per_user` of them a person at most.
    pub fn new(queue: usize, per_user: usize) -> Self {
        Self {
            state: Arc::default(),
            queue: queue.max(1),
            per_user,
        }
    }

    /// Opens a subscription of a person, at first to what is addressed to the person alone.
    ///
    /// With `only`, events of other topics are not passed on.
    ///
    /// # Errors
    /// The person has as many as one may have.
    pub fn subscribe(
        &self,
        user: UserId,
        only: Option<Topic>,
        form: Form,
    ) -> Result<Subscription, TooManySubscriptions> {
        let mut state = self.lock();
        let open = state.users.entry(user).or_default();
        if *open >= self.per_user {
            return Err(TooManySubscriptions);
        }
        *open += 1;
        let id = state.next_id;
        state.next_id += 1;
        let (queue, frames) = mpsc::channel(self.queue);
        let (to_whisper, whispers) = mpsc::channel(WHISPERS);
        let lagged = CancellationToken::new();
        let subscriber = Subscriber {
            user,
            topics: HashSet::new(),
            only,
            is_light: form == Form::Light,
            queue,
            whispers: to_whisper,
            lagged: lagged.clone(),
        };
        state.subscribers.insert(id, subscriber);
        state.join(id, Topic::User(user));
        drop(state);
        Ok(Subscription {
            id,
            bus: self.clone(),
            frames,
            whispers,
            lagged,
        })
    }

    /// Hands on events, which must come in the order of the log.
    pub fn publish(&self, events: &[StoredEvent]) {
        let mut state = self.lock();
        for event in events {
            state.publish(event);
        }
    }

    /// Hands `text` once to everybody who receives one of `topics`, all sockets of `except` left out.
    ///
    /// It is no event: it has no number, is in no log, and never takes the place of one; whoever reads
    /// slowly does not get it.
    pub fn whisper(
        &self,
        topics: impl IntoIterator<Item = Topic>,
        except: Option<UserId>,
        text: &Utf8Bytes,
    ) {
        self.lock().whisper(topics, except, text);
    }

    /// The number of the event that was handed on last.
    pub fn position(&self) -> i64 {
        self.lock().position
    }

    /// The number of the last event of a channel that was handed on, or of the last one of a community
    /// that changed how messages look; or of a later one.
    pub fn last_of(&self, topic: Topic) -> i64 {
        self.lock().pulse.last_of(topic)
    }

    /// The messages that were told since the last call, by channel.
    pub fn take_written(&self) -> HashMap<ChannelId, u64> {
        self.lock().pulse.take_written()
    }

    /// Up to which commit of this process (`Database::committed`) everything was handed on.
    pub fn caught_up_with(&self) -> u64 {
        self.lock().caught_up
    }

    /// Notes that everything up to a commit of this process was handed on.
    pub(super) fn caught_up(&self, commit: u64) {
        self.lock().caught_up = commit;
    }

    /// Starts the log at `position`, which nobody needs to be told any more.
    pub(super) fn start_at(&self, position: i64) {
        let mut state = self.lock();
        state.position = position;
        state.pulse = Pulse::starting_at(position);
    }

    /// How many subscriptions are open.
    pub fn subscriptions(&self) -> usize {
        self.lock().subscribers.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn publish(&mut self, event: &StoredEvent) {
        self.position = event.seq;
        self.pulse.note(event);
        let Some(receivers) = self.topics.get(&event.topic) else {
            return;
        };
        let (mut full, mut light): (Option<Utf8Bytes>, Option<Utf8Bytes>) = (None, None);
        let mut lagged = Vec::new();
        let mut affected = Vec::new();
        for id in receivers {
            let Some(subscriber) = self.subscribers.get(id) else {
                continue;
            };
            if event.effect.is_some() {
                affected.push(*id);
            }
            let renews = event.effect == Some(Effect::Renew);
            let is_shown = subscriber.only.is_none_or(|only| only == event.topic);
            if !is_shown && !renews {
                continue;
            }
            let text = if !is_shown {
                Utf8Bytes::default()
            } else if subscriber.is_light {
                let text = || Utf8Bytes::from(event.light_frame());
                light.get_or_insert_with(text).clone()
            } else {
                full.get_or_insert_with(|| Utf8Bytes::from(event.frame()))
                    .clone()
            };
            let frame = Frame {
                seq: Some(event.seq),
                text,
                renews,
            };
            if subscriber.queue.try_send(frame).is_err() {
                lagged.push(*id);
            }
        }
        match event.effect {
            Some(Effect::Join(topic)) => affected.into_iter().for_each(|id| self.join(id, topic)),
            Some(Effect::Leave(topic)) => affected.into_iter().for_each(|id| self.leave(id, topic)),
            Some(Effect::Renew) | None => {}
        }
        for id in lagged {
            if let Some(subscriber) = self.remove(id) {
                subscriber.lagged.cancel();
            }
        }
    }

    fn whisper(
        &self,
        topics: impl IntoIterator<Item = Topic>,
        except: Option<UserId>,
        text: &Utf8Bytes,
    ) {
        let mut reached = HashSet::new();
        for topic in topics {
            for id in self.topics.get(&topic).into_iter().flatten() {
                let Some(subscriber) = self.subscribers.get(id) else {
                    continue;
                };
                let is_left_out = except == Some(subscriber.user) || !subscriber.overhears(topic);
                if is_left_out || !reached.insert(*id) {
                    continue;
                }
                let _dropped_when_full = subscriber.whispers.try_send(text.clone());
            }
        }
    }

    fn join(&mut self, id: u64, topic: Topic) {
        if let Some(subscriber) = self.subscribers.get_mut(&id)
            && subscriber
                .only
                .is_none_or(|only| only == topic || subscriber.steers(topic))
        {
            subscriber.topics.insert(topic);
            self.topics.entry(topic).or_default().insert(id);
        }
    }

    fn leave(&mut self, id: u64, topic: Topic) {
        if let Some(subscriber) = self.subscribers.get_mut(&id) {
            subscriber.topics.remove(&topic);
        }
        self.unlist(id, topic);
    }

    fn unlist(&mut self, id: u64, topic: Topic) {
        if let Some(receivers) = self.topics.get_mut(&topic) {
            receivers.remove(&id);
            if receivers.is_empty() {
                self.topics.remove(&topic);
            }
        }
    }

    fn remove(&mut self, id: u64) -> Option<Subscriber> {
        let subscriber = self.subscribers.remove(&id)?;
        for topic in &subscriber.topics {
            self.unlist(id, *topic);
        }
        if let Some(open) = self.users.get_mut(&subscriber.user) {
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.users.remove(&subscriber.user);
            }
        }
        Some(subscriber)
    }
}

impl fmt::Debug for Bus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bus")
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
