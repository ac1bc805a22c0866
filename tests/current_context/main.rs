//! The current context of a task, and the functions that use it.

#[path = "../common/mod.rs"]
mod common;

mod carried;
mod handles;
mod kinds;
mod limits;
mod local_spans;
mod tasks;
mod user_code;
