//! Proving who one is: second factors, passkeys, passwords, mail, and whoever guesses.

mod guessing;
mod mail;
mod passkeys;
mod post;
mod registration;
mod totp;
pub(crate) mod world;
