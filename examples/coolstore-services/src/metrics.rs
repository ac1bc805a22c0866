//! The metrics of a service, and the address at which Prometheus finds them.

use axum::Router;
use std::{io, net::SocketAddr, net::TcpListener};
use tower_b3::{
    istio::Identity,
    metrics::{Metrics, MetricsBuilder, Workload},
};

/// Metrics that are served beside the service.
pub(crate) struct MetricsServer {
    metrics: Metrics,
    listener: TcpListener,
    address: SocketAddr,
}

impl MetricsServer {
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub(crate) fn bind(address: SocketAddr, metrics: Metrics) -> io::Result<MetricsServer> {
        let listener = TcpListener::bind(address)?;
        Ok(MetricsServer {
            metrics,
            address: listener.local_addr()?,
            listener,
        })
    }

    /// Where Prometheus finds them.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Serves them until the runtime ends, also while the service stops.
    ///
    /// # Errors
    ///
    /// The listener cannot be used.
    pub(crate) fn spawn(self) -> io::Result<()> {
        self.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(self.listener)?;
        let routes = Router::new()
            .route_service("/stats/prometheus", self.metrics.service())
            .route_service("/metrics", self.metrics.service());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "metrics are no longer served");
            }
        });
        Ok(())
    }
}

/// Metrics of this workload: of the pod, or of a process with only a name.
pub(crate) fn builder(service: &str, identity: Option<&Identity>) -> MetricsBuilder {
    let metrics = Metrics::builder(match identity {
        Some(identity) => Workload::of(identity),
        None => Workload::new(service),
    });
    // Every host that webapp calls is a service of the shop, also if `--catalog` is an address.
    metrics.send_metadata_to_all_hosts(true)
}
