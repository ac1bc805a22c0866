use super::{Settings, Stats, counters::Cause, panics::say, shared::Shared};
use crate::{
    id::random::random_u64,
    printable::{message, place},
};
use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

/// The longest wait that the other side can ask for.
const LONGEST_REQUESTED: Duration = Duration::from_secs(60);
/// The longest wait between attempts while somebody waits for the end.
const LONGEST_AT_THE_END: Duration = Duration::from_millis(500);
/// Spans that are lost alone are logged this often.
const QUIET: Duration = Duration::from_secs(60);

/// How long to wait before the next attempt: exponential, with full jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(settings: &Settings) -> Backoff {
        Backoff {
            first: settings.first_backoff,
            longest: settings.longest_backoff,
            next: settings.first_backoff,
        }
    }

    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next wait: at least as long as the other side asks for.
    pub(super) fn next(&mut self, requested: Option<Duration>, closing: bool) -> Duration {
        let most = if closing {
            self.next.min(LONGEST_AT_THE_END)
        } else {
            self.next
        };
        self.next = self.next.saturating_mul(2).min(self.longest);
        let requested = requested.unwrap_or_default().min(LONGEST_REQUESTED);
        requested.max(jitter(most))
    }
}

/// Any part of the time, equally likely.
fn jitter(most: Duration) -> Duration {
    let part = (random_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    most.mul_f64(part)
}

/// What there is to say of a time in which nothing gets through: one line when it begins, one
/// when it ends. Destinations and reasons come from senders, and reasons from whoever answers.
#[derive(Debug)]
pub(super) struct Log {
    destination: String,
    outage: Option<Outage>,
    quiet_until: Option<Instant>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    wall: SystemTime,
    failures: u64,
    before: Stats,
}

impl Log {
    pub(super) fn new(destination: String) -> Log {
        Log {
            destination: place(&destination).to_string(),
            outage: None,
            quiet_until: None,
        }
    }

    /// An attempt was made to get spans there.
    pub(super) fn go_to(&mut self, destination: String, shared: &Shared) {
        let destination = place(&destination).to_string();
        if destination == self.destination {
            return;
        }
        let from = std::mem::replace(&mut self.destination, destination);
        let to = &self.destination;
        self.quiet_until = None;
        match self.outage.take() {
            None => say(|| tracing::info!("spans go to {to} from now on, no longer to {from}")),
            Some(outage) => {
                shared.counters.recover();
                let totals = outage.totals(shared);
                say(|| {
                    tracing::info!(
                        "spans go to {to} from now on; they did not get to {from}, for {totals}"
                    );
                });
            }
        }
    }

    /// An attempt failed.
    pub(super) fn fail(&mut self, shared: &Shared, reason: &str) {
        let to = &self.destination;
        let reason = message(reason).to_string();
        let outage = self.outage.get_or_insert_with(|| {
            say(|| {
                tracing::warn!("spans do not get to {to}: {reason}; further failures are counted");
            });
            Outage {
                since: Instant::now(),
                wall: SystemTime::now(),
                failures: 0,
                before: shared.stats(),
            }
        });
        outage.failures += 1;
        shared.counters.fail(&reason, outage.wall, true);
    }

    /// Something was accepted.
    pub(super) fn succeed(&mut self, shared: &Shared) {
        if let Some(outage) = self.outage.take() {
            shared.counters.recover();
            let (to, totals) = (&self.destination, outage.totals(shared));
            say(|| tracing::info!("spans get to {to} again, after {totals}"));
        }
    }

    /// The reporter has ended, and all is accounted for.
    pub(super) fn end(&mut self, shared: &Shared) {
        let to = &self.destination;
        if let Some(outage) = self.outage.take() {
            let totals = outage.totals(shared);
            say(|| tracing::warn!("spans did not get to {to} to the end, for {totals}"));
        } else if shared.counters.lost_to(Cause::Closed) > 0 {
            let stats = shared.stats();
            say(|| {
                tracing::warn!("the reporter to {to} ended before its spans were sent: {stats}");
            });
        }
    }

    /// A span is lost alone, or some of a message are. Of many, one a minute is logged loudly.
    pub(super) fn lose(&mut self, shared: &Shared, lost: &str, what: fmt::Arguments<'_>) {
        let now = Instant::now();
        let what = message(&what.to_string()).to_string();
        if self.quiet_until.is_none_or(|until| now >= until) {
            self.quiet_until = Some(now + QUIET);
            say(|| tracing::warn!("{lost}: {what}; for a minute, more are logged at debug"));
            // An outage, if there is one, says more.
            if self.outage.is_none() {
                shared.counters.fail(&what, SystemTime::now(), false);
            }
        } else {
            say(|| tracing::debug!("{lost}: {what}"));
        }
    }
}

impl Outage {
    fn totals(&self, shared: &Shared) -> String {
        let after = shared.stats();
        let mut dropped = after.dropped;
        let before = self.before.dropped;
        dropped.queue_full -= before.queue_full;
        dropped.too_large -= before.too_large;
        dropped.encode -= before.encode;
        dropped.refused -= before.refused;
        dropped.retries_exhausted -= before.retries_exhausted;
        dropped.closed -= before.closed;
        format!(
            "{:.1} s and {} failed attempts, with {} of {} spans",
            self.since.elapsed().as_secs_f64(),
            self.failures,
            dropped,
            // What was on its way when it began may be lost in it too.
            after.finished - self.before.finished + self.before.queued + self.before.in_flight,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_longer_and_longer_within_bounds() {
        let settings = Settings {
            first_backoff: Duration::from_millis(100),
            longest_backoff: Duration::from_secs(1),
            ..Settings::default()
        };
        let mut backoff = Backoff::new(&settings);
        for most in [100, 200, 400, 800, 1000, 1000] {
            assert!(backoff.next(None, false) <= Duration::from_millis(most));
        }
        assert!(backoff.next(None, true) <= LONGEST_AT_THE_END);
        let asked = Duration::from_secs(7);
        assert_eq!(backoff.next(Some(asked), false), asked);
        let hour = Duration::from_secs(3600);
        assert_eq!(backoff.next(Some(hour), true), LONGEST_REQUESTED);
        backoff.reset();
        let waits: Vec<_> = (0..200)
            .map(|_| {
                backoff.reset();
                backoff.next(None, false)
            })
            .collect();
        assert!(waits.iter().all(|wait| *wait <= settings.first_backoff));
        // Full jitter: low and high waits both come up.
        assert!(waits.iter().any(|wait| *wait < settings.first_backoff / 4));
        assert!(
            waits
                .iter()
                .any(|wait| *wait > settings.first_backoff / 4 * 3)
        );
    }
}
