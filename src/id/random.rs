//! The random numbers for ids.

use rand::{
    Rng, SeedableRng,
    rngs::{SmallRng, SysRng},
};
use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    time::{SystemTime, UNIX_EPOCH},
};

thread_local! {
    static GENERATOR: RefCell<SmallRng> = RefCell::new(seeded());
}

/// A generator seeded by the operating system. If that fails, the seed comes from the time and the
/// process id: a request must not fail because its ids are less random.
fn seeded() -> SmallRng {
    SmallRng::try_from_rng(&mut SysRng).unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.map_or(0, |since| since.as_nanos() as u64);
        SmallRng::seed_from_u64(RandomState::new().hash_one((nanos, std::process::id())))
    })
}

/// A random number, which may be zero.
pub(crate) fn random_u64() -> u64 {
    GENERATOR
        .try_with(|generator| generator.borrow_mut().next_u64())
        // The thread is exiting, and its generator has been dropped.
        .unwrap_or_else(|_| seeded().next_u64())
}

/// Reseeds the id generator of the calling thread.
///
/// Call it in the child process after a `fork` without `exec`. The child has a copy of the parent's
/// generator, so both would otherwise generate the same ids. Only the calling thread exists in the
/// child, and threads that it starts later have new generators.
pub fn reseed() {
    // A thread that is exiting has no generator to seed.
    let _ = GENERATOR.try_with(|generator| *generator.borrow_mut() = seeded());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use std::collections::HashSet;

    #[test]
    fn threads_generate_different_ids() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                std::thread::spawn(|| (0..20_000).map(|_| TraceId::random()).collect::<Vec<_>>())
            })
            .collect();
        let all: HashSet<_> = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect();
        assert_eq!(all.len(), 160_000);
    }

    #[test]
    fn a_reseeded_generator_generates_other_ids() {
        // A forked child has a copy of the parent's generator.
        let copied = GENERATOR.with(|generator| generator.borrow().clone());
        let parent: Vec<_> = (0..8).map(|_| SpanId::random()).collect();
        GENERATOR.with(|generator| *generator.borrow_mut() = copied.clone());
        let unseeded: Vec<_> = (0..8).map(|_| SpanId::random()).collect();
        assert_eq!(parent, unseeded);
        GENERATOR.with(|generator| *generator.borrow_mut() = copied);
        reseed();
        let child: Vec<_> = (0..8).map(|_| SpanId::random()).collect();
        assert_ne!(parent, child);
    }
}
