//! Which changes of a configuration take effect only after a restart.

use super::model::TracingConfig;
use crate::direction::Direction;

impl TracingConfig {
    /// The settings that are not the same as those that the tracer was built with, and cannot change
    /// while it runs. Log lines show them.
    pub(super) fn changes_after_restart(&self, built_with: &TracingConfig) -> Vec<&'static str> {
        let differs = |setting: &dyn Fn(&TracingConfig, Direction) -> bool| {
            let mut directions = Direction::BOTH.into_iter();
            directions.any(|direction| setting(built_with, direction))
        };
        let settings = [
            (
                "mode",
                differs(&|other, direction| self.mode(direction) != other.mode(direction)),
            ),
            (
                "istio.* tags",
                differs(&|other, direction| {
                    self.istio_tags(direction) != other.istio_tags(direction)
                }),
            ),
            (
                "header formats",
                self.header_formats() != built_with.header_formats(),
            ),
            (
                "trace id format",
                self.trace_ids() != built_with.trace_ids(),
            ),
            (
                "shared spans",
                self.shares_spans() != built_with.shares_spans(),
            ),
            (
                "maximum path length",
                self.max_path_tag_length() != built_with.max_path_tag_length(),
            ),
            ("service name", self.naming != built_with.naming),
        ];
        let changed = settings.into_iter().filter(|(_, differs)| *differs);
        changed.map(|(name, _)| name).collect()
    }

    /// The same for the metrics.
    #[cfg(feature = "metrics-config")]
    pub(super) fn metric_changes_after_restart(
        &self,
        built_with: &TracingConfig,
    ) -> impl Iterator<Item = &'static str> {
        let (new, old) = (&self.metrics, &built_with.metrics);
        let settings = [
            ("buckets of metrics", new.buckets != old.buckets),
            (
                "expiry of series",
                new.eviction_interval != old.eviction_interval,
            ),
        ];
        let changed = settings.into_iter().filter(|(_, differs)| *differs);
        changed.map(|(name, _)| name)
    }
}
