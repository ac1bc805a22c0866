//! The table of requests that are sent to both sides.

mod contexts;
mod decisions;
mod spans;

use super::case::Case;

pub fn cases() -> Vec<Case> {
    [
        contexts::contexts(),
        contexts::states(),
        contexts::single(),
        contexts::malformed(),
        decisions::control(),
        decisions::request_ids(),
        decisions::sampling(),
        contexts::w3c(),
        decisions::edge(),
        decisions::networks(),
        spans::tags(),
        spans::endings(),
        spans::ids_and_sidecars(),
        spans::forwarding(),
        decisions::documents(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
