//! The ids of a request on its log lines, by the event format.
#![cfg(feature = "log-format")]

#[path = "../common/mod.rs"]
mod common;

mod anything_logged;
mod fields;
mod json;
mod lines;
mod requests;
mod text;
