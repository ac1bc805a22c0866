//! What the reporter logs about its deliveries: a line when an outage begins and one when it ends,
//! and one a minute for single spans that are dropped.
//!
//! Destinations and reasons come from senders, and reasons from whoever answered, so both are
//! escaped and shortened.

use super::{counters::DropCause, panics::log_guarded, state::ReporterState, stats::Stats};
use crate::printable::{message, place};
use std::{
    fmt,
    time::{Duration, Instant, SystemTime},
};

/// Drops of single spans are logged as warnings this often, and at debug level in between.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct OutageLog {
    destination: String,
    outage: Option<Outage>,
    next_warning: Option<Instant>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    wall: SystemTime,
    failures: u64,
    before: Stats,
}

impl OutageLog {
    pub(super) fn new(destination: &str) -> OutageLog {
        OutageLog {
            destination: place(destination).to_string(),
            outage: None,
            next_warning: None,
        }
    }

    /// An attempt was made to deliver to this destination. If it is a new one, an outage of the
    /// previous one is over.
    pub(super) fn attempted(&mut self, destination: &str, state: &ReporterState) {
        let destination = place(destination).to_string();
        if destination == self.destination {
            return;
        }
        let from = std::mem::replace(&mut self.destination, destination);
        let to = &self.destination;
        self.next_warning = None;
        match self.outage.take() {
            None => log_guarded(|| {
                tracing::info!("spans are now sent to {to}, no longer to {from}");
            }),
            Some(outage) => {
                state.counters.end_outage();
                let totals = outage.totals(state);
                log_guarded(|| {
                    tracing::info!(
                        "spans are now sent to {to}; delivery to {from} was interrupted for {totals}"
                    );
                });
            }
        }
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, state: &ReporterState, reason: &str) {
        let to = &self.destination;
        let reason = message(reason).to_string();
        let outage = self.outage.get_or_insert_with(|| {
            log_guarded(|| {
                tracing::warn!(
                    "cannot deliver spans to {to}: {reason}; further failures are only counted"
                );
            });
            Outage {
                since: Instant::now(),
                wall: SystemTime::now(),
                failures: 0,
                before: state.stats(),
            }
        });
        outage.failures += 1;
        state.counters.set_error(&reason, outage.wall, true);
    }

    /// A message was accepted.
    pub(super) fn succeeded(&mut self, state: &ReporterState) {
        if let Some(outage) = self.outage.take() {
            state.counters.end_outage();
            let (to, totals) = (&self.destination, outage.totals(state));
            log_guarded(|| tracing::info!("spans are delivered to {to} again, after {totals}"));
        }
    }

    /// The reporter has ended, and all spans are counted.
    pub(super) fn ended(&mut self, state: &ReporterState) {
        let to = &self.destination;
        if let Some(outage) = self.outage.take() {
            let totals = outage.totals(state);
            log_guarded(|| {
                tracing::warn!(
                    "the reporter has ended; delivery to {to} had been failing for {totals}"
                );
            });
        } else if state.counters.dropped_by(DropCause::Closed) > 0 {
            let stats = state.stats();
            log_guarded(|| {
                tracing::warn!(
                    "the reporter has ended before all spans were delivered to {to}: {stats}"
                );
            });
        }
    }

    /// Single spans were dropped while others are delivered.
    pub(super) fn dropped(&mut self, state: &ReporterState, what: fmt::Arguments<'_>) {
        let now = Instant::now();
        let what = message(&what.to_string()).to_string();
        if self.next_warning.is_none_or(|next| now >= next) {
            self.next_warning = Some(now + WARNING_INTERVAL);
            log_guarded(|| {
                tracing::warn!("{what}; for a minute, further ones are logged at debug level");
            });
            // An ongoing outage is the more useful error.
            if self.outage.is_none() {
                state.counters.set_error(&what, SystemTime::now(), false);
            }
        } else {
            log_guarded(|| tracing::debug!("{what}"));
        }
    }
}

impl Outage {
    fn totals(&self, state: &ReporterState) -> String {
        let after = state.stats();
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
            // Spans that were undelivered when the outage began may be dropped in it too.
            after.finished - self.before.finished + self.before.queued + self.before.in_flight,
        )
    }
}
