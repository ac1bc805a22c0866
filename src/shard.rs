//! Which shard of a shared structure a thread writes to, so that threads do not contend for one.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A small number that identifies the calling thread. Take it modulo the number of shards.
pub(crate) fn thread_number() -> usize {
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
        // The thread is ending, and its number is gone.
        .unwrap_or(0)
}

/// How many shards a structure should have: one for each core, 32 at most.
pub(crate) fn count() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| cores.get().clamp(1, 32))
}
