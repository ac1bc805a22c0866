//! Time stamps that do not step.
//!
//! A span reads the monotonic clock when it starts and when it ends. What the wall says is
//! derived from an anchor that pairs the two clocks; spans of one request in one process share
//! their root's pairing, so that a child never seems to start before its parent.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How long an anchor is good for: what the wall clock may be adjusted by meanwhile is little.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// Pairs the monotonic clock with the wall's, anew every second in which somebody asks.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// What the wall said at `origin`, in microseconds since 1970, by the latest reading.
    wall: AtomicU64,
    /// When that reading was made, in nanoseconds after `origin`.
    read_at: AtomicU64,
}

/// A moment on both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    instant: Instant,
    micros: u64,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        let origin = Instant::now();
        Clock {
            origin,
            wall: AtomicU64::new(wall_micros()),
            read_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Moment {
        let instant = Instant::now();
        let since = instant.duration_since(self.origin);
        let nanos = since.as_nanos() as u64;
        let read_at = self.read_at.load(Relaxed);
        let stale = nanos.saturating_sub(read_at) > GOOD_FOR.as_nanos() as u64;
        // One thread a second writes; the others go on with what they have.
        if stale
            && self
                .read_at
                .compare_exchange(read_at, nanos, Relaxed, Relaxed)
                .is_ok()
        {
            let wall = wall_micros().saturating_sub(since.as_micros() as u64);
            self.wall.store(wall, Relaxed);
        }
        Moment {
            instant,
            micros: self.wall.load(Relaxed) + since.as_micros() as u64,
        }
    }
}

impl Moment {
    /// Now, by the pairing that this moment was made with.
    pub(crate) fn later(&self) -> Moment {
        let instant = Instant::now();
        let since = instant.duration_since(self.instant);
        Moment {
            instant,
            micros: self.micros + since.as_micros() as u64,
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn micros(&self) -> u64 {
        self.micros
    }

    /// The time since this moment.
    pub(crate) fn elapsed(&self) -> Duration {
        self.instant.elapsed()
    }
}

/// What the wall clock says, in microseconds since 1970.
fn wall_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_wall_and_renews_itself() {
        let mut clock = Clock::new();
        let apart = |clock: &Clock| clock.now().micros().abs_diff(wall_micros());
        assert!(apart(&clock) < 100_000);
        // The wall clock is set back by an hour, and the reading gets old.
        *clock.wall.get_mut() += 3_600_000_000;
        assert!(apart(&clock) > 3_000_000_000);
        clock.origin -= Duration::from_secs(2);
        assert!(apart(&clock) < 100_000);
    }

    #[test]
    fn later_is_never_before() {
        let first = Clock::new().now();
        let second = first.later();
        assert!(second.micros() >= first.micros());
    }
}
