//! `Stripes`: the numbers of a series, split by groups of threads.

use crate::shard;
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// More stripes would cost more memory than they save contention. Each has its numbers once or, if several
/// threads count in it, twice.
const MAX_STRIPES: usize = 8;

/// The numbers, once for each group of threads that has counted.
pub(super) struct Stripes {
    /// How many numbers each has.
    length: usize,
    stripes: Box<[OnceLock<Stripe>]>,
}

/// The first thread of a group has numbers of its own. It adds to them without an atomic
/// read-modify-write. They are not reused when that thread has ended, because other threads cannot detect
/// that.
struct Stripe {
    /// The [number](shard::own_number) of that thread; `None` if it had none.
    owner: Option<usize>,
    own: Box<[AtomicU64]>,
    /// The numbers of the other threads.
    shared: OnceLock<Box<[AtomicU64]>>,
}

/// The numbers that a thread counts in.
#[derive(Clone, Copy)]
pub(super) struct ThreadNumbers<'a> {
    numbers: &'a [AtomicU64],
    /// Whether no other thread writes to them.
    is_owner: bool,
}

fn zeros(length: usize) -> Box<[AtomicU64]> {
    (0..length).map(|_| AtomicU64::new(0)).collect()
}

/// Like `get_or_init`, but makes the value outside of the cell, so that no other thread waits for it.
#[inline]
fn get_or_make<T>(cell: &OnceLock<T>, make: impl FnOnce() -> T) -> Option<&T> {
    if cell.get().is_none() {
        // Another thread may have been faster.
        let _ = cell.set(make());
    }
    cell.get()
}

impl Stripes {
    pub(super) fn new(length: usize) -> Stripes {
        let stripes = shard::count().min(MAX_STRIPES);
        Stripes {
            length,
            stripes: (0..stripes).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The numbers of the calling thread.
    #[inline]
    pub(super) fn of_current_thread(&self) -> Option<ThreadNumbers<'_>> {
        self.of_thread(shard::own_number(), shard::current())
    }

    #[inline]
    fn of_thread(&self, thread: Option<usize>, shard: usize) -> Option<ThreadNumbers<'_>> {
        // There are as many stripes as shards, or the maximum.
        let stripe = get_or_make(self.stripes.get(shard % MAX_STRIPES)?, || Stripe {
            owner: thread,
            own: zeros(self.length),
            shared: OnceLock::new(),
        })?;
        if thread.is_some() && stripe.owner == thread {
            return Some(ThreadNumbers {
                numbers: &stripe.own,
                is_owner: true,
            });
        }
        Some(ThreadNumbers {
            numbers: get_or_make(&stripe.shared, || zeros(self.length))?,
            is_owner: false,
        })
    }

    /// All numbers that were counted in.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[AtomicU64]> {
        let stripes = self.stripes.iter().filter_map(OnceLock::get);
        stripes.flat_map(|stripe| {
            let shared = stripe.shared.get().map(|shared| &**shared);
            [Some(&*stripe.own), shared].into_iter().flatten()
        })
    }
}

impl ThreadNumbers<'_> {
    #[inline]
    pub(super) fn add(self, at: usize, value: u64) {
        if let Some(number) = self.numbers.get(at) {
            match self.is_owner {
                true => number.store(number.load(Relaxed).wrapping_add(value), Relaxed),
                false => {
                    number.fetch_add(value, Relaxed);
                }
            }
        }
    }

    pub(super) fn set(self, at: usize, value: u64) {
        if let Some(number) = self.numbers.get(at) {
            number.store(value, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn concurrent_threads_lose_nothing() {
        let threads = 3 * MAX_STRIPES;
        let stripes = Stripes::new(2);
        let start = Barrier::new(threads);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..10_000 {
                        stripes.of_current_thread().unwrap().add(1, 3);
                    }
                });
            }
        });
        let sum = |at: usize| stripes.iter().map(|one| one[at].load(Relaxed)).sum::<u64>();
        assert_eq!((sum(0), sum(1)), (0, 30_000 * threads as u64));
    }

    #[test]
    fn threads_without_a_number_own_nothing() {
        let stripes = Stripes::new(1);
        let owners = [None, Some(7), None, Some(8)].map(|thread| {
            let numbers = stripes.of_thread(thread, 0).unwrap();
            numbers.add(0, 1);
            numbers.is_owner
        });
        assert_eq!(owners, [false; 4]);
        assert!(
            stripes
                .of_thread(Some(7), 1)
                .is_none_or(|numbers| numbers.is_owner)
        );
        let sum: u64 = stripes.iter().map(|one| one[0].load(Relaxed)).sum();
        assert_eq!(sum, 4);
    }
}
