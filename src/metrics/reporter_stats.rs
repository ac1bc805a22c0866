//! The reporters whose counts are exposed: those that code adds, or that of a running tracer.

use super::{builder::MetricsBuilder, handle::Metrics};
use crate::report::{BatchReporter, Stats};

impl MetricsBuilder {
    /// Exposes the counts of a reporter as `tower_b3_reporter_…`. The reporter that a tracer is
    /// [started](crate::TracerBuilder::start) with is exposed without this: call it for a reporter that you
    /// pass to [`TracerBuilder::reporter`](crate::TracerBuilder::reporter). It replaces the one that is
    /// exposed by default.
    ///
    /// Each of several reporters has a label `reporter`: the name of
    /// [`named_reporter_stats`](Self::named_reporter_stats), or else its number in the order in which they
    /// were added, from 1 on. If the function panics, the reporter is left out.
    ///
    /// ```
    /// # #[cfg(feature = "zipkin")] {
    /// use tower_b3::{metrics::{Metrics, Workload}, zipkin::ZipkinReporter};
    ///
    /// let reporter = ZipkinReporter::builder("http://zipkin:9411/api/v2/spans").build()?;
    /// let stats = reporter.clone();
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .reporter_stats(move || stats.stats())
    ///     .build();
    /// # let _ = metrics;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
    #[must_use]
    pub fn reporter_stats(
        mut self,
        stats: impl Fn() -> Stats + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.reporters.add(None, stats);
        self
    }

    /// Exposes the counts of a reporter, as [`reporter_stats`](Self::reporter_stats) does, with the label
    /// `reporter`. The counts of reporters with the same name are added.
    ///
    /// ```
    /// use tower_b3::{metrics::{Metrics, Workload}, report::Stats};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .named_reporter_stats("zipkin", Stats::default)
    ///     .named_reporter_stats("otlp", Stats::default)
    ///     .build();
    /// assert!(metrics.text().contains("tower_b3_reporter_sent_total{reporter=\"otlp\"} 0\n"));
    /// ```
    #[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
    #[must_use]
    pub fn named_reporter_stats(
        mut self,
        name: impl Into<String>,
        stats: impl Fn() -> Stats + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.reporters.add(Some(name.into()), stats);
        self
    }
}

impl Metrics {
    /// Exposes the counts of the reporter of a running tracer, unless code has added reporters.
    pub(crate) fn show_reporter(&self, reporter: &BatchReporter) {
        self.inner.reporters.add_started(reporter);
    }
}
