//! Many peers and hosts over time.

use super::{
    destination_numbers::DestinationNumber,
    handle::Metrics,
    measurement::Measurement,
    peer::{PeerMetadata, PeerNumber},
    tests::{label, number, points_at},
    workload::Workload,
};
use crate::direction::Direction;
use http::{HeaderMap, HeaderValue};
use proptest::{prelude::*, sample::Index};
use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

const INTERVAL: Duration = Duration::from_secs(60);
/// Of peers, and of hosts.
const BOUND: usize = 20;

/// A request to a peer that has a host and a code of its own.
#[derive(Clone, Copy)]
struct Call {
    to: u16,
    peer: PeerNumber,
    destination: DestinationNumber,
    began: Instant,
}

/// Metrics, and the expected series.
struct Mesh {
    metrics: Metrics,
    start: Instant,
    now: Instant,
    under_way: Vec<Call>,
    /// The count of each series, and in which interval it was used last.
    series: HashMap<(u16, u32, u32), (u64, u64)>,
    /// The peer that each number was assigned to, and the host.
    given: [HashMap<u32, u16>; 2],
}

impl Mesh {
    fn new() -> Mesh {
        let metrics = Metrics::builder(Workload::new("webapp").namespace("shop"))
            .max_series(4 * BOUND)
            .expire_after(INTERVAL)
            .build();
        let start = Instant::now();
        Mesh {
            metrics,
            start,
            // So that no step is at the edge of an interval.
            now: start + INTERVAL / 8,
            under_way: Vec::new(),
            series: HashMap::new(),
            given: Default::default(),
        }
    }

    fn interval(&self) -> u64 {
        (self.now - self.start).as_secs() / INTERVAL.as_secs()
    }

    fn begin(&mut self, to: u16) -> Call {
        let peer = PeerMetadata {
            workload: format!("w{to}"),
            ..PeerMetadata::default()
        };
        let peer = match to % 2 {
            0 => self.metrics.peer(&peer),
            // As the layers do.
            _ => {
                let mut headers = HeaderMap::new();
                let value = HeaderValue::try_from(peer.encode()).unwrap();
                headers.insert("x-envoy-peer-metadata", value);
                self.metrics.inner.peers.take_from_response(&mut headers)
            }
        };
        let destination = self.metrics.destination(&host(to));
        let [peers, destinations] = &mut self.given;
        if peer != PeerNumber::UNKNOWN {
            assert_eq!(*peers.entry(peer.labels).or_insert(to), to);
        }
        if destination != DestinationNumber::UNKNOWN {
            assert_eq!(*destinations.entry(destination.0).or_insert(to), to);
        }
        let call = Call {
            to,
            peer,
            destination,
            began: self.now,
        };
        self.under_way.push(call);
        call
    }

    fn end(&mut self, call: Call) {
        let mut measured = Measurement::at(self.now, 200 + call.to, Duration::ZERO);
        measured.peer = call.peer;
        measured.destination = call.destination;
        self.metrics.record(Direction::Client, &measured);
        let interval = self.interval();
        let key = (call.to, call.peer.labels, call.destination.0);
        let (count, used) = self.series.entry(key).or_insert((0, interval));
        if *used + 2 <= interval {
            *count = 0;
        }
        (*count, *used) = (*count + 1, interval);
        if self.now - call.began < INTERVAL {
            self.is_named(call);
        }
    }

    /// What was looked up has labels for an interval.
    fn is_named(&self, call: Call) {
        let (workload, host) = (format!("w{}", call.to), host(call.to));
        let exposed = self.exposed();
        let of_call = |(to, ..): &&(u16, String, String, u64)| *to == call.to;
        let mut points = exposed.iter().filter(of_call);
        assert!(points.any(|(_, exposed_workload, exposed_host, _)| {
            (call.peer == PeerNumber::UNKNOWN || *exposed_workload == workload)
                && (call.destination == DestinationNumber::UNKNOWN || *exposed_host == host)
        }));
    }

    /// Peer, workload, host and count of all series. Frees numbers.
    fn exposed(&self) -> Vec<(u16, String, String, u64)> {
        let points = points_at(&self.metrics, "istio_requests_total", self.now);
        let exposed = points.iter().map(|point| {
            let text = |name| label(point, name).unwrap().to_owned();
            let code: u16 = text("response_code").parse().unwrap();
            let names = [text("destination_workload"), text("destination_service")];
            let [workload, host] = names;
            (code - 200, workload, host, number(point) as u64)
        });
        exposed.collect()
    }

    fn check(&self) {
        let (mut sums, mut named) = (HashMap::new(), [HashSet::new(), HashSet::new()]);
        for (to, workload, exposed_host, count) in self.exposed() {
            *sums.entry(to).or_insert(0) += count;
            let names = [(workload, format!("w{to}")), (exposed_host, host(to))];
            for (named, (exposed, own)) in named.iter_mut().zip(names) {
                if exposed != "unknown" {
                    assert_eq!(exposed, own);
                    named.insert(exposed);
                }
            }
        }
        let mut expected = HashMap::new();
        for ((to, ..), (count, used)) in &self.series {
            if used + 2 > self.interval() {
                *expected.entry(*to).or_insert(0) += count;
            }
        }
        assert_eq!(sums, expected);
        assert!(named.iter().all(|named| named.len() <= BOUND));
    }

    fn wait(&mut self, quarters: u32) {
        self.now += INTERVAL / 4 * quarters;
    }

    /// Waits until everything that is unused is freed.
    fn wait_until_freed(&mut self) {
        for _ in 0..4 {
            self.wait(4);
            self.check();
        }
    }

    fn overflows(&self, of: &str) -> f64 {
        let points = points_at(&self.metrics, "tower_b3_metrics_overflows_total", self.now);
        let mut points = points.iter();
        number(points.find(|point| label(point, "of") == Some(of)).unwrap())
    }
}

fn host(to: u16) -> String {
    format!("host-{to}.example.com")
}

#[test]
fn a_process_can_have_any_number_of_peers_in_its_lifetime() {
    let mut mesh = Mesh::new();
    for wave in 0..10 {
        // Some of them come again, and some at once with others.
        for to in 0..BOUND as u16 / 2 {
            let call = mesh.begin(wave * 7 + to);
            mesh.end(call);
        }
        mesh.wait_until_freed();
    }
    assert_eq!(
        [mesh.overflows("peers"), mesh.overflows("destinations")],
        [0.0, 0.0]
    );
    let expired = points_at(
        &mesh.metrics,
        "tower_b3_metrics_expired_series_total",
        mesh.now,
    );
    assert_eq!(number(&expired[0]) as usize, 10 * BOUND / 2);
}

#[test]
fn a_request_that_outlasts_its_numbers_is_counted_with_unknown_labels() {
    let mut mesh = Mesh::new();
    let call = mesh.begin(0);
    for wave in 1..4 {
        for to in 0..BOUND as u16 / 2 + 1 {
            let call = mesh.begin(100 * wave + to);
            mesh.end(call);
        }
        mesh.wait_until_freed();
    }
    mesh.end(call);
    assert_eq!(
        mesh.exposed(),
        [(0, "unknown".to_owned(), "unknown".to_owned(), 1)]
    );
    // The peer itself is known again.
    let call = mesh.begin(0);
    mesh.end(call);
}

#[test]
fn a_long_request_keeps_its_numbers_below_the_limit() {
    let mut mesh = Mesh::new();
    let call = mesh.begin(0);
    for _ in 0..3 {
        mesh.wait_until_freed();
    }
    mesh.end(call);
    assert_eq!(mesh.exposed(), [(0, "w0".to_owned(), host(0), 1)]);
}

#[test]
fn threads_never_get_the_labels_of_others() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .max_series(4 * BOUND)
        .expire_after(Duration::from_nanos(1))
        .build();
    let call = |to: u16| {
        let peer = PeerMetadata {
            workload: format!("w{to}"),
            ..PeerMetadata::default()
        };
        let mut headers = HeaderMap::new();
        let value = HeaderValue::try_from(peer.encode()).unwrap();
        headers.insert("x-envoy-peer-metadata", value);
        let mut measured = Measurement::new(200 + to, Duration::ZERO);
        measured.peer = metrics.inner.peers.take_from_response(&mut headers);
        measured.destination = metrics.destination(&host(to));
        std::thread::yield_now();
        metrics.record(Direction::Client, &measured);
    };
    std::thread::scope(|scope| {
        let call = &call;
        let calls = |thread: u16| move || (0..2_000).for_each(|at| call(1_000 * thread + at % 30));
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(calls(thread))).collect();
        while threads.iter().any(|thread| !thread.is_finished()) {
            for point in points_at(&metrics, "istio_requests_total", Instant::now()) {
                let text = |name| label(&point, name).unwrap();
                // Overflows have no code.
                let Ok(code) = text("response_code").parse::<u16>() else {
                    continue;
                };
                let to = code - 200;
                for (name, own) in [
                    ("destination_workload", format!("w{to}")),
                    ("destination_service", host(to)),
                ] {
                    assert!([own.as_str(), "unknown"].contains(&text(name)), "{point:?}");
                }
            }
        }
    });
}

#[derive(Debug, Clone)]
enum Step {
    Begin(u16),
    End(Index),
    Show,
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u16..30).prop_map(Step::Begin),
        5 => any::<Index>().prop_map(Step::End),
        1 => Just(Step::Show),
        2 => (1_u32..6).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sums_are_equal_and_labels_are_right(steps in proptest::collection::vec(step(), 0..200)) {
        let mut mesh = Mesh::new();
        for step in steps {
            match step {
                Step::Begin(to) => {
                    // Those of each ten minutes are others.
                    let wave = (mesh.interval() / 10) as u16 % 10;
                    mesh.begin(30 * wave + to);
                }
                Step::End(_) if mesh.under_way.is_empty() => {}
                Step::End(at) => {
                    let at = at.index(mesh.under_way.len());
                    let call = mesh.under_way.swap_remove(at);
                    mesh.end(call);
                }
                Step::Show => mesh.check(),
                Step::Wait(quarters) => mesh.wait(quarters),
            }
            prop_assume!(mesh.metrics.inner.stores.client.overflowed() == 0);
        }
        mesh.check();
        mesh.wait_until_freed();
        for to in 500..500 + BOUND as u16 / 2 {
            let call = mesh.begin(to);
            prop_assert_ne!(call.peer, PeerNumber::UNKNOWN);
            prop_assert_ne!(call.destination, DestinationNumber::UNKNOWN);
        }
    }
}
