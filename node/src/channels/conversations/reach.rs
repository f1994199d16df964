//! Who may write to whom: the one place where that is asked.

use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts;
use crate::accounts::circle;
use crate::accounts::contact::DirectMessages;
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::follows;

/// Whether `from` may begin a conversation with `to`, or bring them into one.
///
/// Both have to be active, and a member of this node is asked whom they let write to them. What
/// people of other nodes want their own nodes know. What is open already goes on.
///
/// # Errors
/// The database failed.
pub fn may_reach(
    connection: &mut Connection,
    from: UserId,
    to: UserId,
) -> Result<bool, DatabaseError> {
    let sender = accounts::store::by_id(connection, from)?;
    let recipient = accounts::store::by_id(connection, to)?;
    let (Some(sender), Some(recipient)) = (sender, recipient) else {
        return Ok(false);
    };
    if !sender.is_active() || !recipient.is_active() {
        return Ok(false);
    }
    wants(connection, &sender, &recipient)
}

fn wants(
    connection: &mut Connection,
    sender: &User,
    recipient: &User,
) -> Result<bool, DatabaseError> {
    if !recipient.is_local() || sender.id == recipient.id {
        return Ok(true);
    }
    match recipient.direct_messages {
        DirectMessages::Everybody => Ok(true),
        DirectMessages::Communities => {
            circle::share_a_community(connection, recipient.id, sender.id)
        }
        DirectMessages::Followed => {
            let follow = follows::store::between(connection, recipient.id, sender.id)?;
            Ok(follow.is_some())
        }
    }
}
