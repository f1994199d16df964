//! Who may act on whom: the rules that every act upon somebody else's account is held against.
//!
//! They are judged inside the transaction of the act, under one lock, from the rows and not from
//! what a token said: two owners who demote each other at once are judged one after the other.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::AccountError;
use super::model::User;
use super::store::{self, lock_ownership};
use crate::base::ids::UserId;
use crate::base::privilege::{Privilege, Privileges};
use crate::base::role::Role;
use crate::platform::db::schema::{role_privileges, user_roles};

/// Somebody who acts on the accounts of others, as they stand in this transaction.
#[derive(Clone, Debug)]
pub struct Authority {
    user: User,
    privileges: Privileges,
}

impl Authority {
    /// Reads what the member may do, who has to hold `needed`; until the transaction ends nobody
    /// else's authority changes.
    ///
    /// # Errors
    /// They may not act, or lack the privilege.
    pub fn of(
        connection: &mut Connection,
        id: UserId,
        needed: Privilege,
    ) -> Result<Self, AccountError> {
        lock_ownership(connection)?;
        let user = store::by_id(connection, id)?.filter(|user| user.is_local() && user.is_active());
        let user = user.ok_or(AccountError::NotAllowed(needed))?;
        let privileges = effective(connection, user.id, user.role)?;
        if !privileges.contains(needed) {
            return Err(AccountError::NotAllowed(needed));
        }
        Ok(Self { user, privileges })
    }

    /// Who acts.
    pub fn user(&self) -> &User {
        &self.user
    }

    /// Goes on only when they may act on `target`: on people of lower roles; owners on everybody.
    ///
    /// # Errors
    /// The role of `target` is as high or higher.
    pub fn over(&self, target: &User) -> Result<(), AccountError> {
        self.over_role(target.role)
    }

    /// The same of everybody of a role.
    ///
    /// # Errors
    /// The role is as high or higher.
    pub fn over_role(&self, role: Role) -> Result<(), AccountError> {
        if self.user.role == Role::Owner || self.user.role > role {
            Ok(())
        } else {
            Err(AccountError::OutOfReach)
        }
    }

    /// Goes on only when they hold everything that they are about to give or take.
    ///
    /// # Errors
    /// They lack some of it.
    pub fn holds(&self, privileges: Privileges) -> Result<(), AccountError> {
        if self.privileges.covers(privileges) {
            Ok(())
        } else {
            Err(AccountError::NotHeld)
        }
    }

    /// Goes on only when they may make somebody `role`, or make somebody of it something else.
    ///
    /// # Errors
    /// It is higher than their own, or holds what they lack.
    pub fn appoints(&self, role: Role) -> Result<(), AccountError> {
        if role > self.user.role {
            return Err(AccountError::OutOfReach);
        }
        self.holds(Privileges::of_role(role))
    }
}

/// Everything that a member may do on this node: by their role, and by the roles given to them.
///
/// # Errors
/// The database failed.
pub fn effective(
    connection: &mut Connection,
    user: UserId,
    role: Role,
) -> Result<Privileges, DatabaseError> {
    let given: Vec<String> = user_roles::table
        .inner_join(role_privileges::table.on(role_privileges::role_id.eq(user_roles::role_id)))
        .filter(user_roles::user_id.eq(user))
        .select(role_privileges::privilege)
        .load(connection)?;
    Ok(Privileges::of_role(role).union(read(&given)))
}

/// Reads stored privileges; those of another version of this server count for nothing.
pub fn read(texts: &[String]) -> Privileges {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

/// Goes on only when the node keeps an owner who can act once `id` is none any more.
///
/// Call it under the lock that [`Authority::of`] takes.
///
/// # Errors
/// There is no other.
pub fn keep_an_owner(connection: &mut Connection, id: UserId) -> Result<(), AccountError> {
    lock_ownership(connection)?;
    if store::is_only_owner(connection, id)? {
        return Err(AccountError::LastOwner);
    }
    Ok(())
}
