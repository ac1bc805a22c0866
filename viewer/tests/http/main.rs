//! The server over real connections on loopback.

#[path = "../common/mod.rs"]
mod common;

mod collector;
mod events;
mod guard;
mod limits;
mod mounted;
mod otlp;
mod page_api;
mod search;
