//! The ids that a `tracing` subscriber sees, and the current context inside its methods.
//!
//! In a process of its own: `tracing` caches for the whole process which subscribers there are.
#![cfg(feature = "log-ids")]

mod common;

use common::{Script, Step, TestTracer, drain, get, now};
use http::{Request, Response};
use std::{
    convert::Infallible,
    fmt::Debug,
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
};
use tower::{Layer, Service, service_fn};
use tower_b3::{TraceContext, current, span};
use tracing::{Event, Metadata, Subscriber, field, span as log};

/// Reads the current context in every method, and records spans and events.
#[derive(Clone, Default)]
struct ContextReader {
    made: Arc<Mutex<Vec<Option<TraceContext>>>>,
    /// The ids in the fields of each span.
    spans: Arc<Mutex<Vec<String>>>,
    entered: Arc<Mutex<Vec<u64>>>,
    /// The ids of the innermost span at each event.
    events: Arc<Mutex<Vec<Option<String>>>>,
    last: Arc<AtomicU64>,
}

struct Fields(String);

impl field::Visit for Fields {
    fn record_debug(&mut self, _: &field::Field, value: &dyn Debug) {
        self.0.push_str(&format!("{value:?} "));
    }
}

impl Subscriber for ContextReader {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &log::Attributes<'_>) -> log::Id {
        tower_b3::tag("noted", "by the subscriber");
        self.made.lock().unwrap().push(current());
        let mut fields = Fields(String::new());
        attributes.record(&mut fields);
        self.spans.lock().unwrap().push(fields.0);
        log::Id::from_u64(self.last.fetch_add(1, SeqCst) + 1)
    }

    fn record(&self, _: &log::Id, _: &log::Record<'_>) {}

    fn record_follows_from(&self, _: &log::Id, _: &log::Id) {}

    fn event(&self, _: &Event<'_>) {
        let entered = self.entered.lock().unwrap();
        let spans = self.spans.lock().unwrap();
        let ids = entered.last().map(|id| spans[*id as usize - 1].clone());
        self.events.lock().unwrap().push(ids);
    }

    fn enter(&self, id: &log::Id) {
        let _ = current();
        self.entered.lock().unwrap().push(id.into_u64());
    }

    fn exit(&self, id: &log::Id) {
        let _ = current();
        assert_eq!(self.entered.lock().unwrap().pop(), Some(id.into_u64()));
    }
}

fn ids(context: TraceContext) -> Option<String> {
    Some(format!("{} {} ", context.trace_id(), context.span_id()))
}

#[test]
fn log_lines_have_the_current_ids_and_subscribers_can_read_the_context() {
    let test = TestTracer::new();
    let subscriber = ContextReader::default();
    let (mut outer, mut inner) = (None, None);
    tracing::subscriber::with_default(subscriber.clone(), || {
        let handler = service_fn(|_: Request<()>| {
            tracing::info!("in call");
            outer = current();
            span("inner").in_scope(|| {
                inner = current();
                tracing::info!("in a local span");
            });
            tracing::info!("after it");
            let dropped = || tracing::info!("in the drop of the body");
            let body = Script::new([Step::run(|| tracing::info!("in the body"))]);
            let response = Response::new(body.on_drop(dropped));
            ready(Ok::<_, Infallible>(response))
        });
        let mut service = test.tracer.server_layer().layer(handler);
        let mut response = now(service.call(get("/", ""))).unwrap();
        tracing::info!("between");
        drain(response.body_mut()).unwrap();
        drop(response);
        tracing::info!("outside");
    });
    let (outer, inner) = (outer.unwrap(), inner.unwrap());
    let (own, local) = (ids(outer), ids(inner));
    assert_eq!(
        *subscriber.events.lock().unwrap(),
        [
            own.clone(),
            local,
            own.clone(),
            None,
            own.clone(),
            own,
            None
        ]
    );
    // When a local span starts, the one above it is current; a root has none above it.
    assert_eq!(*subscriber.made.lock().unwrap(), [None, Some(outer)]);
    assert!(subscriber.entered.lock().unwrap().is_empty());
    let [_inner, outer] = test.spans.take(2).try_into().unwrap();
    let noted = outer.tag("noted");
    assert_eq!(noted.as_deref(), Some("by the subscriber"));
}
