//! A public channel of one server under test with everybody in it: members of two such servers, and
//! the actors of Fedify and bovine.

use std::time::Duration;

use anyhow::Context as _;
use anyhow::Result;
use anyhow::bail;
use anyhow::ensure;

use crate::channel::Said;
use crate::channel::Seat;
use crate::member::Member;
use crate::network::Network;
use crate::peer::Kind;
use crate::peer::Peer;
use crate::proxy::Proxy;
use crate::subject::Store;
use crate::subject::Subject;
use crate::wait;

/// Names under which servers are told what members of a Group do; they are told by the name of the
/// software (`docs/channels-federation.md`), and those of programs made for a test are known to nobody.
const READS_GROUPS: [&str; 2] = ["nodebb", "piefed"];

/// The channel, its host `a` on SQLite and the other server `b` on PostgreSQL.
#[derive(Debug)]
pub struct Square {
    /// The host of the channel.
    pub a: Subject,
    /// Another server under test.
    pub b: Subject,
    /// The owner of the channel's community, on the host.
    pub alice: Member,
    /// A member of the other server.
    pub bob: Member,
    /// Follows the channel.
    pub fedify: Peer,
    /// Follows the channel.
    pub bovine: Peer,
    /// The id of the community on the host.
    pub community: String,
    /// The id of the Group.
    pub group: String,
    channel: String,
    mirror: String,
    /// In front of the host, of the other server, and of Fedify.
    proxies: [Proxy; 3],
    _bovines: Proxy,
}

impl Square {
    /// Starts all four servers, and has everybody come in.
    ///
    /// # Errors
    /// When a server does not start, or somebody is not let in.
    pub async fn start(network: &Network) -> Result<Self> {
        let [of_fedify, of_bovine] = READS_GROUPS;
        let (a, b, fedify, bovine) = tokio::try_join!(
            Subject::start_recorded(network, "a", Store::Sqlite),
            Subject::start_recorded(network, "b", Store::Postgres),
            Peer::start_as(Kind::Fedify, network, of_fedify),
            Peer::start_as(Kind::Bovine, network, of_bovine),
        )?;
        let ((a, before_a), (b, before_b)) = (a, b);
        let ((fedify, before_fedify), (bovine, before_bovine)) = (fedify, bovine);
        let alice = Member::sign_up(&a, "alice").await?;
        let bob = Member::sign_up(&b, "bob").await?;
        alice.raise_limits().await?;
        bob.raise_limits().await?;
        let (community, channel) = alice.square().await?;
        let group = format!("{}/channels/{channel}", a.origin());
        let handle = format!("@general.main@{}", a.authority());
        let mirror = bob.join_channel(&handle).await?;
        for peer in [&fedify, &bovine] {
            let found = peer.lookup(&handle).await?;
            ensure!(
                found.as_deref() == Some(group.as_str()),
                "{handle} leads to {found:?}"
            );
            let follow = peer.follow(&group).await?;
            peer.expect("Accept", &follow).await?;
        }
        Ok(Self {
            a,
            b,
            alice,
            bob,
            fedify,
            bovine,
            community,
            group,
            channel,
            mirror,
            proxies: [before_a, before_b, before_fedify],
            _bovines: before_bovine,
        })
    }

    /// The member of the host.
    pub fn alice(&self) -> Seat<'_> {
        Seat::Member {
            member: &self.alice,
            channel: &self.channel,
        }
    }

    /// The member of the other server.
    pub fn bob(&self) -> Seat<'_> {
        Seat::Member {
            member: &self.bob,
            channel: &self.mirror,
        }
    }

    /// The actor of Fedify.
    pub fn fedify(&self) -> Seat<'_> {
        Seat::Guest {
            peer: &self.fedify,
            group: &self.group,
        }
    }

    /// The actor of bovine.
    pub fn bovine(&self) -> Seat<'_> {
        Seat::Guest {
            peer: &self.bovine,
            group: &self.group,
        }
    }

    /// Everybody, the member of the host first.
    pub fn everybody(&self) -> [Seat<'_>; 4] {
        [self.alice(), self.bob(), self.fedify(), self.bovine()]
    }

    /// Lets nothing through any more to the host, to the other server and to Fedify, so that each is
    /// alone. What the host sends to bovine still comes there, which cannot ask the host for its key.
    /// Or lets everything through again.
    pub fn part(&self, parted: bool) {
        for proxy in &self.proxies {
            proxy.set_down(parted);
        }
    }

    /// The id that the author of a message has on the host.
    ///
    /// # Errors
    /// When the message is not there.
    pub async fn author(&self, uri: &str) -> Result<String> {
        let messages = self.alice.messages(&self.channel).await?;
        let found = messages.iter().find(|one| one["uri"] == uri);
        let author = found.and_then(|one| one["author"]["id"].as_str());
        Ok(author
            .with_context(|| format!("{uri} is not there"))?
            .to_owned())
    }
}

/// Waits until all of these see what `fits`.
///
/// # Errors
/// When somebody does not in time; the message has what they see.
pub async fn all_see(
    seats: &[Seat<'_>],
    patience: Duration,
    what: &str,
    fits: impl Fn(&[Said]) -> bool + Send + Sync,
) -> Result<()> {
    for seat in seats {
        let waited = wait::until_within(patience, what, || async {
            Ok(fits(&seat.sees().await?).then_some(()))
        });
        if let Err(error) = waited.await {
            let seen = seat.sees().await?;
            bail!("{error}; {} sees {seen:#?}", seat.name());
        }
    }
    Ok(())
}
