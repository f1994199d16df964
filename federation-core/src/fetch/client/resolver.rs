//! Resolves names for the client and lets through only addresses that the guard allows: what is
//! checked here is what is connected to.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::fetch::guard::{GuardError, GuardPolicy};

/// Addresses of one name that are tried at most.
const MAX_ADDRESSES: usize = 8;

/// Turns names into addresses, without judging them.
pub trait NameLookup: fmt::Debug + Send + Sync + 'static {
    /// The addresses of `name`.
    ///
    /// # Errors
    /// What the resolver reports; an unknown name is an error.
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver, with at most 64 questions at once: a slow one holds a thread each.
#[derive(Clone, Debug)]
pub struct SystemLookup {
    slots: Arc<Semaphore>,
}

impl Default for SystemLookup {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(64)),
        }
    }
}

impl NameLookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let slots = Arc::clone(&self.slots);
        Box::pin(async move {
            let _slot = slots.acquire_owned().await.map_err(io::Error::other)?;
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

#[derive(Debug)]
pub(super) struct GuardedResolver {
    lookup: Arc<dyn NameLookup>,
    policy: Arc<GuardPolicy>,
}

impl GuardedResolver {
    pub(super) fn new(lookup: Arc<dyn NameLookup>, policy: Arc<GuardPolicy>) -> Self {
        Self { lookup, policy }
    }
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let answer = self.lookup.lookup(name.as_str().to_owned());
        let policy = Arc::clone(&self.policy);
        Box::pin(async move {
            let found = answer.await?;
            let mut allowed = Vec::new();
            let mut refusal: Option<GuardError> = None;
            for address in found.into_iter().take(MAX_ADDRESSES) {
                match policy.check_address(address) {
                    Ok(()) => allowed.push(SocketAddr::new(address, 0)),
                    Err(error) => refusal = Some(error),
                }
            }
            match refusal {
                Some(refusal) if allowed.is_empty() => Err(refusal.into()),
                _ => Ok(Addrs::from(Box::new(allowed.into_iter()))),
            }
        })
    }
}
