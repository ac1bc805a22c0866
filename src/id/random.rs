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

/// A generator seeded by the operating system, or, where that fails, from what else differs
/// between processes: an id that is a little less random beats a request that fails.
fn seeded() -> SmallRng {
    SmallRng::try_from_rng(&mut SysRng).unwrap_or_else(|_| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let nanos = now.map_or(0, |since| since.as_nanos() as u64);
        SmallRng::seed_from_u64(RandomState::new().hash_one((nanos, std::process::id())))
    })
}

/// Any 64 bits, zero included.
pub(crate) fn random_u64() -> u64 {
    GENERATOR
        .try_with(|generator| generator.borrow_mut().next_u64())
        // The thread is ending and its generator has gone.
        .unwrap_or_else(|_| seeded().next_u64())
}

/// Seeds the calling thread's id generator anew.
///
/// Call it in the child after a `fork` that is not followed by `exec`: parent and child would
/// otherwise make the same ids, as the generator's state is copied with the rest of the memory.
/// Only the calling thread exists in such a child, and threads it starts later seed themselves.
pub fn reseed() {
    // A thread that is ending has no generator left to seed.
    let _ = GENERATOR.try_with(|generator| *generator.borrow_mut() = seeded());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{SpanId, TraceId};
    use std::collections::HashSet;

    #[test]
    fn threads_do_not_repeat_each_other() {
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
    fn a_reseeded_generator_goes_another_way() {
        // What a forked child sees: the parent's state, copied.
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
