//! Notes that a body panicked in a method that takes `&self`.

use super::Exchange;
use std::{sync::atomic::Ordering::Relaxed, thread};

/// Notes a panic between its creation and its drop. Those methods of a body cannot change the
/// exchange, so the note is an atomic. `Relaxed` is enough: the exchange is read by its owner, and
/// whatever moves it to another thread synchronizes.
pub(super) struct PanicWatch<'a> {
    exchange: &'a Exchange,
    was_panicking: bool,
}

impl<'a> PanicWatch<'a> {
    pub(super) fn of(exchange: &'a Exchange) -> PanicWatch<'a> {
        PanicWatch {
            exchange,
            was_panicking: thread::panicking(),
        }
    }
}

impl Drop for PanicWatch<'_> {
    fn drop(&mut self) {
        let panicked = !self.was_panicking && thread::panicking();
        if let (true, Some(open)) = (panicked, &self.exchange.open) {
            open.exchange.hint_panicked.store(true, Relaxed);
        }
    }
}
