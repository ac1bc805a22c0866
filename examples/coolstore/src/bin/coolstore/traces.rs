//! The collector of the shop's spans, its page, and the traces as the program prints them.

use crate::shop::Failure;
use std::{
    collections::HashSet,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpListener, time};
use tower_b3::{id::SpanId, record::SpanRecord};
use tower_b3_viewer::{
    Viewer, serve,
    store::{TraceQuery, Window},
};

/// Zipkin's port: the page has the same URL each time.
const ZIPKIN_PORT: u16 = 9411;

/// Collects spans over HTTP, as Zipkin does, and shows them in a page.
pub struct Traces {
    viewer: Viewer,
    pub address: SocketAddr,
    /// Whether Zipkin's port was to be used, but is not free.
    pub is_elsewhere: bool,
}

impl Traces {
    /// Listens on Zipkin's port, if `usual_port` is set and the port is free, or on any free port.
    pub async fn open(usual_port: bool) -> io::Result<Traces> {
        let on = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
        let usual = match usual_port {
            true => on(ZIPKIN_PORT).await.ok(),
            false => None,
        };
        let is_elsewhere = usual_port && usual.is_none();
        let listener = match usual {
            Some(listener) => listener,
            None => on(0).await?,
        };
        let address = listener.local_addr()?;
        let viewer = Viewer::default();
        viewer.set_addresses(address, None);
        // It must outlive the services to receive their last spans, so it never stops.
        tokio::spawn(serve(viewer.clone(), listener));
        Ok(Traces {
            viewer,
            address,
            is_elsewhere,
        })
    }

    /// Waits until the trace of this `x-request-id` is one tree of `spans` spans, and returns it.
    pub async fn wait_for_tree(
        &self,
        request_id: &str,
        spans: usize,
        timeout: Duration,
    ) -> Result<Vec<SpanRecord>, Failure> {
        let mut changes = self.viewer.store().subscribe();
        let complete = changes.wait_for(|_| {
            let trace = self.of_request(request_id);
            trace.len() == spans && is_tree(&trace)
        });
        // The inner error would mean that the store is gone.
        let is_complete = matches!(time::timeout(timeout, complete).await, Ok(Ok(_)));
        let trace = self.of_request(request_id);
        if is_complete {
            return Ok(trace);
        }
        let reason = format!(
            "the trace of request {request_id} is not one tree of {spans} spans after {timeout:?}; \
             {} have arrived",
            trace.len()
        );
        Err(reason.into())
    }

    /// The spans that have arrived of the trace of this `x-request-id`.
    pub fn of_request(&self, request_id: &str) -> Vec<SpanRecord> {
        let query = TraceQuery {
            annotation_query: vec![("guid:x-request-id".to_owned(), request_id.to_owned())],
            ..TraceQuery::all(Window::ALL)
        };
        let traces = self.viewer.store().find(&query).into_iter();
        traces
            .flatten()
            .map(|span| SpanRecord::from(&*span))
            .collect()
    }
}

/// Whether there is one root, and the parent of every other span is in the trace.
fn is_tree(trace: &[SpanRecord]) -> bool {
    let ids: HashSet<SpanId> = trace.iter().map(SpanRecord::id).collect();
    let parents = trace.iter().filter_map(SpanRecord::parent_id);
    let known = parents.filter(|parent| ids.contains(parent));
    ids.len() == trace.len() && known.count() + 1 == trace.len()
}
