//! Roles, the administration of accounts, profiles, export and deletion.

mod departures;
mod download;
mod escalation;
mod exports;
mod members;
mod presence;
mod profiles;
mod roles;
mod staff;
