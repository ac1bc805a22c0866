//! CEL expressions over the attributes of an exchange, as Istio's configuration has them.
//!
//! [`parse`] parses within limits. [`attribute`] replaces paths such as `request.headers['x']` by what
//! they read. [`fast`] handles common shapes without an interpreter; [`program`] runs all others with
//! the `cel` crate. [`print`] prints results as Envoy prints them.

mod attribute;
#[cfg(test)]
mod envoy_tests;
mod error;
mod expression;
mod fast;
mod http_exchange;
mod known;
mod parse;
mod path;
mod print;
mod program;
mod rewrite;
#[cfg(test)]
mod tests;
mod vocabulary;

pub use error::ExpressionError;
pub use expression::Expression;
pub(super) use expression::Scope;
