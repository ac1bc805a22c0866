//! `Stripes`: the numbers of a series, apart for the threads that count.

use crate::shard;
use std::sync::{
    OnceLock,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// More stripes would cost more memory than the threads of a busier machine lose by sharing one.
const MAX_STRIPES: usize = 8;

/// The numbers, once for each group of threads that has counted.
pub(super) struct Stripes {
    /// How many numbers each has.
    length: usize,
    stripes: Box<[OnceLock<Stripe>]>,
}

/// The first thread of a group has numbers of its own. It adds to them without an atomic
/// read-modify-write, which takes as long as all the other work of counting.
struct Stripe {
    /// `None` if it was ending.
    owner: Option<usize>,
    own: Box<[AtomicU64]>,
    /// Of the other threads.
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
        let thread = shard::own_number();
        // There are as many stripes as shards, or the maximum.
        let stripe = self.stripes.get(shard::current() % MAX_STRIPES)?;
        let stripe = stripe.get_or_init(|| Stripe {
            owner: thread,
            own: zeros(self.length),
            shared: OnceLock::new(),
        });
        if stripe.owner == thread && thread.is_some() {
            return Some(ThreadNumbers {
                numbers: &stripe.own,
                is_owner: true,
            });
        }
        Some(ThreadNumbers {
            numbers: stripe.shared.get_or_init(|| zeros(self.length)),
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
    fn threads_that_count_at_the_same_time_lose_nothing() {
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

    /// Counts when its thread ends, after the number of the thread is gone.
    struct CountsAtTheEnd(&'static Stripes);

    impl Drop for CountsAtTheEnd {
        fn drop(&mut self) {
            self.0.of_current_thread().unwrap().add(0, 1);
        }
    }

    #[test]
    fn threads_that_are_ending_own_nothing() {
        thread_local! {
            static LAST: std::cell::OnceCell<CountsAtTheEnd> = const { std::cell::OnceCell::new() };
        }
        let stripes: &Stripes = Box::leak(Box::new(Stripes::new(1)));
        let end = || {
            LAST.with(|last| {
                let _ = last.set(CountsAtTheEnd(stripes));
            });
            stripes.of_current_thread().unwrap().add(0, 1);
        };
        let ended: Vec<_> = (0..20).map(|_| std::thread::spawn(end)).collect();
        ended.into_iter().for_each(|one| one.join().unwrap());
        let sum: u64 = stripes.iter().map(|one| one[0].load(Relaxed)).sum();
        assert_eq!(sum, 40);
    }
}
