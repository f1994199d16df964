//! Roles, the administration of accounts, profiles, export and deletion.

mod blocks;
mod departures;
mod download;
mod escalation;
mod exports;
mod members;
mod notifications;
mod presence;
mod profiles;
mod roles;
mod staff;
