//! tower-b3.

use super::{Handler, Stack, Visitor, both, sink};
use http::Request;
use load::{null_reporter, response, take_out, tracer};
use std::{convert::Infallible, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::Mode;

impl<B, V, L> Stack<B, V, L>
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    pub fn tower_b3(self, mode: Mode) -> V::Out {
        let reporter = null_reporter().expect("a reporter");
        let tracer = tracer(mode, self.scenario.sampler_says_yes(), reporter.clone());
        let flush = move || {
            assert!(reporter.flush(Duration::from_secs(60)));
        };
        both!(self, B, Box::new(flush), tracer.server_layer(), |inner| {
            tracer.client_layer().layer(inner)
        },)
    }
}
