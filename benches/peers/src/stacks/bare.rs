//! The handler without tracing, and with the least that tracing middleware does.

use super::{Handler, Visitor, both, no_flush, sink};
use crate::peer::{
    floor::{Floor, Side},
    nothing::Nothing,
};
use http::Request;
use load::{Scenario, response, take_out};
use std::convert::Infallible;
use tower::{Layer, Service, layer::layer_fn, service_fn};

pub fn baseline<B, V, L>(scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    both!(
        visitor,
        scenario,
        B,
        leaf,
        no_flush(),
        layer_fn(|inner| inner),
        |inner| inner,
    )
}

pub fn nothing<B, V, L>(scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    both!(
        visitor,
        scenario,
        B,
        leaf,
        no_flush(),
        layer_fn(|inner| Nothing { inner }),
        |inner| Nothing { inner },
    )
}

pub fn floor<B, V, L>(scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    let recorded = scenario.is_recorded();
    both!(
        visitor,
        scenario,
        B,
        leaf,
        no_flush(),
        layer_fn(move |inner| Floor {
            inner,
            side: Side::Server,
            recorded,
        }),
        |inner| Floor {
            inner,
            side: Side::Client,
            recorded,
        },
    )
}
