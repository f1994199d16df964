//! Roles, the administration of accounts, profiles, export and deletion.

mod departures;
mod escalation;
mod members;
mod profiles;
mod roles;
mod staff;
