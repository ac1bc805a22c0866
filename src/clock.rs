//! Timestamps that do not step within a request.
//!
//! A span reads the monotonic clock when it starts and when it ends. Its wall-clock time is computed
//! from an anchor that pairs the two clocks. The spans of one request share the anchor of their root,
//! so that a child never seems to start before its parent. Spans get their times from here; how they
//! are encoded is up to the encoders.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// An older anchor is renewed. Within a second, the wall clock is adjusted by little.
const MAX_ANCHOR_AGE: Duration = Duration::from_secs(1);

/// Pairs the monotonic clock with the wall clock.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// The wall-clock time at `origin` in microseconds since 1970, according to the anchor.
    origin_micros: AtomicU64,
    /// When the anchor was made, in nanoseconds after `origin`.
    anchored_at: AtomicU64,
}

/// A point in time on both clocks.
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
            origin_micros: AtomicU64::new(wall_clock_micros()),
            anchored_at: AtomicU64::new(0),
        }
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        let instant = Instant::now();
        let since = instant.duration_since(self.origin);
        let nanos = since.as_nanos() as u64;
        let anchored_at = self.anchored_at.load(Relaxed);
        let stale = nanos.saturating_sub(anchored_at) > MAX_ANCHOR_AGE.as_nanos() as u64;
        if stale {
            self.renew_anchor(anchored_at, nanos);
        }
        Moment {
            instant,
            micros: self.origin_micros.load(Relaxed) + nanos / 1_000,
        }
    }

    /// One thread renews the anchor; the others use the old one meanwhile.
    #[cold]
    fn renew_anchor(&self, anchored_at: u64, nanos: u64) {
        let renews = self
            .anchored_at
            .compare_exchange(anchored_at, nanos, Relaxed, Relaxed);
        if renews.is_ok() {
            let origin = wall_clock_micros().saturating_sub(nanos / 1_000);
            self.origin_micros.store(origin, Relaxed);
        }
    }
}

impl Moment {
    /// The current time, computed from this moment's anchor.
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

    /// The moment on the monotonic clock.
    #[cfg(feature = "metrics")]
    pub(crate) fn instant(&self) -> Instant {
        self.instant
    }

    /// The time since this moment.
    pub(crate) fn elapsed(&self) -> Duration {
        self.instant.elapsed()
    }
}

/// The time of the wall clock in microseconds since 1970.
fn wall_clock_micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_agrees_with_the_wall_clock_and_a_stale_anchor_is_renewed() {
        let mut clock = Clock::new();
        let apart = |clock: &Clock| clock.now().micros().abs_diff(wall_clock_micros());
        assert!(apart(&clock) < 100_000);
        // The wall clock is set back by an hour, and the anchor becomes stale.
        *clock.origin_micros.get_mut() += 3_600_000_000;
        assert!(apart(&clock) > 3_000_000_000);
        clock.origin -= Duration::from_secs(2);
        assert!(apart(&clock) < 100_000);
    }

    #[test]
    fn later_is_never_earlier() {
        let first = Clock::new().now();
        let second = first.later();
        assert!(second.micros() >= first.micros());
    }
}
