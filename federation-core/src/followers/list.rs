//! The part of somebody's followers that lives at one server, and the list of it that this server
//! alone may read.

use url::Url;

use crate::vocab::{Collection, CollectionKind, same_origin};

/// Followers that one list has at most: what a receiver reads of one page.
pub const MAX_LISTED: usize = crate::vocab::MAX_ITEMS;

/// Those of `followers` that live on the origin of `peer` (FEP-8fcf, "Partial follower
/// collection").
pub fn at_origin<'a>(
    followers: impl IntoIterator<Item = &'a Url>,
    peer: &Url,
) -> impl Iterator<Item = &'a Url> {
    let peer = peer.clone();
    let here = followers.into_iter();
    here.filter(move |follower| same_origin(follower, &peer))
}

/// The list of those `followers` that live at the server of `reader`, to be served under `url`;
/// `None` when there are more than [`MAX_LISTED`], since a list that is cut off would end follows.
///
/// # Security
/// `reader` has to be the actor that signed the request: each server sees its own part alone.
pub fn partial_collection<'a>(
    url: Url,
    followers: impl IntoIterator<Item = &'a Url>,
    reader: &Url,
) -> Option<Collection> {
    let mut collection = Collection::new(url, CollectionKind::OrderedCollection);
    let listed = at_origin(followers, reader).cloned().map(Into::into);
    collection.items = listed.take(MAX_LISTED.saturating_add(1)).collect();
    if collection.items.len() > MAX_LISTED {
        return None;
    }
    collection.total_items = u64::try_from(collection.items.len()).ok();
    Some(collection)
}
