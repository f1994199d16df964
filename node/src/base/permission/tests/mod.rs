//! Who may do what: a table written by hand, and what holds of every combination.

mod properties;
mod table;
