//! Tells members by mail what changed about how they sign in.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;

use super::store;
use super::texts;
use crate::accounts::store as accounts;
use crate::auth::error::AuthError;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::mail;

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The password.
    Password,
    /// Signing in takes a code from now on.
    SecondFactorAdded,
    /// It takes none any more.
    SecondFactorRemoved,
    /// There are new recovery codes.
    RecoveryCodesRenewed,
    /// One of them was used.
    RecoveryCodeUsed,
    /// There is one passkey more.
    PasskeyAdded,
    /// There is one less.
    PasskeyRemoved,
    /// Somebody of another issuer signs in to the account from now on.
    IssuerLinked,
    /// They do no longer.
    IssuerUnlinked,
}

impl Change {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Password => "your password was changed, and your other sessions were ended.",
            Self::SecondFactorAdded => "signing in now takes a code of your authenticator app.",
            Self::SecondFactorRemoved => "signing in takes no code any more.",
            Self::RecoveryCodesRenewed => "you have new recovery codes; the earlier ones are gone.",
            Self::RecoveryCodeUsed => "somebody signed in by one of your recovery codes.",
            Self::PasskeyAdded => "a passkey was added to your account.",
            Self::PasskeyRemoved => "a passkey was removed from your account.",
            Self::IssuerLinked => "your account was linked to a sign-in by another issuer.",
            Self::IssuerUnlinked => {
                "a link to another issuer was removed, and your other sessions were ended."
            }
        }
    }
}

/// Queues a note in the transaction of the change, for members whose address is proved.
///
/// # Errors
/// The database failed, or the key ring.
pub fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    member: UserId,
    change: Change,
    now: Timestamp,
) -> Result<(), AuthError> {
    if !ctx.config().mail.is_on() {
        return Ok(());
    }
    let Some(user) = accounts::by_id(connection, member)? else {
        return Ok(());
    };
    let Some(email) = store::confirmed_email(connection, &user)? else {
        return Ok(());
    };
    let note = texts::note(ctx.origin(), &user.username, &email, change.sentence());
    Ok(mail::enqueue(ctx, connection, &note, now)?)
}
