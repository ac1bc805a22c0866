//! The handler without tracing, and with the least that tracing middleware does.

use super::{Handler, Stack, Visitor, both, no_flush, sink};
use crate::peer::{
    floor::{Floor, Side},
    nothing::Nothing,
};
use http::Request;
use load::{response, take_out};
use std::convert::Infallible;
use tower::{Layer, Service, layer::layer_fn, service_fn};

impl<B, V, L> Stack<B, V, L>
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    pub fn baseline(self) -> V::Out {
        both!(self, B, no_flush(), layer_fn(|inner| inner), |inner| inner,)
    }

    pub fn nothing(self) -> V::Out {
        both!(
            self,
            B,
            no_flush(),
            layer_fn(|inner| Nothing { inner }),
            |inner| Nothing { inner },
        )
    }

    pub fn floor(self) -> V::Out {
        let recorded = self.scenario.is_recorded();
        both!(
            self,
            B,
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
}
