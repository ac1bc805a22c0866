//! `Layout`: the numbers of a series, and their order.

use super::{
    bounds::{Bounds, Buckets, is_in_seconds},
    generation::Generation,
};
use crate::metrics::plan::{Measured, MetricKind};
use std::{sync::Arc, time::Duration};

/// A measured quantity of a series, and where its numbers are.
#[derive(Debug, Clone)]
pub(in crate::metrics) struct Slot {
    /// The name of a user-defined metric; empty for what is always measured.
    pub(in crate::metrics) name: String,
    pub(in crate::metrics) measured: Measured,
    pub(in crate::metrics) numbers: Numbers,
    /// The index of its first number.
    pub(super) at: usize,
    /// The index of its first exemplar.
    pub(super) exemplars: usize,
}

#[derive(Debug, Clone)]
pub(in crate::metrics) enum Numbers {
    Counter,
    /// The value, and when it was set.
    Gauge,
    /// The sum, then the buckets.
    Histogram(Arc<Bounds>),
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Numbers::Counter => 1,
            Numbers::Gauge => 2,
            Numbers::Histogram(bounds) => 1 + bounds.buckets(),
        }
    }

    fn exemplars(&self) -> usize {
        match self {
            Numbers::Counter => 1,
            Numbers::Gauge => 0,
            Numbers::Histogram(bounds) => bounds.buckets(),
        }
    }

    /// Whether these numbers can be added to the others.
    fn is_compatible_with(&self, other: &Numbers) -> bool {
        match (self, other) {
            (Numbers::Counter, Numbers::Counter) | (Numbers::Gauge, Numbers::Gauge) => true,
            (Numbers::Histogram(one), Numbers::Histogram(other)) => one == other,
            _ => false,
        }
    }
}

/// The slots of the series of requests, or of gRPC messages.
#[derive(Debug, Default)]
pub(in crate::metrics) struct Layout {
    pub(in crate::metrics) slots: Vec<Slot>,
    /// The first slots, for series of requests: duration and the two sizes, after the counter.
    pub(super) histograms: Vec<Histogram>,
    pub(super) numbers: usize,
    pub(super) exemplars: usize,
    /// For a metric in seconds. Otherwise durations are whole milliseconds.
    durations_in_microseconds: bool,
}

/// A histogram that every request is counted in.
#[derive(Debug)]
pub(super) struct Histogram {
    pub(super) bounds: Arc<Bounds>,
    /// The index of its first number.
    pub(super) at: usize,
}

/// 10,000 years.
const MAX_SECONDS: u64 = 315_360_000_000;

/// Requests, duration and the two sizes come first, whatever is exposed.
pub(super) const FIXED: usize = 4;

impl Layout {
    fn add(&mut self, name: &str, measured: Measured, numbers: Numbers) {
        self.slots.push(Slot {
            name: name.to_owned(),
            measured,
            at: self.numbers,
            exemplars: self.exemplars,
            numbers: numbers.clone(),
        });
        self.numbers += numbers.len();
        self.exemplars += numbers.exemplars();
    }

    /// The layout of series of requests.
    pub(super) fn of_requests(generation: &Generation, buckets: &Buckets) -> Layout {
        let mut layout = Layout::default();
        layout.add("", Measured::Requests, Numbers::Counter);
        for (measured, standard) in [
            (Measured::Duration, "istio_request_duration_milliseconds"),
            (Measured::RequestBytes, "istio_request_bytes"),
            (Measured::ResponseBytes, "istio_response_bytes"),
        ] {
            let mut metrics = generation.metrics.iter();
            let metric = metrics.find(|metric| metric.measured == measured);
            let name = metric.map_or(standard, |metric| &metric.name);
            let bounds = Arc::new(match measured {
                Measured::Duration => {
                    layout.durations_in_microseconds = is_in_seconds(name);
                    buckets.of_durations(name)
                }
                _ => buckets.of(name),
            });
            layout.histograms.push(Histogram {
                bounds: Arc::clone(&bounds),
                at: layout.numbers,
            });
            layout.add("", measured, Numbers::Histogram(bounds));
        }
        for metric in &generation.metrics {
            if let Measured::Value(_) = metric.measured {
                let numbers = match metric.kind {
                    MetricKind::Counter => Numbers::Counter,
                    MetricKind::Gauge => Numbers::Gauge,
                    MetricKind::Histogram => Numbers::Histogram(Arc::new(buckets.of(&metric.name))),
                };
                layout.add(&metric.name, metric.measured, numbers);
            }
        }
        layout
    }

    /// A duration in the counted unit, rounded down.
    #[inline]
    pub(super) fn duration(&self, duration: Duration) -> u64 {
        // The limit prevents an overflow of the result.
        let seconds = duration.as_secs().min(MAX_SECONDS);
        match self.durations_in_microseconds {
            true => seconds * 1_000_000 + u64::from(duration.subsec_micros()),
            false => seconds * 1_000 + u64::from(duration.subsec_millis()),
        }
    }

    /// The layout of series of gRPC messages.
    pub(super) fn of_messages() -> Layout {
        let mut layout = Layout::default();
        layout.add("", Measured::RequestMessages, Numbers::Counter);
        layout.add("", Measured::ResponseMessages, Numbers::Counter);
        layout
    }

    /// The slot that measures the same as one of another layout, if their numbers can be added.
    pub(super) fn compatible_slot(&self, other: &Slot) -> Option<&Slot> {
        let same = |slot: &&Slot| match slot.name.is_empty() {
            true => other.name.is_empty() && slot.measured == other.measured,
            false => slot.name == other.name,
        };
        let slot = self.slots.iter().find(same)?;
        slot.numbers
            .is_compatible_with(&other.numbers)
            .then_some(slot)
    }

    /// The slot of a metric.
    pub(in crate::metrics) fn slot(&self, name: &str, measured: Measured) -> Option<&Slot> {
        self.slots.iter().find(|slot| match measured {
            Measured::Value(_) => slot.name == name,
            _ => slot.measured == measured,
        })
    }
}
