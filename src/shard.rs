//! Which shard of a shared structure a thread writes to, so that threads do not contend for one.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

#[derive(Clone, Copy)]
struct OwnNumbers {
    thread: usize,
    shard: usize,
}

fn own_numbers() -> Option<OwnNumbers> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBERS: Cell<Option<OwnNumbers>> = const { Cell::new(None) };
    }
    let numbers = NUMBERS.try_with(|numbers| match numbers.get() {
        Some(own) => own,
        None => {
            let thread = NEXT.fetch_add(1, Relaxed);
            let shard = thread % count();
            let own = OwnNumbers { thread, shard };
            numbers.set(Some(own));
            own
        }
    });
    numbers.ok()
}

/// A number that no other thread has; `None` if the calling thread is ending, and its number is gone.
pub(crate) fn own_number() -> Option<usize> {
    own_numbers().map(|own| own.thread)
}

/// A small number that identifies the calling thread. Take it modulo the number of shards. A thread that is
/// ending has the number of another one.
pub(crate) fn thread_number() -> usize {
    own_number().unwrap_or(0)
}

/// The shard of the calling thread in a structure with [`count`] shards.
pub(crate) fn current() -> usize {
    // The remainder is computed once for each thread, because a division takes as long as some look-ups.
    own_numbers().map_or(0, |own| own.shard)
}

/// How many shards a structure should have: one for each core, 32 at most.
pub(crate) fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    let cores = || std::thread::available_parallelism().map_or(4, |cores| cores.get());
    *COUNT.get_or_init(|| cores().clamp(1, 32))
}
