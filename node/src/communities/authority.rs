//! Who may act on what in a community: the rules that every privileged act is held against.
//!
//! They are judged inside the transaction of the act, after [`EventLog::begin`], from the rows and
//! not from what is remembered: two who act on each other at once are judged one after the other.
//!
//! [`EventLog::begin`]: crate::platform::events::EventLog::begin

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::error::CommunityError;
use super::model::{Community, Rank, Visibility};
use super::standing::{self, Stands};
use super::store;
use crate::base::ids::{CommunityId, UserId};
use crate::base::permission::{Permission, Permissions};

/// Somebody who acts in a community, as they stand in this transaction.
#[derive(Clone, Debug)]
pub struct Authority {
    /// Where.
    pub community: Community,
    /// Who.
    pub stands: Stands,
    held: Permissions,
}

impl Authority {
    /// Reads how a person stands in a community that they may know of.
    ///
    /// # Errors
    /// There is no such community for them.
    pub fn of(
        connection: &mut Connection,
        id: CommunityId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Self, CommunityError> {
        let community = store::by_id(connection, id)?.ok_or(CommunityError::NotFound)?;
        let stands = standing::of(connection, &community, user, now)?;
        let is_open = community.visibility != Visibility::Private;
        if !is_open && !stands.is_inside() {
            return Err(CommunityError::NotFound);
        }
        Ok(Self {
            held: stands.held(),
            community,
            stands,
        })
    }

    /// The same, for those who are in it or run the node.
    ///
    /// # Errors
    /// There is no such community for them.
    pub fn inside(
        connection: &mut Connection,
        id: CommunityId,
        user: UserId,
        now: Timestamp,
    ) -> Result<Self, CommunityError> {
        let found = Self::of(connection, id, user, now)?;
        if found.stands.is_inside() {
            Ok(found)
        } else {
            Err(CommunityError::NotFound)
        }
    }

    /// Who acts.
    pub fn id(&self) -> UserId {
        self.stands.user
    }

    /// What they hold in the community as a whole.
    pub fn held(&self) -> Permissions {
        self.held
    }

    /// Goes on only for those who hold `permission`.
    ///
    /// # Errors
    /// They lack it, or are silenced.
    pub fn needs(&self, permission: Permission) -> Result<(), CommunityError> {
        if self.held.contains(permission) {
            Ok(())
        } else if self.stands.standing.is_timed_out {
            Err(CommunityError::TimedOut)
        } else {
            Err(CommunityError::Missing(permission))
        }
    }

    /// Goes on only when they stand higher than `other`.
    ///
    /// # Errors
    /// The other stands as high or higher.
    pub fn over(&self, other: &Stands) -> Result<(), CommunityError> {
        self.above(other.rank)
    }

    /// Goes on only when they stand higher than this.
    ///
    /// # Errors
    /// They do not.
    pub fn above(&self, rank: Rank) -> Result<(), CommunityError> {
        if self.stands.rank > rank {
            Ok(())
        } else {
            Err(CommunityError::OutOfReach)
        }
    }

    /// Goes on only when they hold everything that they are about to give or take.
    ///
    /// # Errors
    /// They lack some of it.
    pub fn holds(&self, permissions: Permissions) -> Result<(), CommunityError> {
        if self.held.covers(permissions) {
            Ok(())
        } else {
            Err(CommunityError::NotHeld)
        }
    }

    /// Goes on only for the owner of the community, or of the node.
    ///
    /// # Errors
    /// They are neither.
    pub fn owns(&self) -> Result<(), CommunityError> {
        if self.stands.rank >= Rank::Owner {
            Ok(())
        } else {
            Err(CommunityError::OwnerOnly)
        }
    }

    /// How a person stands who is acted on.
    ///
    /// # Errors
    /// They are not in the community.
    pub fn member(
        &self,
        connection: &mut Connection,
        user: UserId,
        now: Timestamp,
    ) -> Result<Stands, CommunityError> {
        let found = standing::of(connection, &self.community, user, now)?;
        if found.standing.is_member {
            Ok(found)
        } else {
            Err(CommunityError::NotFound)
        }
    }
}
