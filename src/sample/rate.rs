use super::{Sample, SampleRequest};
use std::{
    cmp::Ordering,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// At most so many a second, however many threads ask at once.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: u32,
    origin: Instant,
    /// The latest second in which anything was admitted in the high half, how many in it in the low
    /// half.
    spent: AtomicU64,
}

impl RateLimit {
    pub(crate) fn new(per_second: u32) -> RateLimit {
        RateLimit {
            per_second,
            origin: Instant::now(),
            spent: AtomicU64::new(0),
        }
    }

    /// Spends one of the budget, if any is left.
    pub(crate) fn admits(&self) -> bool {
        self.admits_at(self.origin.elapsed().as_millis() as u64)
    }

    fn admits_at(&self, millis: u64) -> bool {
        // 32 bits of seconds last for 136 years.
        let second = (millis / 1000).min(u64::from(u32::MAX));
        let tenth = millis % 1000 / 100;
        let spend = |old: u64| {
            let (latest, spent) = (old >> 32, old & 0xffff_ffff);
            let (second, spent, tenth) = match second.cmp(&latest) {
                Ordering::Greater => (second, 0, tenth),
                Ordering::Equal => (second, spent, tenth),
                // The clock was read before another thread began this second, of which at least the
                // first tenth has come.
                Ordering::Less => (latest, spent, 0),
            };
            (spent < u64::from(self.budget_until(tenth))).then_some(second << 32 | (spent + 1))
        };
        self.spent.fetch_update(Relaxed, Relaxed, spend).is_ok()
    }

    /// What may be spent of a second's budget up to the end of this tenth of it.
    fn budget_until(&self, tenth: u64) -> u32 {
        if self.per_second < 10 {
            return self.per_second;
        }
        // The first tenth has what does not divide.
        let (share, rest) = (self.per_second / 10, self.per_second % 10);
        rest + share * (tenth as u32 + 1)
    }
}

impl Sample for RateLimit {
    fn sample(&self, _request: &SampleRequest<'_>) -> bool {
        self.admits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::sync::Barrier;

    fn admitted(limit: &RateLimit, millis: impl IntoIterator<Item = u64>) -> usize {
        millis
            .into_iter()
            .filter(|&millis| limit.admits_at(millis))
            .count()
    }

    #[test]
    fn few_come_at_any_time_in_the_second() {
        let limit = RateLimit::new(3);
        assert_eq!(admitted(&limit, [0; 10]), 3);
        assert_eq!(admitted(&limit, 10..1000), 0);
        assert_eq!(admitted(&limit, [1999; 10]), 3);
        assert_eq!(admitted(&RateLimit::new(0), 0..5000), 0);
    }

    #[test]
    fn many_are_spread_over_the_second() {
        let limit = RateLimit::new(25);
        assert_eq!(admitted(&limit, [0; 50]), 5 + 2);
        assert_eq!(admitted(&limit, [100; 50]), 2);
        assert_eq!(admitted(&limit, [950; 50]), 16);
        assert_eq!(admitted(&limit, 960..1000), 0);
        assert_eq!(admitted(&limit, 3000..4000), 25);
    }

    #[test]
    fn an_older_reading_does_not_turn_the_second_back() {
        let limit = RateLimit::new(1);
        assert!(limit.admits_at(999));
        assert!(limit.admits_at(1000));
        assert_eq!(admitted(&limit, [999, 1000, 0, 1999]), 0);
        assert!(limit.admits_at(2000));
        // It takes of the second that has begun.
        let limit = RateLimit::new(20);
        assert_eq!(admitted(&limit, [1950, 950, 950, 950, 1950]), 3);
    }

    proptest! {
        #[test]
        fn no_order_of_readings_exceeds_the_limit(
            per_second in 0_u32..40,
            readings in vec(0_u64..5_000, 0..1_000),
        ) {
            let limit = RateLimit::new(per_second);
            let mut latest = 0;
            let mut spent = [0_u32; 5];
            for reading in readings {
                latest = latest.max(reading);
                if limit.admits_at(reading) {
                    let second = latest / 1000;
                    spent[second as usize] += 1;
                    let budget = limit.budget_until(latest % 1000 / 100);
                    prop_assert!(spent[second as usize] <= budget);
                }
            }
        }
    }

    #[test]
    fn threads_with_clocks_apart_share_the_budget() {
        for per_second in [1, 9, 25] {
            let limit = RateLimit::new(per_second);
            let start = Barrier::new(8);
            let run = |thread: u64| {
                start.wait();
                // Each goes through the same seven seconds, some ahead of others by up to two.
                let readings = (0..70_000).map(|step| {
                    let behind = (step * 7919 + thread * 104_729) % 2_000;
                    (step / 10_u64).saturating_sub(behind)
                });
                admitted(&limit, readings)
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
                "{total} of 7 * {per_second}"
            );
        }
    }

    #[test]
    fn threads_share_the_budget() {
        let limit = RateLimit::new(9);
        let total: usize = std::thread::scope(|scope| {
            let run = || admitted(&limit, std::iter::repeat_n(5, 1000));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(total, 9);
    }
}
