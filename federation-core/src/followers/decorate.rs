//! The sending side: the header on what goes to followers.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use url::Url;

use super::header::{HEADER, Synchronization};
use crate::outbox::{ClaimedDelivery, DeliveryDecorator};

/// What an application knows about the followers of its actors.
pub trait FollowersSource: fmt::Debug + Send + Sync + 'static {
    /// The `followers` collection of a local actor; without asking a store.
    fn collection(&self, actor: &Url) -> Option<Url>;

    /// What is to be said about those followers of `actor` that live on the origin of `peer`;
    /// `None` to say nothing, as where the store cannot be asked.
    fn synchronization<'a>(
        &'a self,
        actor: &'a Url,
        peer: &'a Url,
    ) -> BoxFuture<'a, Option<Synchronization>>;
}

/// Adds `Collection-Synchronization` to activities that are addressed to the followers of their
/// actor (FEP-8fcf, "On the sender end"); to be given to
/// [`DeliveryWorker::decorated`](crate::outbox::DeliveryWorker::decorated).
#[derive(Clone, Debug)]
pub struct FollowersDecorator(Arc<dyn FollowersSource>);

impl FollowersDecorator {
    /// Asks `source` about followers.
    pub fn new(source: Arc<dyn FollowersSource>) -> Self {
        Self(source)
    }
}

impl DeliveryDecorator for FollowersDecorator {
    fn headers<'a>(&'a self, delivery: &'a ClaimedDelivery) -> BoxFuture<'a, HeaderMap> {
        Box::pin(async move {
            let mut headers = HeaderMap::new();
            let Some(collection) = self.0.collection(&delivery.actor_id) else {
                return headers;
            };
            if !names(&delivery.body, collection.as_str()) {
                return headers;
            }
            let (actor, peer) = (&delivery.actor_id, &delivery.inbox);
            if let Some(said) = self.0.synchronization(actor, peer).await
                && let Ok(value) = HeaderValue::from_str(&said.to_string())
            {
                headers.insert(HEADER, value);
            }
            headers
        })
    }
}

/// Whether a document has this text in quotes: a search in place of reading it once more for every
/// inbox. A mention elsewhere than in its address only adds a header that is true.
fn names(document: &[u8], id: &str) -> bool {
    let quoted = format!("\"{id}\"");
    document
        .windows(quoted.len())
        .any(|part| part == quoted.as_bytes())
}
