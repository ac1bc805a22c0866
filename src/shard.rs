//! Which shard of a shared structure a thread writes to, so that threads do not contend for one.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

/// The number of the calling thread, and its shard; `None` if the thread is ending, and they are gone.
fn own() -> Option<(usize, usize)> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static OWN: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let own = OWN.try_with(|own| match own.get() {
        Some(own) => own,
        None => {
            let number = NEXT.fetch_add(1, Relaxed);
            let both = (number, number % count());
            own.set(Some(both));
            both
        }
    });
    own.ok()
}

/// A number that no other thread has; `None` if the calling thread is ending, and its number is gone.
#[cfg(feature = "metrics")]
pub(crate) fn own_number() -> Option<usize> {
    own().map(|(number, _)| number)
}

/// A small number that identifies the calling thread. Take it modulo the number of shards. A thread that is
/// ending may have the number of another one.
#[cfg(any(
    feature = "access-log",
    feature = "batch",
    feature = "metrics",
    feature = "tracing-layer"
))]
pub(crate) fn thread_number() -> usize {
    own().map_or(0, |(number, _)| number)
}

/// The shard of the calling thread in a structure with [`count`] shards. The remainder is computed once for
/// each thread, because a division takes as long as some look-ups.
pub(crate) fn current() -> usize {
    own().map_or(0, |(_, shard)| shard)
}

/// How many shards a structure should have: one for each core, 32 at most.
pub(crate) fn count() -> usize {
    static COUNT: OnceLock<usize> = OnceLock::new();
    let cores = || std::thread::available_parallelism().map_or(4, |cores| cores.get());
    *COUNT.get_or_init(|| cores().clamp(1, 32))
}
