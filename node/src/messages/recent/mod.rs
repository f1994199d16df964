//! The newest messages of the channels of communities as they are shown, kept in memory and never behind the log.
//!
//! The numbers of the log are the versions: what was read when the bus stood at one number counts
//! until an event of the channel has a larger one, or one of its community that changes how messages
//! look. Before it is given out it is made sure that the
//! bus has handed on everything that is committed, by this process and by others, and that the
//! people in it look as they did. So whoever wrote something reads it, at every process, and what a
//! client loads after `ready` lacks nothing that the gateway will not tell.

mod page;
mod read;
mod rendered;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use federation_core::store::sql::{Backend, DatabaseError};
use moka::sync::Cache;

use self::read::people_of;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::platform::ctx::Ctx;
use crate::platform::events::{self, Bus, Topic};

pub use self::page::{SIZE, first_page};
pub use self::read::{Lately, lately};
pub use self::rendered::Rendered;

/// What an entry takes beside its texts, roughly, in bytes.
const OVERHEAD: usize = 256;
/// What a person in it takes, roughly, in bytes.
const PERSON: usize = 1024;

/// The newest messages of channels; clones share them.
#[derive(Clone)]
pub struct Recent(Arc<Shared>);

struct Shared {
    held: Cache<ChannelId, Arc<Held>>,
    bus: Bus,
}

/// The newest messages of one channel.
struct Held {
    /// The community of the channel.
    community: CommunityId,
    /// Where the bus stood before they were read.
    as_of: i64,
    /// The commit of this process after which the people were last compared.
    checked: AtomicU64,
    people: HashMap<UserId, UserView>,
    messages: Vec<(MessageId, Rendered)>,
    /// Whether there are older ones.
    more: bool,
}

impl Recent {
    /// Nothing yet; it takes `bytes` of memory at most, roughly, and remembers nothing with 0.
    pub fn new(bus: Bus, bytes: u64) -> Self {
        let held = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_channel: &ChannelId, held: &Arc<Held>| held.weight())
            .build();
        Self(Arc::new(Shared { held, bus }))
    }

    /// What is remembered, unless something of the channel was told since it was read.
    fn get(&self, channel: ChannelId) -> Option<Arc<Held>> {
        let held = self.0.held.get(&channel)?;
        let bus = &self.0.bus;
        let told = bus.last_of(Topic::Channel(channel));
        let told = told.max(bus.last_of(Topic::Community(held.community)));
        (told <= held.as_of).then_some(held)
    }

    fn put(&self, channel: ChannelId, held: Arc<Held>) {
        // Somebody who read earlier and was slower must not take the place of what is newer.
        let newer = self.0.held.get(&channel);
        if newer.is_none_or(|newer| newer.as_of <= held.as_of) {
            self.0.held.insert(channel, held);
        }
    }

    /// What is remembered, once it is certain that it still holds.
    async fn certain(
        &self,
        ctx: &Ctx,
        channel: ChannelId,
    ) -> Result<Option<Arc<Held>>, DatabaseError> {
        let Some(held) = self.get(channel) else {
            return Ok(None);
        };
        let bus = &self.0.bus;
        let commit = *ctx.db().committed().borrow();
        let is_alone = ctx.db().backend() == Backend::Sqlite;
        let is_unchanged = held.checked.load(Ordering::SeqCst) == commit;
        if is_alone && is_unchanged && bus.caught_up_with() == commit {
            return Ok(self.get(channel));
        }
        let ids: Vec<UserId> = held.people.keys().copied().collect();
        let shown = ctx.clone();
        let (newest, people) = ctx
            .db()
            .read(move |connection| {
                let newest = events::head(connection)?;
                Ok::<_, DatabaseError>((newest, people_of(&shown, connection, &ids)?))
            })
            .await?;
        if bus.position() < newest || people != held.people {
            return Ok(None);
        }
        held.checked.store(commit, Ordering::SeqCst);
        Ok(self.get(channel))
    }
}

impl Held {
    fn weight(&self) -> u32 {
        let texts: usize = self.messages.iter().map(|(_, text)| text.len()).sum();
        let beside = OVERHEAD.saturating_mul(self.messages.len().saturating_add(1));
        let people = PERSON.saturating_mul(self.people.len());
        let all = texts.saturating_add(beside).saturating_add(people);
        u32::try_from(all).unwrap_or(u32::MAX)
    }
}

impl fmt::Debug for Recent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Recent")
            .field("channels", &self.0.held.entry_count())
            .finish_non_exhaustive()
    }
}
