//! Who asks to sign in: what their client calls itself, and where the request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use axum::extract::{FromRef, FromRequestParts};
use federation_core::Timestamp;
use federation_core::inbox::TrustedProxies;
use federation_core::store::sql::{Connection, DatabaseError};
use http::header::USER_AGENT;
use http::request::Parts;

use super::model::shown_user_agent;
use crate::base::ids::{RequestId, UserId};
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::server::PeerAddress;

/// Who asks to sign in, as far as the request tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// What the client calls itself, cut to what a list of sessions shows.
    pub user_agent: String,
    /// Where the request comes from, proxies of the operator's left out.
    pub address: IpAddr,
    /// The id of the request.
    pub request: Option<RequestId>,
}

impl Caller {
    /// Records what a member did to their own account, in the transaction that does it.
    ///
    /// # Errors
    /// The database failed.
    pub fn record(
        &self,
        connection: &mut Connection,
        member: UserId,
        action: &'static str,
        now: Timestamp,
    ) -> Result<(), DatabaseError> {
        let entry = self.entry(member, action).on("user", &member);
        audit::record(connection, &entry, now)?;
        Ok(())
    }

    /// What a member does by this request, for the audit log.
    pub(super) fn entry(&self, member: UserId, action: &'static str) -> audit::Entry {
        let entry = audit::Entry::new(audit::By::User(member), action);
        entry.asked_by(self.request, Some(self.address))
    }

    /// The network that counts as one place: an IPv4 address, or a /64 of IPv6.
    pub(super) fn network(&self) -> String {
        match self.address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
        }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    S: Send + Sync,
    Ctx: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let ctx = Ctx::from_ref(state);
        // Every connection of the server has one.
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = parts.extensions.get::<PeerAddress>();
        let peer = peer.map_or(unknown, |peer| peer.0);
        let proxies = TrustedProxies::new(ctx.config().server.trusted_proxies.clone());
        Ok(Self {
            user_agent: shown_user_agent(parts.headers.get(USER_AGENT)),
            address: proxies.source(peer, &parts.headers),
            request: parts.extensions.get::<RequestId>().copied(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_counts_with_its_neighbours_in_ipv6() {
        let network = |address: &str| {
            let caller = Caller {
                user_agent: String::new(),
                address: address.parse().unwrap(),
                request: None,
            };
            caller.network()
        };
        assert_eq!(network("192.0.2.7"), "192.0.2.7");
        assert_eq!(network("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::1"));
    }
}
