//! What this server says about itself and its accounts.

use std::fmt;
use std::future::Future;

use url::Url;
use webfinger::{Handle, HandleError, Jrd, Link, Resource};

use super::application::SERVICE_REL;
use super::well_known::{APPLICATION_REL, NODE_INFO_2_0_REL, NodeInfoIndex};

/// The media type of actors' documents.
const ACTIVITY: &str = "application/activity+json";

/// Where a server is, which domain its handles have, and which actor stands for it.
#[derive(Clone, Debug)]
pub struct Site {
    origin: Url,
    handle_domain: String,
    application: Option<Account>,
}

/// An account of this server: a name and the actor behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Account {
    /// The name part of the handle.
    pub name: String,
    /// The id of the actor.
    pub actor: Url,
    /// The page for people.
    pub profile: Option<Url>,
}

impl Account {
    /// An account without a page for people.
    pub fn new(name: impl Into<String>, actor: Url) -> Self {
        Self {
            name: name.into(),
            actor,
            profile: None,
        }
    }

    /// The same account with its page for people.
    #[must_use]
    pub fn with_profile(mut self, profile: Url) -> Self {
        self.profile = Some(profile);
        self
    }
}

/// The accounts of a server, as its application knows them.
pub trait Accounts: Send + Sync + 'static {
    /// Why the application could not look.
    type Error: fmt::Display + Send;

    /// The account with this name, in any case of letters.
    fn by_name(
        &self,
        name: &str,
    ) -> impl Future<Output = Result<Option<Account>, Self::Error>> + Send;

    /// The account behind this actor, or behind its page for people.
    fn by_url(
        &self,
        url: &Url,
    ) -> impl Future<Output = Result<Option<Account>, Self::Error>> + Send;
}

impl Site {
    /// The server at the origin of `origin`, whose handles have its host as their domain.
    pub fn new(origin: &Url) -> Self {
        let mut root = origin.clone();
        root.set_path("/");
        root.set_query(None);
        root.set_fragment(None);
        let handle_domain = authority(&root);
        Self {
            origin: root,
            handle_domain,
            application: None,
        }
    }

    /// The same site with handles on another domain (split domains). That domain has to send
    /// `/.well-known/webfinger` and `/.well-known/host-meta` on to this server.
    ///
    /// # Errors
    /// [`HandleError::BadHost`] or [`HandleError::BadPort`] when it is no domain.
    pub fn with_handle_domain(mut self, domain: &str) -> Result<Self, HandleError> {
        self.handle_domain = Handle::new("a", domain)?.authority();
        Ok(self)
    }

    /// The same site with an actor that stands for the whole server (FEP-d556, FEP-2677).
    #[must_use]
    pub fn with_application(mut self, application: Account) -> Self {
        self.application = Some(application);
        self
    }

    /// The origin, with the path `/`.
    pub fn origin(&self) -> &Url {
        &self.origin
    }

    /// The actor that stands for the server.
    pub fn application(&self) -> Option<&Account> {
        self.application.as_ref()
    }

    /// The handle of a name here, without its leading `@`: what an actor states as `webfinger`
    /// (FEP-2c59).
    pub fn handle(&self, name: &str) -> String {
        format!("{name}@{}", self.handle_domain)
    }

    /// The `NodeInfo` index: version 2.1, version 2.0 and the server's actor.
    pub fn node_info_index(&self) -> NodeInfoIndex {
        let at = |version: &str| {
            let mut url = self.origin.clone();
            url.set_path(version);
            url
        };
        let application = self.application.as_ref();
        let application = application.map(|account| account.actor.clone());
        NodeInfoIndex::new(at("/nodeinfo/2.1"), application)
            .with_link(NODE_INFO_2_0_REL, at("/nodeinfo/2.0"))
    }

    /// The `WebFinger` document of an account.
    pub fn describe(&self, account: &Account) -> Jrd {
        let actor = account.actor.as_str();
        let mut document = Jrd::new(format!("acct:{}", self.handle(&account.name)))
            .with_alias(actor)
            .with_link(Link::actor(actor));
        if let Some(profile) = &account.profile {
            let link = Link::profile_page(profile.as_str());
            document = document.with_alias(profile.as_str()).with_link(link);
        }
        document
    }

    /// The `WebFinger` document of the server itself (FEP-d556).
    fn describe_application(&self, account: &Account) -> Jrd {
        let actor = account.actor.as_str();
        self.describe(account)
            .with_alias(self.origin.as_str())
            .with_link(Link::new(SERVICE_REL, ACTIVITY, actor))
            .with_link(Link::new(APPLICATION_REL, ACTIVITY, actor))
    }

    /// The document about a resource; `None` when it is not one of this server.
    ///
    /// Accounts are answered on the domain of the handles and on the server's own.
    ///
    /// # Errors
    /// What `accounts` reports.
    pub async fn look_up<A: Accounts>(
        &self,
        accounts: &A,
        resource: Resource,
    ) -> Result<Option<Jrd>, A::Error> {
        if let Some(application) = &self.application
            && self.is_application(application, &resource)
        {
            return Ok(Some(self.describe_application(application)));
        }
        let found = match resource {
            Resource::Account(handle) if self.is_own(&handle) => {
                accounts.by_name(handle.name()).await?
            }
            Resource::Account(_elsewhere) => None,
            Resource::Uri(url) => accounts.by_url(&url).await?,
        };
        Ok(found.map(|account| self.describe(&account)))
    }

    fn is_application(&self, application: &Account, resource: &Resource) -> bool {
        match resource {
            Resource::Account(handle) => {
                self.is_own(handle) && handle.name().eq_ignore_ascii_case(&application.name)
            }
            Resource::Uri(url) => *url == application.actor || *url == self.origin,
        }
    }

    fn is_own(&self, handle: &Handle) -> bool {
        let authority = handle.authority();
        authority == self.handle_domain || authority == self::authority(&self.origin)
    }
}

/// Host and port of a URL as handles write them.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}
