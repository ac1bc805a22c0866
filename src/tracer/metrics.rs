//! The metrics of a tracer's layers, and which directions they count.

use super::TracerBuilder;
use crate::{
    direction::{Direction, Mode, PerDirection},
    metrics::Metrics,
    observe::AnyObserver,
};
use std::sync::Arc;

/// Whether a direction is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Counts {
    #[default]
    No,
    /// Unless code says that a sidecar is there.
    WithoutSidecar,
    Always,
}

/// The metrics that were given to a builder.
#[derive(Default)]
pub(super) struct CountingMetrics(Vec<(Metrics, PerDirection<Counts>)>);

impl TracerBuilder {
    /// Counts the exchanges of both layers, as Istio's standard metrics, and exchanges the metadata with
    /// peers that the metrics need: the headers `x-envoy-peer-metadata` and `x-envoy-peer-metadata-id`.
    ///
    /// A server layer reads them from requests of [trusted](crate::ServerLayer::trust) peers, and answers
    /// with its own if the request had them. A client layer sends them to the hosts to which it
    /// [propagates](crate::ClientLayer::propagate_only_to) trace headers, and reads those of the response.
    /// The application does not see them. Of several metrics, each reads them, and the last writes them.
    ///
    /// ```
    /// use tower_b3::{Tracer, metrics::{Metrics, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
    /// let tracer = Tracer::builder("webapp").metrics(&metrics).build()?;
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    ///
    /// A sidecar counts already. So a direction whose [`mode`](Self::mode) is set to
    /// [`Mode::ForwardOnly`] in code is not counted, and its headers stay as they are:
    /// [`metrics_for`](Self::metrics_for) counts it all the same. A forward-only mode that follows from a
    /// configuration, such as `disableSpanReporting`, is about spans only.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics(mut self, metrics: &Metrics) -> Self {
        for direction in Direction::BOTH {
            self.metrics.add(metrics, direction, Counts::WithoutSidecar);
        }
        self
    }

    /// Counts the exchanges of this direction, as [`metrics`](Self::metrics) does, also in
    /// [`Mode::ForwardOnly`].
    ///
    /// ```
    /// use tower_b3::{Direction, Mode, Tracer, metrics::{Metrics, Workload}};
    ///
    /// // A mesh whose sidecars make spans, but have no metrics.
    /// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
    /// let tracer = Tracer::builder("webapp")
    ///     .mode(Mode::ForwardOnly)
    ///     .metrics_for(Direction::Server, &metrics)
    ///     .metrics_for(Direction::Client, &metrics)
    ///     .build()?;
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics_for(mut self, direction: Direction, metrics: &Metrics) -> Self {
        self.metrics.add(metrics, direction, Counts::Always);
        self
    }

    /// The metrics that its layers will count in.
    #[cfg(all(feature = "metrics-config", any(feature = "otlp", feature = "zipkin")))]
    pub(crate) fn counting(&self) -> Vec<Metrics> {
        self.metrics.list()
    }
}

impl CountingMetrics {
    fn add(&mut self, metrics: &Metrics, direction: Direction, counts: Counts) {
        let known = self.0.iter().position(|(other, _)| other.is(metrics));
        let at = known.unwrap_or_else(|| {
            self.0.push((metrics.clone(), PerDirection::default()));
            self.0.len() - 1
        });
        let place = self.0[at].1.of_mut(direction);
        if *place != Counts::Always {
            *place = counts;
        }
    }

    /// The observers, by the mode that is set in code.
    pub(super) fn observers(&self, mode: &PerDirection<Option<Mode>>) -> Vec<Arc<dyn AnyObserver>> {
        let counting = |(metrics, counts): &(Metrics, PerDirection<Counts>)| {
            let counted = |direction| match counts.of(direction) {
                Counts::No => false,
                Counts::WithoutSidecar => *mode.of(direction) != Some(Mode::ForwardOnly),
                Counts::Always => true,
            };
            let counted = PerDirection {
                server: counted(Direction::Server),
                client: counted(Direction::Client),
            };
            if !counted.server && !counted.client {
                tracing::info!(
                    "metrics: nothing is counted, because the mode is Mode::ForwardOnly: the sidecar \
                     counts; TracerBuilder::metrics_for counts all the same"
                );
                return None;
            }
            Some((metrics.clone(), counted))
        };
        let counting: Vec<_> = self.0.iter().filter_map(counting).collect();
        let observers = counting.iter().enumerate().map(|(at, (metrics, counted))| {
            let is_last = |direction| {
                let mut later = counting.iter().skip(at + 1);
                !later.any(|(_, counted)| *counted.of(direction))
            };
            let is_last = PerDirection {
                server: is_last(Direction::Server),
                client: is_last(Direction::Client),
            };
            metrics.observer(*counted, is_last)
        });
        observers.collect()
    }

    #[cfg(any(feature = "batch", feature = "metrics-config"))]
    pub(super) fn list(&self) -> Vec<Metrics> {
        self.0.iter().map(|(metrics, _)| metrics.clone()).collect()
    }
}
