//! Conversations: what an object answers, and what else belongs to it (FEP-7888, FEP-f228).
//!
//! Both walks go by a queue and a set of what was seen, never by recursion, so neither the length
//! of a chain nor a cycle in it costs more than the limits say.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use url::Url;

use super::Directory;
use super::collection::CollectionLimits;
use super::error::DirectoryError;
use crate::fetch::error::FetchError;
use crate::vocab::{Object, ObjectOrId, Value, same_origin};

/// How much of a conversation is read.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ThreadLimits {
    /// Documents that are fetched at most, pages of the collection not counted. 100 by default.
    pub documents: usize,
    /// Time for everything. 30 s by default.
    pub deadline: Duration,
}

impl Default for ThreadLimits {
    fn default() -> Self {
        Self {
            documents: 100,
            deadline: Duration::from_secs(30),
        }
    }
}

impl ThreadLimits {
    /// Up to this many documents.
    pub fn new(documents: usize) -> Self {
        Self {
            documents,
            ..Self::default()
        }
    }
}

/// The objects that one answers, directly or through others.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Thread {
    /// The objects, from the one that is answered directly to the oldest.
    pub objects: Vec<Object>,
    /// Whether the oldest answers nothing.
    pub complete: bool,
}

/// What was read of a conversation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Conversation {
    /// The id of the collection.
    pub id: Url,
    /// The actor whose collection it is, on the collection's own server; `None` when not said.
    pub owner: Option<Url>,
    /// The objects that belong to it by their own account too, in the order of the collection.
    pub objects: Vec<Object>,
    /// Entries that could not be had, or that do not say that they belong here.
    pub left_out: usize,
    /// Whether every entry was looked at.
    pub complete: bool,
}

impl Directory {
    /// What `object` answers, what that answers, and so on.
    ///
    /// Ends at the first object that cannot be had, at a cycle, and at the limits; what was read
    /// until there is given.
    ///
    /// # Security
    /// Each object is what its own server says about it. Whether its author may see the others is
    /// not judged here.
    pub async fn ancestors(&self, object: &Object, limits: ThreadLimits) -> Thread {
        let until = Instant::now() + limits.deadline;
        let mut seen: HashSet<Url> = object.id.iter().cloned().collect();
        let mut thread = Thread::default();
        let mut next = object.in_reply_to.clone();
        while let Some(id) = next.take() {
            let is_new = seen.insert(id.clone());
            if !is_new || thread.objects.len() >= limits.documents {
                return thread;
            }
            let Ok(Ok(answered)) = timeout_at(until, self.object(&id)).await else {
                return thread;
            };
            next.clone_from(&answered.in_reply_to);
            seen.extend(answered.id.clone());
            thread.objects.push(answered);
        }
        thread.complete = true;
        thread
    }

    /// The objects of the conversation whose collection is at `context`, for filling in what
    /// never arrived here (FEP-f228).
    ///
    /// Entries may be objects, ids of them, or activities about them (FEP-171b).
    ///
    /// # Errors
    /// [`DirectoryError`] when the collection cannot be had, and
    /// [`DirectoryError::ForeignOwner`] when it claims an owner on another server.
    ///
    /// # Security
    /// The collection says what belongs to the conversation, and each object has to agree: one
    /// without this `context` is left out. Entries of the collection's own origin are taken as
    /// they stand there; all others are fetched from their own.
    pub async fn conversation(
        &self,
        context: &Url,
        limits: ThreadLimits,
    ) -> Result<Conversation, DirectoryError> {
        let until = Instant::now() + limits.deadline;
        let listing = CollectionLimits::default();
        let reading = timeout_at(until, self.collection(context, listing));
        let Ok(collection) = reading.await else {
            let deadline = limits.deadline;
            return Err(FetchError::Timeout { deadline }.into());
        };
        let collection = collection?;
        let mut owners = collection.attributed_to.iter();
        if let Some(owner) = owners.find(|owner| !same_origin(owner, &collection.id)) {
            return Err(DirectoryError::ForeignOwner {
                id: collection.id.to_string(),
                owner: owner.to_string(),
            });
        }
        let mut read = Conversation {
            owner: collection.attributed_to.first().cloned(),
            id: collection.id,
            objects: Vec::new(),
            left_out: 0,
            complete: collection.complete,
        };
        let mut queue = VecDeque::from(collection.items);
        let mut seen = HashSet::new();
        let mut fetches = limits.documents;
        while let Some(entry) = queue.pop_front() {
            let Some(id) = entry.id().cloned() else {
                read.left_out += 1;
                continue;
            };
            if !seen.insert(id.clone()) {
                continue;
            }
            let object = match entry {
                ObjectOrId::Object(object) if same_origin(&id, &read.id) => *object,
                _ if fetches == 0 => {
                    read.complete = false;
                    continue;
                }
                _ => {
                    fetches -= 1;
                    match timeout_at(until, self.object(&id)).await {
                        Ok(Ok(object)) => object,
                        Ok(Err(_not_had)) => {
                            read.left_out += 1;
                            continue;
                        }
                        Err(_elapsed) => {
                            read.complete = false;
                            break;
                        }
                    }
                }
            };
            if object.looks_like_activity() {
                let about = object.as_activity().ok();
                let about = about.and_then(|activity| activity.object_id().cloned());
                queue.extend(about.map(ObjectOrId::Id));
            } else if [Some(context), Some(&read.id)].contains(&object.context.as_ref()) {
                read.objects.push(object);
            } else {
                read.left_out += 1;
            }
        }
        Ok(read)
    }

    /// The object with exactly this id, fetched now.
    async fn object(&self, id: &Url) -> Result<Object, DirectoryError> {
        let document = self.document(id).await?;
        if document.id != *id {
            return Err(DirectoryError::IdMismatch {
                asked: id.to_string(),
                found: document.id.to_string(),
            });
        }
        Ok(Object::from_value(Value::Object(document.map))?)
    }
}
