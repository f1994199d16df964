//! What keeps a member signed in: tokens, their keys, devices, and several processes of one node.

mod cluster;
mod commands;
mod devices;
mod doctor;
mod forge;
mod gateway;
mod keys;
mod presence;
mod processes;
mod redis;
mod refresh;
mod returning;
mod revocations;
mod tokens;
