//! Recording a request without a layer: a counter and three histograms with Istio's labels and
//! bounds, in tower-b3's store and in each library.

use crate::run::SERVING;
use metrics::{Key, Label, Level, Metadata, Recorder as _};
use metrics_exporter_prometheus::PrometheusBuilder;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use tower_b3::{
    Direction,
    metrics::{Measurement, Metrics, PeerMetadata, Workload},
};

/// Name, and how the series of a request are found. "Kept" has handles of each series.
pub const RECORDERS: [(&str, &str); 7] = [
    ("tower-b3", "`Metrics::record`"),
    ("prometheus-client", "`Family::get_or_create` ×4"),
    ("prometheus-client, kept", "handles of each series"),
    ("prometheus", "`with_label_values` ×4"),
    ("prometheus, kept", "handles of each series"),
    ("metrics", "`Recorder::register_…` ×4"),
    ("metrics, kept", "handles of each series"),
];

/// Combinations of labels.
pub const SERIES: usize = CODES.len() * PEERS;
const PEERS: usize = 20;
const CODES: [u16; 10] = [200, 201, 202, 204, 301, 400, 403, 404, 500, 503];

const LABELS: usize = 25;
/// Istio's, which are tower-b3's default.
const BOUNDS: [f64; 19] = [
    0.5, 1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 6e5,
    1.8e6, 3.6e6,
];
const REQUESTS: &str = "istio_requests_total";
const HISTOGRAMS: [&str; 3] = [
    "istio_request_duration_milliseconds",
    "istio_request_bytes",
    "istio_response_bytes",
];

/// Records requests of [`SERIES`] series in turn.
pub struct Recorder {
    /// Records this many requests of each series.
    record: Box<dyn Fn(usize)>,
    upkeep: Box<dyn Fn()>,
    counted: Box<dyn Fn() -> u64>,
}

impl Recorder {
    /// Records this many requests of each series and returns the time that it took.
    pub fn record(&self, passes: usize) -> Duration {
        SERVING.set(true);
        let start = Instant::now();
        (self.record)(passes);
        let took = start.elapsed();
        SERVING.set(false);
        took
    }

    /// Sorts stored samples into buckets, where a library leaves that for later.
    pub fn upkeep(&self) {
        (self.upkeep)();
    }

    /// The requests that have been counted.
    pub fn counted(&self) -> u64 {
        (self.counted)()
    }
}

/// The sum of a counter over its series, in the text format.
pub fn sum(text: &str, counter: &str) -> u64 {
    let series = text.lines().filter_map(|line| line.strip_prefix(counter));
    let values = series.filter_map(|line| line.strip_prefix('{')?.rsplit_once("} "));
    values
        .map(|(_, value)| value.parse::<u64>().expect("a count"))
        .sum()
}

fn each<T: 'static>(requests: Vec<T>, record: impl Fn(&T) + 'static) -> Box<dyn Fn(usize)> {
    Box::new(move |passes| {
        for _ in 0..passes {
            for request in &requests {
                record(black_box(request));
            }
        }
    })
}

/// Milliseconds, bytes of the request and of the response.
type Values = [f64; 3];

fn values(measurement: &Measurement<'_>) -> Values {
    [
        measurement.duration.as_millis() as f64,
        measurement.request_bytes as f64,
        measurement.response_bytes as f64,
    ]
}

/// Metrics with their series, and a request of each.
fn measured() -> (Metrics, Vec<Measurement<'static>>) {
    let workload = Workload::new("orders")
        .namespace("shop")
        .label("app", "orders")
        .label("version", "v1");
    let metrics = Metrics::builder(workload).build();
    let measurement = |number: usize| {
        let code = CODES[number % CODES.len()];
        let duration = Duration::from_micros(number as u64 * 137 % 900_000);
        let mut peer = PeerMetadata::default();
        peer.workload = format!("peer-{}", number / CODES.len());
        peer.namespace = "shop".to_owned();
        (peer.app, peer.version) = (peer.workload.clone(), "v1".to_owned());
        let mut measurement = Measurement::new(code, duration);
        measurement.peer = metrics.peer(&peer);
        measurement.request_bytes = number as u64 % 2_000;
        measurement.response_bytes = number as u64 * 31 % 200_000;
        metrics.record(Direction::Server, &measurement);
        measurement
    };
    let measurements = (0..SERIES).map(measurement).collect();
    (metrics, measurements)
}

/// The labels that tower-b3 writes for [`measured`], and the values of these requests.
fn labelled() -> Vec<([(String, String); LABELS], Values)> {
    let (metrics, measurements) = measured();
    let text = metrics.text();
    let series = text.lines().filter_map(|line| {
        let labels = line.strip_prefix(REQUESTS)?.strip_prefix('{')?;
        let (labels, _) = labels.rsplit_once("\"} ")?;
        let labels = labels.split("\",").map(|label| {
            let (name, value) = label.split_once("=\"").expect("a label");
            (name.to_owned(), value.to_owned())
        });
        let labels: Vec<_> = labels.collect();
        Some(labels.try_into().expect("all labels"))
    });
    let labelled: Vec<_> = series.zip(measurements.iter().map(values)).collect();
    assert_eq!(labelled.len(), SERIES);
    labelled
}

/// Builds one of [`RECORDERS`]. All series exist.
pub fn recorder(name: &str) -> Recorder {
    match name {
        "tower-b3" => tower_b3(),
        "prometheus-client" => prometheus_client(false),
        "prometheus-client, kept" => prometheus_client(true),
        "prometheus" => prometheus(false),
        "prometheus, kept" => prometheus(true),
        "metrics" => metrics(false),
        "metrics, kept" => metrics(true),
        other => panic!("no recorder {other}"),
    }
}

fn tower_b3() -> Recorder {
    let (metrics, measurements) = measured();
    let recorded = metrics.clone();
    Recorder {
        record: each(measurements, move |measurement| {
            recorded.record(Direction::Server, measurement);
        }),
        upkeep: Box::new(|| {}),
        counted: Box::new(move || sum(&metrics.text(), REQUESTS)),
    }
}

fn prometheus_client(kept: bool) -> Recorder {
    // Hashed and compared like a struct of texts that derives `EncodeLabelSet`.
    type Labels = [String; LABELS];
    let requests = Family::<Labels, Counter>::default();
    let histograms = HISTOGRAMS.map(|_| {
        Family::<Labels, Histogram, fn() -> Histogram>::new_with_constructor(|| {
            Histogram::new(BOUNDS)
        })
    });
    let labelled = labelled()
        .into_iter()
        .map(|(labels, values)| (labels.map(|(_, value)| value), values));
    let labelled: Vec<_> = labelled.collect();
    let handles = labelled.iter().map(|(labels, values)| {
        let counter = requests.get_or_create_owned(labels);
        let histograms = histograms.each_ref();
        let histograms = histograms.map(|family| family.get_or_create_owned(labels));
        (counter, histograms, *values)
    });
    let handles: Vec<_> = handles.collect();
    let counters: Vec<Counter> = handles.iter().map(|handles| handles.0.clone()).collect();
    let record = match kept {
        true => each(handles, |(counter, histograms, values)| {
            counter.inc();
            for (histogram, value) in histograms.iter().zip(values) {
                histogram.observe(*value);
            }
        }),
        false => each(labelled, move |(labels, values)| {
            requests.get_or_create(labels).inc();
            for (family, value) in histograms.iter().zip(values) {
                family.get_or_create(labels).observe(*value);
            }
        }),
    };
    Recorder {
        record,
        upkeep: Box::new(|| {}),
        counted: Box::new(move || counters.iter().map(Counter::get).sum()),
    }
}

fn prometheus(kept: bool) -> Recorder {
    let labelled = labelled();
    let names = labelled[0].0.each_ref().map(|(name, _)| name.as_str());
    let requests = IntCounterVec::new(Opts::new(REQUESTS, "Requests."), &names).expect("a counter");
    let histograms = HISTOGRAMS.map(|name| {
        let options = HistogramOpts::new(name, "Values.").buckets(BOUNDS.to_vec());
        HistogramVec::new(options, &names).expect("a histogram")
    });
    let labelled = labelled
        .into_iter()
        .map(|(labels, values)| (labels.map(|(_, value)| value), values));
    let labelled: Vec<_> = labelled.collect();
    let handles = labelled.iter().map(|(labels, values)| {
        let histograms = histograms.each_ref();
        let histograms = histograms.map(|family| family.with_label_values(labels));
        (requests.with_label_values(labels), histograms, *values)
    });
    let handles: Vec<_> = handles.collect();
    let counters: Vec<_> = handles.iter().map(|handles| handles.0.clone()).collect();
    let record = match kept {
        true => each(handles, |(counter, histograms, values)| {
            counter.inc();
            for (histogram, value) in histograms.iter().zip(values) {
                histogram.observe(*value);
            }
        }),
        false => each(labelled, move |(labels, values)| {
            requests.with_label_values(labels).inc();
            for (family, value) in histograms.iter().zip(values) {
                family.with_label_values(labels).observe(*value);
            }
        }),
    };
    Recorder {
        record,
        upkeep: Box::new(|| {}),
        counted: Box::new(move || counters.iter().map(|counter| counter.get()).sum()),
    }
}

fn metrics(kept: bool) -> Recorder {
    static METADATA: Metadata<'static> = Metadata::new("peers", Level::INFO, None);
    let builder = PrometheusBuilder::new().set_buckets(&BOUNDS);
    let recorder = builder.expect("bounds").build_recorder();
    let (upkeep, scraped) = (recorder.handle(), recorder.handle());
    let keys = labelled().into_iter().map(|(labels, values)| {
        let labels = labels.map(|(name, value)| Label::new(name, value)).to_vec();
        let key = |name: &'static str| Key::from_parts(name, labels.clone()).to_retained();
        (key(REQUESTS), HISTOGRAMS.map(key), values)
    });
    let keys: Vec<_> = keys.collect();
    let handles = keys.iter().map(|(counter, histograms, values)| {
        let histograms = histograms.each_ref();
        let histograms = histograms.map(|key| recorder.register_histogram(key, &METADATA));
        let counter = recorder.register_counter(counter, &METADATA);
        (counter, histograms, *values)
    });
    let handles: Vec<_> = handles.collect();
    let record = match kept {
        true => each(handles, |(counter, histograms, values)| {
            counter.increment(1);
            for (histogram, value) in histograms.iter().zip(values) {
                histogram.record(*value);
            }
        }),
        false => each(keys, move |(counter, histograms, values)| {
            recorder.register_counter(counter, &METADATA).increment(1);
            for (key, value) in histograms.iter().zip(values) {
                recorder.register_histogram(key, &METADATA).record(*value);
            }
        }),
    };
    Recorder {
        record,
        upkeep: Box::new(move || upkeep.run_upkeep()),
        counted: Box::new(move || sum(&scraped.render(), REQUESTS)),
    }
}
