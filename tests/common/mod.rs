//! What the black-box tests share.

#![allow(dead_code, reason = "each test file uses its part of it")]

mod body;
mod spans;

use http::HeaderMap;
use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

pub use body::{Script, Step};
pub use spans::Spans;

pub const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
pub const SPAN: &str = "a2fb4a1d1a96d312";
pub const PARENT: &str = "0020000000000001";

/// Polls once, and wants no waking.
pub fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that never waits.
#[track_caller]
pub fn now<F: Future>(future: F) -> F::Output {
    match poll(std::pin::pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// All values of a header, as bytes.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    let values = headers.get_all(name).iter();
    values.map(|value| value.as_bytes()).collect()
}

/// The first value of a header, as text.
#[track_caller]
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no header {name}"))
        .to_str()
        .unwrap()
}

/// Runs something that is expected to panic, without the message on the terminal.
pub fn panics(work: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err()
}
