//! Who asks too much, and who is not answered at all.
//!
//! [`Limits`] holds a token bucket for each address (IPv6 by its /64, and by its /48 for sixteen
//! times as much) and each account, by class of route. Who goes beyond is told when to come back,
//! then waits, then is blocked for a time that grows. Counts are of one process; settings and
//! blocks are rows that all processes share.
//!
//! # Security
//! The counts take bounded memory however many addresses there are: those that ask often push out
//! those that do not. Addresses inside (loopback, private, proxies) are never blocked or held off by
//! the server itself, since all clients behind a proxy that the settings forget look like it.

mod blocks;
mod bucket;
pub mod changes;
mod offenders;
pub mod settings;
pub mod shield;
pub mod store;
mod tether;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use federation_core::Timestamp;
use federation_core::inbox::TrustedProxies;
use http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use moka::sync::Cache;
use tokio::sync::mpsc;

use self::blocks::Blocks;
use self::bucket::{Bucket, Quota, Taken};
use self::changes::Row;
use self::offenders::{Offenders, Step};
use self::settings::RateSettings;
use self::store::Versions;
use self::tether::Held;
use crate::base::ids::UserId;
use crate::platform::http::access::RateClass;
use crate::platform::http::error::ApiError;

pub use self::blocks::canonical;
pub use self::tether::{Tether, Tethered};

/// Addresses and accounts that are counted at most, of each.
const MOST_COUNTED: u64 = 100_000;
/// How long a count stays that nobody asks for; longer than any window.
const COUNT_KEPT: Duration = Duration::from_hours(2);
/// How much more a site (a /48 of IPv6) may ask for than one network in it.
const SITE_FACTOR: u32 = 16;
/// After how long a server at a blocked address may ask whether it is let in again.
const BLOCKED_PEERS_WAIT: Duration = Duration::from_mins(15);
/// The counter of refused requests (`docs/metrics.md`).
pub const REFUSED: &str = "folkmoot_requests_refused_total";

/// The limits and blocks of this process.
pub struct Limits {
    settings: RwLock<Arc<RateSettings>>,
    addresses: Cache<(RateClass, IpNet), Arc<Bucket>>,
    accounts: Cache<(RateClass, UserId), Arc<Bucket>>,
    offenders: Offenders,
    blocks: RwLock<Blocks>,
    held: Held,
    proxies: TrustedProxies,
    versions: Mutex<Versions>,
    rows: mpsc::Sender<Row>,
    written: Mutex<Option<mpsc::Receiver<Row>>>,
}

/// What one bucket says about itself (draft-ietf-httpapi-ratelimit-headers-10).
#[derive(Clone, Debug)]
pub struct Shown {
    name: String,
    quota: Quota,
    taken: Taken,
}

/// Why a request is refused, with what its bucket says.
#[derive(Debug)]
pub struct Refusal {
    /// What the client is told.
    pub error: ApiError,
    shown: Option<Shown>,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = self.error.into_response();
        if let Some(shown) = self.shown {
            shown.add_to(response.headers_mut());
        }
        response
    }
}

impl Limits {
    /// Limits by the defaults, with nobody blocked.
    pub fn new(proxies: TrustedProxies) -> Self {
        let (rows, written) = mpsc::channel(changes::WAITING);
        Self {
            settings: RwLock::default(),
            addresses: counts(),
            accounts: counts(),
            offenders: Offenders::new(),
            blocks: RwLock::default(),
            held: Held::default(),
            proxies,
            versions: Mutex::default(),
            rows,
            written: Mutex::new(Some(written)),
        }
    }

    /// The settings that count now.
    pub fn settings(&self) -> Arc<RateSettings> {
        let settings = self.settings.read();
        Arc::clone(&settings.unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether an address is blocked.
    pub fn is_blocked(&self, address: IpAddr, now: Timestamp) -> bool {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.contains(address, now)
    }

    /// Whether the server itself may hold off or block an address.
    fn is_outside(&self, address: IpAddr) -> bool {
        let inside = match address {
            IpAddr::V4(address) => {
                address.is_loopback() || address.is_private() || address.is_link_local()
            }
            IpAddr::V6(address) => {
                address.is_loopback()
                    || address.is_unique_local()
                    || address.is_unicast_link_local()
            }
        };
        !inside && !self.proxies.contains(address)
    }

    /// Counts a request of an address; what to tell it of its bucket, if it has one.
    ///
    /// # Errors
    /// 403 when the address is blocked, 429 when it asks too much.
    fn ask(
        &self,
        address: IpAddr,
        class: RateClass,
        now: Timestamp,
    ) -> Result<Option<Shown>, Box<Refusal>> {
        if self.is_blocked(address, now) {
            // Other servers take a 403 for a last word and drop what they have; they are to wait.
            let error = match class {
                RateClass::Inbox => too_many(BLOCKED_PEERS_WAIT),
                _ => blocked(),
            };
            return Err(refused("blocked", error, None));
        }
        let settings = self.settings();
        let Some(quota) = settings
            .quota(class)
            .filter(|_| !settings.is_exempt(address))
        else {
            return Ok(None);
        };
        let network = network_of(address);
        let outside = self.is_outside(address);
        if outside && let Some(step) = self.offenders.waiting(network, &settings, now) {
            let error = self.follow(step, address, now);
            return Err(refused("waiting", error, None));
        }
        let mut shown = self.take(network, class, quota, now);
        let mut by_site = false;
        if shown.taken.refused_for.is_none()
            && let Some(site) = site_of(address)
        {
            let of_site = self.take(site, class, quota.times(SITE_FACTOR), now);
            if of_site.taken.refused_for.is_some() {
                shown = of_site;
                by_site = true;
            }
        }
        let Some(wait) = shown.taken.refused_for else {
            return Ok(Some(shown));
        };
        let mut error = if by_site {
            // What others of the site did is not the fault of this network.
            too_many(wait)
        } else if outside {
            let step = self.offenders.warn(network, &settings, now);
            self.follow(step, address, now)
        } else {
            tracing::debug!(%address, "an address inside asks too much; is it a proxy that server.trusted_proxies should name?");
            too_many(wait)
        };
        if error.retry_after().is_some_and(|told| told < wait) {
            error = error.after(wait);
        }
        Err(refused("limited", error, Some(shown)))
    }

    fn take(&self, network: IpNet, class: RateClass, quota: Quota, now: Timestamp) -> Shown {
        let bucket = self.addresses.get_with((class, network), Arc::default);
        Shown {
            name: class.as_str().to_owned(),
            quota,
            taken: bucket.take(quota, now),
        }
    }

    /// Carries out what follows from a request that was too much.
    fn follow(&self, step: Step, address: IpAddr, now: Timestamp) -> ApiError {
        if let Some(row) = step.row {
            tracing::info!(%address, warnings = row.warnings, "an address asks too much");
            self.write_down(Row::Violations(row));
        }
        match step.block {
            Some(block) => {
                self.block_by_itself(network_of(address), now, block);
                blocked()
            }
            None => too_many(step.wait),
        }
    }

    /// Counts a request of a member.
    ///
    /// # Errors
    /// 429 when they ask too much.
    pub fn ask_account(
        &self,
        user: UserId,
        class: RateClass,
        now: Timestamp,
    ) -> Result<Option<Shown>, Box<Refusal>> {
        let Some(quota) = self.settings().quota(class) else {
            return Ok(None);
        };
        let bucket = self.accounts.get_with((class, user), Arc::default);
        let taken = bucket.take(quota, now);
        let name = format!("{}-account", class.as_str());
        let shown = Shown { name, quota, taken };
        match taken.refused_for {
            None => Ok(Some(shown)),
            Some(wait) => Err(refused("account", too_many(wait), Some(shown))),
        }
    }
}

impl Shown {
    /// Adds what is told of this bucket to the headers of an answer.
    pub fn add_to(&self, headers: &mut http::HeaderMap) {
        let window = self.quota.window.as_secs();
        let policy = format!("\"{}\";q={};w={window}", self.name, self.quota.requests);
        let full_in = self.taken.full_in.as_millis().div_ceil(1000);
        let now = format!("\"{}\";r={};t={full_in}", self.name, self.taken.left);
        for (name, text) in [("ratelimit-policy", policy), ("ratelimit", now)] {
            let name = HeaderName::from_static(name);
            // One list in one field: an item for each bucket.
            let before = headers.get(&name).and_then(|value| value.to_str().ok());
            let list = before.map_or_else(|| text.clone(), |before| format!("{before}, {text}"));
            if let Ok(value) = HeaderValue::try_from(list) {
                headers.insert(name, value);
            }
        }
    }
}

fn counts<K>() -> Cache<(RateClass, K), Arc<Bucket>>
where
    (RateClass, K): std::hash::Hash + Eq + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MOST_COUNTED)
        .time_to_idle(COUNT_KEPT)
        .build()
}

/// What counts as one client: an address of IPv4, a /64 of IPv6.
fn network_of(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 32 } else { 64 };
    IpNet::new(address, length)
        .map_or_else(|_never| IpNet::from(address), |network| network.trunc())
}

/// The /48 that an address of IPv6 is in: what one customer of a provider gets.
fn site_of(address: IpAddr) -> Option<IpNet> {
    let site = address.is_ipv6().then(|| IpNet::new(address, 48))?;
    site.ok().map(|network| network.trunc())
}

fn refused(reason: &'static str, error: ApiError, shown: Option<Shown>) -> Box<Refusal> {
    metrics::counter!(REFUSED, "reason" => reason).increment(1);
    Box::new(Refusal { error, shown })
}

fn blocked() -> ApiError {
    let detail = "This address is blocked. Ask the people who run this server.";
    ApiError::forbidden("address_blocked", detail)
}

fn too_many(wait: Duration) -> ApiError {
    // Whole seconds, so that who waits as told is not early.
    let wait = Duration::from_millis(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let seconds = wait
        .as_secs()
        .saturating_add(u64::from(wait.subsec_millis() > 0));
    ApiError::too_many_requests(
        format!(
            "Too many requests. Try again in {} seconds.",
            seconds.max(1)
        ),
        Duration::from_secs(seconds.max(1)),
    )
}

impl fmt::Debug for Limits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Limits").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
