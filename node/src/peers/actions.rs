//! Looking at peers.

use federation_core::outbox::sql;
use federation_core::outbox::{PeerHealth, PeerStatistics};
use federation_core::store::sql::DatabaseError;
use url::Url;

use crate::base::page::Page;
use crate::platform::ctx::Ctx;
use crate::platform::domains::{Policy, domain_of, store};

/// The peers after `after`, by name; at most `limit`.
pub(super) async fn list(
    ctx: &Ctx,
    after: Option<String>,
    limit: u32,
) -> Result<Page<PeerHealth, String>, DatabaseError> {
    let read = move |connection: &mut _| {
        // One more than asked for tells whether the list goes on.
        sql::peers(connection, after.as_deref(), limit.saturating_add(1))
    };
    let mut items = ctx.db().read(read).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().map(|peer| peer.host.clone());
    Ok(Page {
        items,
        next: last.filter(|_| more),
        prev: None,
    })
}

/// What is known of the peer; nothing when nothing was ever sent to it and there is no policy.
pub(super) async fn find(ctx: &Ctx, host: String) -> Result<Known, DatabaseError> {
    let domain = domain_of(&host);
    ctx.db()
        .read(move |connection| {
            let policy = match domain {
                Some(domain) => store::by_domain(connection, &domain)?,
                None => None,
            };
            Ok((sql::peer_statistics(connection, &host)?, policy))
        })
        .await
}

/// How a peer fares and what is queued for it, and the policy towards it.
pub(super) type Known = (Option<PeerStatistics>, Option<Policy>);

/// The name under which a peer is kept: the host in lower case and ASCII, and the port when it is
/// not the usual one. `None` when the text is no host.
pub fn canonical(domain: &str) -> Option<String> {
    let url = Url::parse(&format!("https://{domain}/")).ok()?;
    let bare = url.path() == "/" && url.username().is_empty() && url.query().is_none();
    let host = url.host_str().filter(|_| bare)?;
    Some(match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_one_name() {
        let name = |domain| canonical(domain);
        assert_eq!(name("Peer.Example").as_deref(), Some("peer.example"));
        assert_eq!(name("peer.example:443").as_deref(), Some("peer.example"));
        assert_eq!(name("127.0.0.1:8081").as_deref(), Some("127.0.0.1:8081"));
        assert_eq!(
            name("b\u{fc}cher.example").as_deref(),
            Some("xn--bcher-kva.example")
        );
        for wrong in ["", "a/b", "user@a.example", "a?b", "a b"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
