use super::{Sample, SampleRequest};
use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Instant,
};

/// At most so many a second.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_second: u32,
    origin: Instant,
    /// The second that the budget is for in the high half, what is spent of it in the low half.
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
        let second = (millis / 1000) & 0xffff_ffff;
        let budget = u64::from(self.budget_until(millis % 1000 / 100));
        let spend = |old: u64| {
            let spent = if old >> 32 == second {
                old & 0xffff_ffff
            } else {
                0
            };
            (spent < budget).then_some(second << 32 | (spent + 1))
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
