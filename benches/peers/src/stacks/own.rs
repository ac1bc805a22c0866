//! tower-b3.

use super::{Handler, Visitor, both, sink};
use http::Request;
use load::{Scenario, null_reporter, response, take_out, tracer};
use std::{convert::Infallible, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::Mode;

pub fn tower_b3<B, V, L>(mode: Mode, scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    let reporter = null_reporter().expect("a reporter");
    let tracer = tracer(mode, scenario.sampler_says_yes(), reporter.clone());
    let flush = move || {
        assert!(reporter.flush(Duration::from_secs(60)));
    };
    both!(
        visitor,
        scenario,
        B,
        leaf,
        Box::new(flush),
        tracer.server_layer(),
        |inner| tracer.client_layer().layer(inner),
    )
}
