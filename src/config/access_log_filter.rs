//! The filter of an access log, an expression in CEL.

use crate::{
    access_log::{Filter, HeadFilter, Heads},
    direction::Direction,
    metrics::{Attributes, Expression},
    observe::EndedExchange,
};
use http::HeaderName;
use std::sync::Arc;

/// The filter of `filter.expression`. As in Envoy, an exchange for which it is not true, or cannot be
/// evaluated, has no line.
pub(super) fn filter_of(expression: &str) -> Result<Filter, String> {
    match Expression::parse(expression) {
        Ok(parsed) => Ok(Filter::Heads(Arc::new(ExpressionFilter(parsed)))),
        Err(error) => {
            let expression = crate::printable::quoted(expression);
            Err(format!("the filter {expression} cannot be used: {error}"))
        }
    }
}

struct ExpressionFilter(Expression);

impl HeadFilter for ExpressionFilter {
    fn request_headers(&self) -> Vec<HeaderName> {
        self.0.request_headers().cloned().collect()
    }

    fn response_headers(&self) -> Vec<HeaderName> {
        self.0.response_headers().cloned().collect()
    }

    fn keeps(&self, exchange: &EndedExchange<'_>, heads: &Heads<'_>) -> bool {
        self.0.holds_for(&Logged { exchange, heads })
    }
}

/// An exchange that may have a line.
struct Logged<'a> {
    exchange: &'a EndedExchange<'a>,
    heads: &'a Heads<'a>,
}

impl Attributes for Logged<'_> {
    fn direction(&self) -> Direction {
        self.exchange.direction()
    }

    fn exchange(&self) -> Option<&EndedExchange<'_>> {
        Some(self.exchange)
    }

    fn path(&self) -> Option<&str> {
        self.heads.path()
    }

    fn host(&self) -> Option<&str> {
        self.heads.authority()
    }

    fn scheme(&self) -> Option<&str> {
        self.heads.scheme()
    }

    fn request_header(&self, name: &HeaderName) -> Option<&str> {
        self.heads.request_header(name)
    }

    fn response_header(&self, name: &HeaderName) -> Option<&str> {
        self.heads.response_header(name)
    }

    fn response_trailer(&self, name: &HeaderName) -> Option<&str> {
        self.heads.response_trailer(name)
    }

    fn response_code(&self) -> Option<u16> {
        Some(self.exchange.response_code()).filter(|code| *code != 0)
    }

    fn response_flags(&self) -> Option<u64> {
        Some(self.exchange.response_flags().bits())
    }

    fn grpc_status(&self) -> Option<i32> {
        self.exchange.grpc_status().map(i32::from)
    }
}
