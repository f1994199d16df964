//! `[oidc]`: an issuer of another program by which members sign in (OpenID Connect).

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::fault::Fault;
use super::secret::Secret;
use crate::base::scope::{Scope, Scopes};

/// An issuer by which members sign in; none unless `issuer` is set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcConfig {
    /// The issuer, character by character as it names itself.
    pub issuer: Option<String>,
    /// What this node is called there.
    pub client_id: String,
    /// The secret of this node there; without it the node is a public client.
    pub client_secret: Option<Secret<String>>,
    /// Private address ranges that the issuer may live in, as CIDR; none by default.
    pub allowed_private_ranges: Vec<IpNet>,
    /// Whether the issuer may be asked over plain `http`.
    pub allow_http: bool,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// Whether people who are not known here get an account when they sign in.
    pub auto_register: bool,
    /// Whether access tokens of the issuer are taken as they are.
    pub accept_bearer: bool,
    /// Audiences of such tokens, beside this node's origin and its `client_id`.
    pub bearer_audiences: Vec<String>,
    /// What such tokens may do here.
    pub bearer_scopes: Vec<Scope>,
    /// Where in a token things stand.
    pub claims: OidcClaims,
}

/// Where in a token things stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OidcClaims {
    /// The name that a new account is given.
    pub username: String,
    /// The e-mail address, which counts when the issuer has verified it.
    pub email: String,
    /// The client that a token was made for.
    pub client_type: String,
}

impl Default for OidcConfig {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: String::new(),
            client_secret: None,
            allowed_private_ranges: Vec::new(),
            allow_http: false,
            scopes: ["openid", "profile", "email"].map(str::to_owned).to_vec(),
            auto_register: false,
            accept_bearer: false,
            bearer_audiences: Vec::new(),
            bearer_scopes: vec![Scope::Read, Scope::Write],
            claims: OidcClaims::default(),
        }
    }
}

impl Default for OidcClaims {
    fn default() -> Self {
        Self {
            username: "preferred_username".to_owned(),
            email: "email".to_owned(),
            client_type: "azp".to_owned(),
        }
    }
}

impl OidcConfig {
    /// What tokens of the issuer may do here, as a set.
    pub fn granted(&self) -> Scopes {
        self.bearer_scopes.iter().copied().collect()
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        let Some(issuer) = &self.issuer else { return };
        let is_issuer = Url::parse(issuer).is_ok_and(|url| {
            matches!(url.scheme(), "https" | "http")
                && url.query().is_none()
                && url.fragment().is_none()
        });
        if !is_issuer {
            faults.push(Fault::new(
                "oidc.issuer",
                format!("{issuer:?} is not the URL of an issuer"),
                "write it as the issuer's configuration document does",
            ));
        }
        if issuer.starts_with("http:") && !self.allow_http {
            faults.push(Fault::new(
                "oidc.allow_http",
                "the issuer is asked over plain http, which this forbids",
                "reach the issuer over https; on a test network, set this to true",
            ));
        }
        if self.client_id.is_empty() {
            faults.push(Fault::new(
                "oidc.client_id",
                "an issuer is set and this is not",
                "register this node at the issuer and write its client id",
            ));
        }
        if !self.scopes.iter().any(|scope| scope == "openid") {
            faults.push(Fault::new(
                "oidc.scopes",
                "openid is missing, without which nobody signs in",
                "add \"openid\"",
            ));
        }
    }
}
