use super::options::BatchOptions;
use crate::id::random::random_u64;
use std::time::Duration;

/// The longest wait that the receiver can ask for.
const MAX_REQUESTED: Duration = Duration::from_secs(60);
/// The longest wait between attempts while a shutdown waits for the end.
const MAX_WHILE_CLOSING: Duration = Duration::from_millis(500);

/// How long to wait before the next attempt: exponential, with full jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(options: &BatchOptions) -> Backoff {
        Backoff {
            min: options.min_backoff,
            max: options.max_backoff,
            next: options.min_backoff,
        }
    }

    pub(super) fn reset(&mut self) {
        self.next = self.min;
    }

    /// The next wait; not shorter than what the receiver has requested.
    pub(super) fn next(&mut self, requested: Option<Duration>, closing: bool) -> Duration {
        let limit = if closing {
            self.next.min(MAX_WHILE_CLOSING)
        } else {
            self.next
        };
        self.next = self.next.saturating_mul(2).min(self.max);
        let requested = requested.unwrap_or_default().min(MAX_REQUESTED);
        requested.max(random_part(limit))
    }
}

/// A duration between zero and `limit`, evenly distributed.
fn random_part(limit: Duration) -> Duration {
    let part = (random_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    limit.mul_f64(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds() {
        let (min, max) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut backoff = Backoff::new(&BatchOptions::new().backoff(min, max));
        for limit in [100, 200, 400, 800, 1000, 1000] {
            assert!(backoff.next(None, false) <= Duration::from_millis(limit));
        }
        assert!(backoff.next(None, true) <= MAX_WHILE_CLOSING);
        let requested = Duration::from_secs(7);
        assert_eq!(backoff.next(Some(requested), false), requested);
        let hour = Duration::from_secs(3600);
        assert_eq!(backoff.next(Some(hour), true), MAX_REQUESTED);
        backoff.reset();
        let waits: Vec<_> = (0..200)
            .map(|_| {
                backoff.reset();
                backoff.next(None, false)
            })
            .collect();
        assert!(waits.iter().all(|wait| *wait <= min));
        // Full jitter: short and long waits both occur.
        assert!(waits.iter().any(|wait| *wait < min / 4));
        assert!(waits.iter().any(|wait| *wait > min / 4 * 3));
    }
}
