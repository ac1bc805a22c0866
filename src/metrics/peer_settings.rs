//! The hosts that the metadata of the own workload is sent to.

use super::builder::MetricsBuilder;

impl MetricsBuilder {
    /// Sends the metadata of the own workload to all hosts. Default: `false`.
    ///
    /// By default, a client layer exchanges metadata only with hosts that may be services of the mesh: names
    /// without a dot, such as `catalog`; names of two labels, such as `catalog.shop`; full names, such as
    /// `catalog.shop.svc.cluster.local`; and those of [`service_of`](Self::service_of). The metadata names
    /// the pod, its namespace and its owner, so it is not sent to `api.example.com` or addresses. Istio's
    /// sidecars send it to all hosts, unless `proxyHeaders.metadataExchangeHeaders.mode` is `IN_MESH`. Hosts
    /// outside of [`propagate_only_to`] never get it.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// // A mesh with hosts of its own domain.
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .send_metadata_to_all_hosts(true)
    ///     .build();
    /// # let _ = metrics;
    /// ```
    ///
    /// [`propagate_only_to`]: crate::ClientLayer::propagate_only_to
    #[must_use]
    pub fn send_metadata_to_all_hosts(mut self, all: bool) -> MetricsBuilder {
        self.sends_to_all_hosts = all;
        self
    }
}
