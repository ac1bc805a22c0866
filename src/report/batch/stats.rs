//! [`Stats`]: the public, immutable view of the counts. `counters` keeps and reads them.

use std::{fmt, time::SystemTime};

/// What has happened to the spans so far.
///
/// At any moment `finished = queued + in_flight + sent + dropped.total()`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Spans reported.
    pub finished: u64,
    /// Spans waiting in the queue.
    pub queued: u64,
    /// Spans that have left the queue and are being encoded or sent.
    pub in_flight: u64,
    /// Spans acknowledged by the collector.
    pub sent: u64,
    /// Spans dropped, by cause.
    pub dropped: Dropped,
    /// Messages acknowledged by the collector.
    pub batches: u64,
    /// Bytes of these messages, after compression.
    pub bytes: u64,
    /// Retries: attempts after the first one of a message.
    pub retries: u64,
    /// The last error.
    pub last_error: Option<LastError>,
}

impl Stats {
    /// All counts by name, for metrics: the names of the fields, and `dropped_queue_full` and so
    /// on for those of [`Dropped`]. `queued` and `in_flight` are gauges, the others only grow.
    ///
    /// ```
    /// use std::fmt::Write;
    /// use tower_b3::report::Stats;
    ///
    /// /// Renders the Prometheus text format.
    /// fn metrics(stats: &Stats) -> String {
    ///     let mut text = String::new();
    ///     for (name, value) in stats.by_name() {
    ///         let (kind, total) = match name {
    ///             "queued" | "in_flight" => ("gauge", ""),
    ///             _ => ("counter", "_total"),
    ///         };
    ///         let name = format!("tower_b3_reporter_{name}{total}");
    ///         let _ = writeln!(text, "# TYPE {name} {kind}\n{name} {value}");
    ///     }
    ///     text
    /// }
    ///
    /// let text = metrics(&Stats::default());
    /// assert!(text.contains("# TYPE tower_b3_reporter_queued gauge\ntower_b3_reporter_queued 0\n"));
    /// assert!(text.contains("\ntower_b3_reporter_dropped_queue_full_total 0\n"));
    /// ```
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // Without `..`, so that a new field does not compile until it is named here.
        let Stats {
            finished,
            queued,
            in_flight,
            sent,
            dropped,
            batches,
            bytes,
            retries,
            last_error: _,
        } = self;
        let Dropped {
            queue_full,
            too_large,
            encode,
            refused,
            retries_exhausted,
            closed,
        } = dropped;
        [
            ("finished", *finished),
            ("queued", *queued),
            ("in_flight", *in_flight),
            ("sent", *sent),
            ("dropped_queue_full", *queue_full),
            ("dropped_too_large", *too_large),
            ("dropped_encode", *encode),
            ("dropped_refused", *refused),
            ("dropped_retries_exhausted", *retries_exhausted),
            ("dropped_closed", *closed),
            ("batches", *batches),
            ("bytes", *bytes),
            ("retries", *retries),
        ]
        .into_iter()
    }
}

/// Spans dropped, by cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Dropped {
    /// The queue was full, by spans or by bytes: spans finish faster than they are sent, or the
    /// collector is unavailable.
    ///
    /// Also counted here, since a request must not wait: spans that found every shard of the queue
    /// locked by another thread in a hundred passes. That takes threads that are descheduled while
    /// they push, and is rare.
    pub queue_full: u64,
    /// A single span is larger than the message limit, or than what the collector accepts.
    pub too_large: u64,
    /// The format cannot express the span, or the encoder panicked.
    pub encode: u64,
    /// The collector refused the span, or the sender panicked.
    pub refused: u64,
    /// The collector was unavailable for longer than a message is retried.
    pub retries_exhausted: u64,
    /// The span finished after the shutdown, or was not sent before its timeout; or the reporter's
    /// thread panicked.
    pub closed: u64,
}

impl Dropped {
    /// The counts by cause. The names are those of the fields.
    pub fn by_cause(&self) -> [(&'static str, u64); 6] {
        [
            ("queue_full", self.queue_full),
            ("too_large", self.too_large),
            ("encode", self.encode),
            ("refused", self.refused),
            ("retries_exhausted", self.retries_exhausted),
            ("closed", self.closed),
        ]
    }

    /// The sum of all causes.
    pub fn total(&self) -> u64 {
        self.by_cause().iter().map(|(_, count)| count).sum()
    }
}

/// `12 dropped (queue_full 10, refused 2)`
impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} dropped", self.total())?;
        let causes = self.by_cause();
        let mut causes = causes.iter().filter(|(_, count)| *count > 0);
        if let Some((cause, count)) = causes.next() {
            write!(f, " ({cause} {count}")?;
            for (cause, count) in causes {
                write!(f, ", {cause} {count}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

/// The last error of a reporter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// What went wrong.
    pub message: String,
    /// When the outage began that this error belongs to.
    pub since: SystemTime,
    /// Whether nothing has been accepted since then.
    pub ongoing: bool,
}

/// `120 finished, 100 sent in 2 batches, 0 queued, 0 in flight, 20 dropped (refused 20)`
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} finished, {} sent in {} batches, {} queued, {} in flight, {}",
            self.finished, self.sent, self.batches, self.queued, self.in_flight, self.dropped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_name_has_every_field_and_every_cause() {
        let stats = Stats {
            finished: 7,
            dropped: Dropped {
                refused: 2,
                closed: 5,
                ..Dropped::default()
            },
            ..Stats::default()
        };
        let named: Vec<_> = stats.by_name().collect();
        let above_zero: Vec<_> = named.iter().filter(|(_, value)| *value > 0).collect();
        let expected = [
            ("finished", 7),
            ("dropped_refused", 2),
            ("dropped_closed", 5),
        ];
        assert!(above_zero.into_iter().eq(&expected), "{named:?}");
        for (cause, count) in stats.dropped.by_cause() {
            let name = format!("dropped_{cause}");
            assert!(named.contains(&(name.as_str(), count)), "{name}");
        }
        // `Debug` prints the names of the fields.
        let debug = format!("{stats:?}");
        for (name, value) in named {
            let field = name.trim_start_matches("dropped_");
            assert!(
                debug.contains(&format!(" {field}: {value}")),
                "{name}: {debug}"
            );
        }
    }

    #[test]
    fn displays_as_one_line() {
        let stats = Stats {
            finished: 120,
            sent: 100,
            batches: 2,
            dropped: Dropped {
                queue_full: 18,
                refused: 2,
                ..Dropped::default()
            },
            ..Stats::default()
        };
        assert_eq!(
            stats.to_string(),
            "120 finished, 100 sent in 2 batches, 0 queued, 0 in flight, \
             20 dropped (queue_full 18, refused 2)"
        );
        assert_eq!(Dropped::default().to_string(), "0 dropped");
    }
}
