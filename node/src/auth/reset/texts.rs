//! What messages to members say.

use crate::config::Origin;
use crate::platform::mail::Mail;

/// A code for a new password.
pub(super) fn reset(origin: &Origin, username: &str, email: &str, code: &str) -> Mail {
    let domain = origin.authority();
    Mail {
        to: email.to_owned(),
        subject: format!("A new password on {domain}"),
        text: format!(
            "Hello {username},\n\nsomebody asked for a new password for your account on {domain}.\n\
             If it was you, give this code to your client within an hour; it works once:\n\n\
             {code}\n\nIf it was not you, do nothing: your password stays as it is.\n"
        ),
    }
}

/// A code that proves an address.
pub(super) fn confirm(origin: &Origin, username: &str, email: &str, code: &str) -> Mail {
    let domain = origin.authority();
    Mail {
        to: email.to_owned(),
        subject: format!("Your e-mail address on {domain}"),
        text: format!(
            "Hello {username},\n\nthis address was given for the account {username} on {domain}.\n\
             If it is yours, give this code to your client within a day; it works once:\n\n\
             {code}\n\nIf it is not, do nothing: no further message comes here.\n"
        ),
    }
}

/// A note that something about signing in changed.
pub(super) fn note(origin: &Origin, username: &str, email: &str, what: &str) -> Mail {
    let domain = origin.authority();
    Mail {
        to: email.to_owned(),
        subject: format!("Your account on {domain}"),
        text: format!(
            "Hello {username},\n\n{what}\n\nIf it was not you, ask for a new password on {domain} at \
             once and end all sessions.\n"
        ),
    }
}
