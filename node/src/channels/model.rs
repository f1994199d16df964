//! What a channel is; no IO.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use diesel::prelude::*;
use openssl::sha::Sha256;

use crate::base::ids::ChannelId;
use crate::platform::db::schema::channels;

/// The kind of a direct conversation.
pub const DM: &str = "dm";

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = channels)]
pub struct Channel {
    /// The id.
    pub id: ChannelId,
    /// What sort of channel: [`DM`].
    pub kind: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// Names a set of people, whatever the order in which they are given.
///
/// People are told apart by the ids of their actors, so the same set has the same name here
/// whether a member opens the conversation or a message from another node does.
pub fn participants_key<'a>(actors: impl IntoIterator<Item = &'a str>) -> String {
    let mut actors: Vec<&str> = actors.into_iter().collect();
    actors.sort_unstable();
    actors.dedup();
    let mut hash = Sha256::new();
    for actor in actors {
        hash.update(actor.as_bytes());
        hash.update(b"\n");
    }
    BASE64.encode(hash.finish())
}

#[cfg(test)]
mod tests {
    use super::participants_key;

    #[test]
    fn a_set_has_one_name() {
        let (alice, bob) = (
            "https://a.example/users/alice",
            "https://b.example/users/bob",
        );
        let key = participants_key([alice, bob]);
        assert_eq!(key, participants_key([bob, alice, bob]));
        assert_ne!(key, participants_key([alice]));
        assert_eq!(key.len(), 43);
    }
}
