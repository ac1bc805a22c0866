//! The two formats of B3: `b3` in one header, and `x-b3-*` in several.
//!
//! Each is read and written by itself here. Which of them takes precedence is decided in
//! [`extract`](super::extract).

mod digits;
mod multi;
mod single;

pub(super) use digits::header_value;
pub(super) use multi::{MultiHeaders, write_ids};
pub(super) use single::{ParsedSingle, read_single, write_single};

#[cfg(test)]
mod tests;
