//! `OpenStreams`: the open gRPC exchanges, so that a scrape can report their messages.
//!
//! Each thread adds exchanges to a shard of its own, and skips one that is being read. Those that have ended
//! are removed when a shard has twice as many as were open the last time.

use super::{handle::Metrics, message_reports::MessageReports};
use crate::shard;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak},
    time::Instant,
};

/// How many exchanges there may be in a shard before those that have ended are removed.
const MIN_LIMIT: usize = 32;

pub(super) struct OpenStreams {
    shards: Box<[Mutex<Shard>]>,
}

#[derive(Default)]
struct Shard {
    streams: Vec<Weak<MessageReports>>,
    limit: usize,
}

impl OpenStreams {
    pub(super) fn new() -> OpenStreams {
        let shards = (0..shard::count().max(1)).map(|_| Mutex::default());
        OpenStreams {
            shards: shards.collect(),
        }
    }

    pub(super) fn add(&self, stream: &Arc<MessageReports>) {
        let stream = Arc::downgrade(stream);
        self.shard_of_thread().add(stream);
    }

    fn shard_of_thread(&self) -> MutexGuard<'_, Shard> {
        let own = shard::thread_number() % self.shards.len();
        let (before, after) = self.shards.split_at(own);
        let free = after
            .iter()
            .chain(before)
            .find_map(|shard| match shard.try_lock() {
                Ok(shard) => Some(shard),
                Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
                Err(TryLockError::WouldBlock) => None,
            });
        free.unwrap_or_else(|| lock(&self.shards[own]))
    }

    fn all(&self) -> Vec<Arc<MessageReports>> {
        let mut all = Vec::new();
        for shard in &self.shards {
            all.extend(lock(shard).streams.iter().filter_map(Weak::upgrade));
        }
        all
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    fn add(&mut self, stream: Weak<MessageReports>) {
        if self.streams.len() >= self.limit {
            self.streams.retain(|stream| stream.strong_count() > 0);
            self.limit = (2 * self.streams.len()).max(MIN_LIMIT);
        }
        self.streams.push(stream);
    }
}

impl Metrics {
    /// Reports the messages of streams without a frame since their report was due.
    pub(super) fn report_open_streams(&self, now: Instant) {
        for stream in self.inner.open_streams.all() {
            stream.report_if_due(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        direction::Direction,
        metrics::{
            destination_numbers::DestinationNumber,
            measurement::Measurement,
            peer::PeerNumber,
            tests::{number, points_at},
            workload::Workload,
        },
        observe::{MessageSink, Messages},
    };
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn stream(metrics: &Metrics, start: Instant) -> Arc<MessageReports> {
        let destination = DestinationNumber::default();
        let stream = MessageReports::new(metrics, Direction::Server, destination, start);
        let stream = Arc::new(stream);
        metrics.inner.open_streams.add(&stream);
        stream
    }

    #[test]
    fn a_scrape_reports_a_stream_that_is_silent() {
        let metrics = Metrics::builder(Workload::new("catalog")).build();
        let start = Instant::now();
        let stream = stream(&metrics, start);
        let messages = Messages {
            request: 3,
            response: 13,
        };
        stream.passed(messages, start + SECOND);
        let exposed = |second: u32| {
            ["request", "response"].map(|side| {
                let name = format!("istio_{side}_messages_total");
                let points = points_at(&metrics, &name, start + second * SECOND);
                points.iter().map(number).sum::<f64>()
            })
        };
        // The peer is not known.
        assert_eq!(exposed(6), [0.0, 0.0]);
        stream.set_peer(PeerNumber::UNKNOWN);
        assert_eq!(exposed(4), [0.0, 0.0]);
        assert_eq!(exposed(6), [3.0, 13.0]);
        assert_eq!(exposed(20), [3.0, 13.0]);
        assert_eq!(stream.end(), Messages::default());
    }

    #[test]
    fn exchanges_that_have_ended_are_not_kept() {
        let metrics = Metrics::builder(Workload::new("catalog")).build();
        let open: Vec<_> = (0..100).map(|_| stream(&metrics, Instant::now())).collect();
        for _ in 0..10_000 {
            stream(&metrics, Instant::now());
        }
        assert_eq!(metrics.inner.open_streams.all().len(), open.len());
        let shards = metrics.inner.open_streams.shards.iter();
        let kept: usize = shards.map(|shard| lock(shard).streams.len()).sum();
        assert!(kept <= 2 * open.len() + MIN_LIMIT, "{kept}");
        // They keep no metrics alive.
        drop(open);
        let weak = Arc::downgrade(&metrics.inner);
        metrics.record(Direction::Server, &Measurement::new(200, SECOND));
        drop(metrics);
        assert_eq!(weak.strong_count(), 0);
    }

    #[test]
    fn a_shard_that_is_being_read_is_skipped() {
        let metrics = Metrics::builder(Workload::new("catalog")).build();
        let streams = &metrics.inner.open_streams;
        if let [first, _, ..] = &*streams.shards {
            let _read = lock(first);
            let _open = stream(&metrics, Instant::now());
            let _more = stream(&metrics, Instant::now());
        }
    }
}
