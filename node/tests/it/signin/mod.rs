//! Proving who one is: second factors, passkeys, passwords, mail, and whoever guesses.

mod guessing;
mod registration;
mod totp;
mod world;
