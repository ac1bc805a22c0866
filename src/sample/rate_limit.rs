//! A limit per second that threads share without a lock.
//!
//! Used by [`Sampler::rate_limited`](super::Sampler::rate_limited) and by the tracer for its limits
//! on forced and debug traces.

use super::{SamplingParameters, ShouldSample};
use std::{
    cmp::Ordering,
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// Admits at most so many in each second, however many threads ask at once.
pub(crate) struct RateLimit {
    per_second: u32,
    origin: Instant,
    /// In the high half the latest second in which anything was admitted, in the low half how many
    /// were admitted in it.
    admitted: AtomicU64,
}

impl RateLimit {
    pub(crate) fn new(per_second: u32) -> RateLimit {
        RateLimit {
            per_second,
            origin: Instant::now(),
            admitted: AtomicU64::new(0),
        }
    }

    /// Takes one from the budget, if any is left.
    pub(crate) fn admits(&self) -> bool {
        self.admits_at(self.origin.elapsed().as_millis() as u64)
    }

    fn admits_at(&self, millis: u64) -> bool {
        // 32 bits of seconds last for 136 years.
        let second = (millis / 1000).min(u64::from(u32::MAX));
        let tenth = millis % 1000 / 100;
        let admit = |old: u64| {
            let (latest, admitted) = (old >> 32, old & 0xffff_ffff);
            let (second, admitted, tenth) = match second.cmp(&latest) {
                Ordering::Greater => (second, 0, tenth),
                Ordering::Equal => (second, admitted, tenth),
                // This thread read the clock before another one started the latest second. That
                // second is in its first tenth at least.
                Ordering::Less => (latest, admitted, 0),
            };
            let budget = u64::from(self.budget_until(tenth));
            (admitted < budget).then_some(second << 32 | (admitted + 1))
        };
        self.admitted.fetch_update(Relaxed, Relaxed, admit).is_ok()
    }

    /// How many may be admitted in a second up to the end of this tenth of it.
    fn budget_until(&self, tenth: u64) -> u32 {
        if self.per_second < 10 {
            return self.per_second;
        }
        // The remainder of the division goes to the first tenth.
        let (share, remainder) = (self.per_second / 10, self.per_second % 10);
        remainder + share * (tenth as u32 + 1)
    }
}

impl ShouldSample for RateLimit {
    fn should_sample(&self, _parameters: &SamplingParameters<'_>) -> bool {
        self.admits()
    }
}

impl fmt::Debug for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RateLimited({})", self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::sync::Barrier;

    fn count_admitted(limit: &RateLimit, millis: impl IntoIterator<Item = u64>) -> usize {
        millis
            .into_iter()
            .filter(|&millis| limit.admits_at(millis))
            .count()
    }

    #[test]
    fn a_limit_below_ten_can_be_used_up_at_once() {
        let limit = RateLimit::new(3);
        assert_eq!(count_admitted(&limit, [0; 10]), 3);
        assert_eq!(count_admitted(&limit, 10..1000), 0);
        assert_eq!(count_admitted(&limit, [1999; 10]), 3);
        assert_eq!(count_admitted(&RateLimit::new(0), 0..5000), 0);
    }

    #[test]
    fn a_limit_from_ten_on_is_spread_over_the_second() {
        let limit = RateLimit::new(25);
        assert_eq!(count_admitted(&limit, [0; 50]), 5 + 2);
        assert_eq!(count_admitted(&limit, [100; 50]), 2);
        assert_eq!(count_admitted(&limit, [950; 50]), 16);
        assert_eq!(count_admitted(&limit, 960..1000), 0);
        assert_eq!(count_admitted(&limit, 3000..4000), 25);
    }

    #[test]
    fn an_older_clock_reading_does_not_reopen_a_second() {
        let limit = RateLimit::new(1);
        assert!(limit.admits_at(999));
        assert!(limit.admits_at(1000));
        assert_eq!(count_admitted(&limit, [999, 1000, 0, 1999]), 0);
        assert!(limit.admits_at(2000));
        // An older reading takes from the budget of the latest second.
        let limit = RateLimit::new(20);
        assert_eq!(count_admitted(&limit, [1950, 950, 950, 950, 1950]), 3);
    }

    proptest! {
        #[test]
        fn no_order_of_clock_readings_exceeds_the_limit(
            per_second in 0_u32..40,
            readings in vec(0_u64..5_000, 0..1_000),
        ) {
            let limit = RateLimit::new(per_second);
            let mut latest = 0;
            let mut admitted = [0_u32; 5];
            for reading in readings {
                latest = latest.max(reading);
                if limit.admits_at(reading) {
                    let second = latest / 1000;
                    admitted[second as usize] += 1;
                    let budget = limit.budget_until(latest % 1000 / 100);
                    prop_assert!(admitted[second as usize] <= budget);
                }
            }
        }
    }

    #[test]
    fn threads_with_different_clock_readings_share_the_budget() {
        for per_second in [1, 9, 25] {
            let limit = RateLimit::new(per_second);
            let start = Barrier::new(8);
            let run = |thread: u64| {
                start.wait();
                // Each thread goes through the same seven seconds, up to two seconds behind the others.
                let readings = (0..70_000).map(|step| {
                    let behind = (step * 7919 + thread * 104_729) % 2_000;
                    (step / 10_u64).saturating_sub(behind)
                });
                count_admitted(&limit, readings)
            };
            let run = &run;
            let total: usize = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|thread| scope.spawn(move || run(thread)))
                    .collect();
                let admitted = threads.into_iter().map(|thread| thread.join().unwrap());
                admitted.sum()
            });
            assert!(
                total <= 7 * per_second as usize,
                "admitted {total}, limit 7 * {per_second}"
            );
        }
    }

    #[test]
    fn threads_share_the_budget() {
        let limit = RateLimit::new(9);
        let total: usize = std::thread::scope(|scope| {
            let run = || count_admitted(&limit, std::iter::repeat_n(5, 1000));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(total, 9);
    }
}
