//! Mechanisms that every feature stands on and that know no feature.

pub mod activity;
pub mod audit;
pub mod cluster;
pub mod ctx;
pub mod db;
pub mod domains;
pub mod events;
pub mod filters;
pub mod http;
pub mod limits;
pub mod mail;
pub mod people;
pub mod rounds;
pub mod sealing;
pub mod tasks;
