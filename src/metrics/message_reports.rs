//! `MessageReports`: the gRPC messages of an exchange, counted while its streams are open.
//!
//! After the reporting interval, the next frame or scrape reports the messages so far, and the end of the
//! exchange reports the rest. There is no timer, because counts are only visible in a scrape.

#[cfg(feature = "metrics-config")]
use super::{
    destination::Service,
    open_attributes::{OpenAttributes, OpenRequest},
    peer::PeerMetadata,
};
use super::{
    destination_numbers::DestinationNumber, handle::Metrics, measurement::Measurement,
    peer::PeerNumber,
};
use crate::{
    direction::Direction,
    observe::{MessageSink, Messages},
};
#[cfg(feature = "metrics-config")]
use std::sync::Arc;
use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Duration, Instant},
};

/// The messages of one exchange that are not reported, and what their series needs.
pub(super) struct MessageReports {
    metrics: Metrics,
    direction: Direction,
    destination: DestinationNumber,
    /// Nothing is reported until it is known: a client knows it when the response's head has arrived.
    peer: OnceLock<KnownPeer>,
    /// For computed values, if there are any.
    #[cfg(feature = "metrics-config")]
    request: Option<Box<OpenRequest>>,
    started: Instant,
    interval: Duration,
    /// When the next report is due, in nanoseconds from the start.
    due: AtomicU64,
    /// Messages that have passed and are not reported. Whoever takes a number reports it.
    request_messages: AtomicU64,
    response_messages: AtomicU64,
    ended: AtomicBool,
}

/// The peer, and what expressions read of it. It is kept until the end, so that the values of all reports are
/// the same, unless the configuration changes.
struct KnownPeer {
    number: PeerNumber,
    #[cfg(feature = "metrics-config")]
    metadata: Option<Arc<PeerMetadata>>,
    #[cfg(feature = "metrics-config")]
    service: Option<Service>,
}

impl MessageReports {
    pub(super) fn new(
        metrics: &Metrics,
        direction: Direction,
        destination: DestinationNumber,
        started: Instant,
    ) -> MessageReports {
        let state = metrics.inner.stores.of(direction).state();
        let interval = state.generation.reporting_interval;
        MessageReports {
            metrics: metrics.clone(),
            direction,
            destination,
            peer: OnceLock::new(),
            #[cfg(feature = "metrics-config")]
            request: None,
            started,
            interval,
            due: AtomicU64::new(nanos(interval)),
            request_messages: AtomicU64::new(0),
            response_messages: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        }
    }

    /// Keeps what expressions read of the request.
    #[cfg(feature = "metrics-config")]
    pub(super) fn with_request(mut self, request: Option<OpenRequest>) -> MessageReports {
        self.request = request.map(Box::new);
        self
    }

    /// Sets the peer, which may be unknown.
    pub(super) fn set_peer(&self, number: PeerNumber) {
        // The first one counts.
        self.peer.get_or_init(|| self.known_peer(number));
    }

    #[cfg(not(feature = "metrics-config"))]
    fn known_peer(&self, number: PeerNumber) -> KnownPeer {
        KnownPeer { number }
    }

    #[cfg(feature = "metrics-config")]
    fn known_peer(&self, number: PeerNumber) -> KnownPeer {
        let has_values = self.request.is_some();
        let peers = &self.metrics.inner.peers;
        let metadata = has_values.then(|| peers.metadata(number)).flatten();
        let service = |peer| {
            let metrics = &self.metrics;
            metrics.service_of(self.direction, self.destination, peer)
        };
        KnownPeer {
            number,
            service: has_values.then(|| service(metadata.as_deref())),
            metadata,
        }
    }

    /// The peer's metadata, if an expression may read it.
    #[cfg(feature = "metrics-config")]
    pub(super) fn peer_metadata(&self) -> Option<Arc<PeerMetadata>> {
        self.peer.get()?.metadata.clone()
    }

    /// Ends the reports, and returns what is left for the end of the exchange.
    pub(super) fn end(&self) -> Messages {
        self.ended.store(true, SeqCst);
        self.take()
    }

    fn take(&self) -> Messages {
        Messages {
            request: self.request_messages.swap(0, SeqCst),
            response: self.response_messages.swap(0, SeqCst),
        }
    }

    /// Reports the messages so far, if the peer is known and the interval is over.
    pub(super) fn report_if_due(&self, at: Instant) {
        let Some(peer) = self.peer.get() else {
            return;
        };
        let has_some =
            self.request_messages.load(Relaxed) > 0 || self.response_messages.load(Relaxed) > 0;
        if has_some && !self.ended.load(SeqCst) && self.is_due(at) {
            self.report(peer, at);
        }
    }

    fn report(&self, peer: &KnownPeer, at: Instant) {
        let messages = self.take();
        if messages == Messages::default() {
            return;
        }
        let mut measured = Measurement::at(at, 0, Duration::ZERO);
        measured.peer = peer.number;
        measured.destination = self.destination;
        measured.grpc = true;
        measured.request_messages = messages.request;
        measured.response_messages = messages.response;
        #[cfg(feature = "metrics-config")]
        if let (Some(request), Some(service)) = (&self.request, &peer.service) {
            let attributes = OpenAttributes {
                direction: self.direction,
                request,
                node: &self.metrics.inner.workload,
                peer: peer.metadata.as_deref(),
                service,
            };
            let mut measured = measured;
            measured.attributes = Some(&attributes);
            return self.metrics.record_messages(self.direction, &measured);
        }
        self.metrics.record_messages(self.direction, &measured);
    }

    /// Whether this caller reports now.
    fn is_due(&self, at: Instant) -> bool {
        let now = nanos(at.saturating_duration_since(self.started));
        let due = self.due.load(Relaxed);
        let next = now.saturating_add(nanos(self.interval));
        now >= due
            && self
                .due
                .compare_exchange(due, next, Relaxed, Relaxed)
                .is_ok()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl MessageSink for MessageReports {
    fn passed(&self, messages: Messages, at: Instant) {
        self.request_messages.fetch_add(messages.request, SeqCst);
        self.response_messages.fetch_add(messages.response, SeqCst);
        self.report_if_due(at);
    }
}

impl fmt::Debug for MessageReports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReports")
            .field("request_messages", &self.request_messages)
            .field("response_messages", &self.response_messages)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{
        tests::{number, points_at},
        workload::Workload,
    };
    #[cfg(not(feature = "metrics-config"))]
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    fn counted(metrics: &Metrics, name: &str) -> f64 {
        let points = points_at(metrics, name, Instant::now());
        points.iter().map(number).sum()
    }

    fn both(metrics: &Metrics) -> [f64; 2] {
        ["request", "response"]
            .map(|side| counted(metrics, &format!("istio_{side}_messages_total")))
    }

    fn messages(request: u64, response: u64) -> Messages {
        Messages { request, response }
    }

    #[test]
    fn messages_are_reported_every_five_seconds_and_at_the_end() {
        let metrics = Metrics::builder(Workload::new("catalog")).build();
        let start = Instant::now();
        let reports = MessageReports::new(
            &metrics,
            Direction::Server,
            DestinationNumber::default(),
            start,
        );
        reports.set_peer(PeerNumber::UNKNOWN);
        for (at, passed, expected) in [
            (1, messages(1, 2), [0.0, 0.0]),
            (4, messages(1, 0), [0.0, 0.0]),
            (5, messages(0, 1), [2.0, 3.0]),
            (9, messages(1, 1), [2.0, 3.0]),
            // A stream that was silent in between.
            (60, messages(1, 1), [4.0, 5.0]),
            (61, messages(3, 4), [4.0, 5.0]),
        ] {
            reports.passed(passed, start + at * SECOND);
            assert_eq!(both(&metrics), expected, "{at} s");
        }
        assert_eq!(reports.end(), messages(3, 4));
        reports.passed(messages(1, 1), start + 100 * SECOND);
        assert_eq!(both(&metrics), [4.0, 5.0]);
    }

    #[test]
    fn a_client_reports_once_the_peer_is_known() {
        let metrics = Metrics::builder(Workload::new("webapp")).build();
        let start = Instant::now();
        let catalog = metrics.destination("catalog.shop");
        let reports = MessageReports::new(&metrics, Direction::Client, catalog, start);
        reports.passed(messages(7, 0), start + 6 * SECOND);
        assert_eq!(both(&metrics), [0.0, 0.0]);
        reports.set_peer(PeerNumber::UNKNOWN);
        reports.passed(messages(1, 0), start + 7 * SECOND);
        assert_eq!(both(&metrics)[0], 8.0);
        assert_eq!(reports.end(), messages(0, 0));
    }

    #[test]
    fn tasks_that_pass_messages_at_the_same_time_lose_none() {
        let metrics = Metrics::builder(Workload::new("catalog")).build();
        let start = Instant::now();
        let reports = MessageReports::new(
            &metrics,
            Direction::Server,
            DestinationNumber::default(),
            start,
        );
        let reports = Arc::new(reports);
        reports.set_peer(PeerNumber::UNKNOWN);
        std::thread::scope(|scope| {
            for side in [messages(1, 0), messages(0, 1)] {
                let reports = Arc::clone(&reports);
                scope.spawn(move || {
                    for second in 0..10_000 {
                        reports.passed(side, start + second * SECOND);
                    }
                });
            }
        });
        let rest = reports.end();
        let [request, response] = both(&metrics);
        assert_eq!(request as u64 + rest.request, 10_000);
        assert_eq!(response as u64 + rest.response, 10_000);
    }
}
