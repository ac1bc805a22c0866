//! The rules by which Zipkin merges spans, links services and corrects clocks.

mod clock_skew;
mod links;
mod merge;

use std::sync::Arc;
use tower_b3_viewer::model::{Endpoint, Kind, Span, SpanId, TraceId};

const TRACE: u128 = 0xa;

/// A span whose id is this letter, a hexadecimal digit.
fn span(id: char) -> Span {
    let id = u64::from(id.to_digit(16).unwrap());
    Span::new(TraceId::new(TRACE).unwrap(), SpanId::new(id).unwrap())
}

/// Short ways to set what tests need.
trait With {
    fn parent(self, id: char) -> Self;
    fn kind(self, kind: Kind) -> Self;
    fn local(self, service: &str) -> Self;
    fn remote(self, service: &str) -> Self;
    fn error(self) -> Self;
    fn shared(self) -> Self;
    fn at(self, timestamp: u64, duration: u64) -> Self;
    fn ip(self, last: u8) -> Self;
}

fn service(name: &str) -> Option<Endpoint> {
    Some(Endpoint {
        service_name: Some(name.into()),
        ..Endpoint::default()
    })
}

impl With for Span {
    fn parent(mut self, id: char) -> Span {
        self.parent_id = Some(span(id).id);
        self
    }

    fn kind(mut self, kind: Kind) -> Span {
        self.kind = Some(kind);
        self
    }

    fn local(mut self, name: &str) -> Span {
        self.local_endpoint = service(name);
        self
    }

    fn remote(mut self, name: &str) -> Span {
        self.remote_endpoint = service(name);
        self
    }

    fn error(mut self) -> Span {
        self.tags.push(("error".into(), "".into()));
        self
    }

    fn shared(mut self) -> Span {
        self.shared = true;
        self
    }

    fn at(mut self, timestamp: u64, duration: u64) -> Span {
        (self.timestamp, self.duration) = (timestamp, duration);
        self
    }

    fn ip(mut self, last: u8) -> Span {
        let endpoint = self.local_endpoint.get_or_insert_default();
        endpoint.ipv4 = Some([10, 0, 0, last].into());
        self
    }
}

fn shared_spans(spans: &[Span]) -> Vec<Arc<Span>> {
    spans.iter().cloned().map(Arc::new).collect()
}
