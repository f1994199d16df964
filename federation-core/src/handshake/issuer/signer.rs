//! Who signed a call, and for whom: the checks that ask the world.

use url::Url;

use super::Inner;
use crate::fetch::canonical_host;
use crate::handshake::holders::cause;
use crate::handshake::{HandshakeError, LookupError};
use crate::inbox::{KeyLookupError, OwnedKey};
use crate::signature::SignatureClaim;
use crate::vocab::{ActorKind, same_origin};

impl Inner {
    pub(super) fn check_signer(&self, key_id: &Url) -> Result<(), HandshakeError> {
        let host = key_id.host_str().unwrap_or_default();
        if self.parts.blocked.is_blocked(host) {
            let host = canonical_host(host);
            return Err(HandshakeError::Blocked { host });
        }
        Ok(())
    }

    /// Verifies the signature, and that its signer is what its server names as its own actor.
    pub(super) async fn authenticate(&self, claim: &SignatureClaim) -> Result<Url, HandshakeError> {
        let owner = self.verify(claim).await?.owner;
        if !same_origin(&owner.id, claim.key_id()) {
            return Err(HandshakeError::NotANode {
                reason: "its key lies elsewhere",
            });
        }
        if !matches!(owner.kind, ActorKind::Application | ActorKind::Service) {
            return Err(HandshakeError::NotANode {
                reason: "it is neither an Application nor a Service",
            });
        }
        let named = if same_origin(&owner.id, &self.config.origin) {
            Some(self.config.node_actor.clone())
        } else {
            self.named(&owner.id).await?
        };
        if named.as_ref() != Some(&owner.id) {
            return Err(HandshakeError::NotANode {
                reason: "its server does not name it at /.well-known/nodeinfo",
            });
        }
        self.charge_holder(&owner.id)?;
        Ok(owner.id.clone())
    }

    async fn named(&self, actor: &Url) -> Result<Option<Url>, HandshakeError> {
        let mut origin = actor.clone();
        origin.set_path("/");
        origin.set_query(None);
        origin.set_fragment(None);
        match self.parts.holders.node_actor(&origin).await {
            Ok(named) => Ok(named),
            Err(LookupError::Unavailable {
                retry_after,
                source,
            }) => Err(HandshakeError::NodeUnavailable {
                retry_after,
                source: cause(source),
            }),
            Err(LookupError::Gone | LookupError::Unusable(_)) => Ok(None),
        }
    }

    /// Finds the key and verifies; once more with a fresh key when the known one does not fit,
    /// since nodes change keys.
    async fn verify(&self, claim: &SignatureClaim) -> Result<OwnedKey, HandshakeError> {
        let keys = &self.parts.keys;
        let known = keys.key(claim.key_id()).await?;
        let fault = match claim.verify(&known.key) {
            Ok(_signature) => return Ok(known),
            Err(fault) => fault,
        };
        let fresh = match keys.refresh_key(claim.key_id()).await {
            Ok(fresh) => fresh,
            Err(KeyLookupError::Unusable(_)) => return Err(fault.into()),
            Err(other) => return Err(other.into()),
        };
        if fresh.key == known.key {
            return Err(fault.into());
        }
        claim.verify(&fresh.key)?;
        Ok(fresh)
    }

    pub(super) async fn check_there(&self, subject: Option<&Url>) -> Result<(), HandshakeError> {
        let Some(subject) = subject else {
            return Ok(());
        };
        match self.parts.holders.is_there(subject).await {
            Ok(()) => Ok(()),
            Err(LookupError::Gone) => Err(HandshakeError::SubjectGone),
            Err(LookupError::Unusable(source)) => {
                Err(HandshakeError::SubjectUnusable(cause(source)))
            }
            Err(LookupError::Unavailable {
                retry_after,
                source,
            }) => Err(HandshakeError::SubjectUnavailable {
                retry_after,
                source: cause(source),
            }),
        }
    }
}
