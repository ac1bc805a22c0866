//! CEL expressions over the attributes of an exchange, as Istio's configuration has them.
//!
//! [`parse`] parses within limits. [`attribute`] replaces paths such as `request.headers['x']` by what
//! they read. [`compile`] compiles the parsed expression to a [`term`]: literals, attributes, conditions and
//! choices are evaluated without an interpreter; [`program`] runs the rest with the `cel` crate.
//! [`print`] prints results as Envoy prints them.

mod attribute;
mod compile;
mod condition;
#[cfg(test)]
mod crate_tests;
#[cfg(test)]
mod envoy_tests;
mod error;
mod expression;
mod functions;
mod http_exchange;
mod known;
#[cfg(test)]
mod limit_tests;
mod parse;
mod path;
mod print;
mod program;
mod rewrite;
mod term;
#[cfg(test)]
mod tests;
mod tree;
mod vocabulary;

pub use error::ExpressionError;
pub use expression::Expression;
pub(super) use expression::Scope;
