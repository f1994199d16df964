//! What is forgotten of a member's signing in when their account ends.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::UserId;
use crate::platform::db::schema::{
    accepted_terms, confirmed_emails, credentials, external_identities, mail_codes, passkeys,
    personal_tokens, recovery_codes, sessions, sign_in_places, totp_secrets,
};

/// Forgets by what a member signed in, and where; the ended sessions stay for a while, without
/// their devices, so that every process learns of their end.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    diesel::delete(credentials::table.find(user)).execute(connection)?;
    diesel::delete(totp_secrets::table.find(user)).execute(connection)?;
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user)))
        .execute(connection)?;
    diesel::delete(passkeys::table.filter(passkeys::user_id.eq(user))).execute(connection)?;
    let external = external_identities::table.filter(external_identities::user_id.eq(user));
    diesel::delete(external).execute(connection)?;
    diesel::delete(confirmed_emails::table.find(user)).execute(connection)?;
    diesel::delete(mail_codes::table.filter(mail_codes::user_id.eq(user))).execute(connection)?;
    diesel::delete(accepted_terms::table.filter(accepted_terms::user_id.eq(user)))
        .execute(connection)?;
    diesel::delete(sign_in_places::table.filter(sign_in_places::user_id.eq(user)))
        .execute(connection)?;
    diesel::update(sessions::table.filter(sessions::user_id.eq(user)))
        .set((
            sessions::user_agent.eq(""),
            sessions::device_name.eq(None::<&str>),
            sessions::last_network.eq(None::<&str>),
        ))
        .execute(connection)?;
    let own = sessions::table
        .filter(sessions::user_id.eq(user))
        .select(sessions::id);
    diesel::delete(personal_tokens::table.filter(personal_tokens::session_id.eq_any(own)))
        .execute(connection)?;
    Ok(())
}
