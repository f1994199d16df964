//! The node handshake of a federation: sessions granted to other nodes, and asked of them.

use std::sync::Arc;

use super::service::{Federation, RingOf};
use super::storage::FederationStore;
use crate::fetch::{Directory, DomainPolicy};
use crate::handshake::{
    HandshakeClient, Holders, Issuer, IssuerConfig, IssuerParts, Sessions, Terms,
};
use crate::outbox::KeySource;

impl<S: FederationStore> Federation<S> {
    /// What grants sessions to other nodes by these terms; `handshake::router` serves it.
    ///
    /// Make one and clone it: what watches a session learns of its end through the issuer that
    /// ends it, or within a second from the store.
    pub fn issuer(&self, terms: Terms) -> Issuer {
        let parts = &self.0;
        let origin = parts.places.origin().clone();
        let mut config = IssuerConfig::new(origin, parts.places.server_actor());
        config.terms = terms;
        config.policy.allow_http = parts.inbox.config().policy.allow_http;
        let blocked = || -> Arc<dyn DomainPolicy> { Arc::clone(&parts.blocked) };
        let store = parts.store.handshakes();
        let sessions = Sessions::new(Arc::clone(&store), blocked(), Arc::clone(&parts.clock));
        let holders = Holders::new(Arc::clone(&parts.directory), Arc::clone(&parts.clock));
        let parts = IssuerParts {
            store,
            sessions,
            keys: Arc::<Directory>::clone(&parts.directory),
            holders: Arc::new(holders),
            blocked: blocked(),
            limiter: parts.inbox.limiter().cloned(),
            clock: Arc::clone(&parts.clock),
        };
        Issuer::new(config, parts)
    }

    /// What asks other nodes for sessions, in the name of this server's own actor.
    pub fn handshake_client(&self) -> HandshakeClient {
        let parts = &self.0;
        let keys: Arc<dyn KeySource> = Arc::new(RingOf(Arc::clone(&parts.keys)));
        HandshakeClient::new(
            parts.places.server_actor(),
            keys,
            Arc::clone(&parts.transport),
            Arc::clone(&parts.clock),
        )
    }
}
