//! A number for each thread, to spread what threads would otherwise write together.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// The calling thread's number: small, and the same whenever it asks.
pub(crate) fn number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: Cell<Option<usize>> = const { Cell::new(None) };
    }
    NUMBER
        .try_with(|number| match number.get() {
            Some(number) => number,
            None => {
                let own = NEXT.fetch_add(1, Relaxed);
                number.set(Some(own));
                own
            }
        })
        // The thread is ending.
        .unwrap_or(0)
}

/// How many stripes are worth having.
pub(crate) fn count() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get().clamp(1, 32))
}
