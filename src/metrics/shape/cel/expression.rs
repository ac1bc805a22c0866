//! [`Expression`]: a text compiled to the way in which it is evaluated.

use super::{
    ExpressionError, attribute::Attribute, compile::Compiler, http_exchange::HttpExchange,
    parse::parse, term::Term,
};
use http::{HeaderName, Request, Response};
use std::{fmt, sync::Arc};

pub(in crate::metrics::shape) use super::attribute::Scope;

/// An expression in CEL, as Istio's metrics have them: the value of a label, of a metric, or a
/// condition.
///
/// It reads the attributes of a request and its response:
///
/// ```
/// use tower_b3::metrics::Expression;
///
/// let operation = Expression::parse("request.method == 'GET' ? 'read' : 'write'")?;
/// assert_eq!(operation.to_string(), "request.method == 'GET' ? 'read' : 'write'");
///
/// let error = Expression::parse("request.method ==").unwrap_err();
/// assert!(error.to_string().starts_with("is not CEL"), "{error}");
/// # Ok::<(), tower_b3::metrics::ExpressionError>(())
/// ```
///
/// An expression has at most 1,024 bytes and 64 operators inside of each other. A part of it that is
/// more than attributes, literals, their comparisons, choices and joined texts has at most 16.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    term: Arc<Term>,
}

impl Expression {
    /// Parses an expression.
    ///
    /// # Errors
    ///
    /// The text is not CEL, is too long or too deeply nested, or needs what the layers do not have,
    /// such as all headers of a request.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        Expression::with_generated(text, &[])
    }

    /// The value for a request and its response, as a server's metrics print it. `None` if the
    /// evaluation fails, for example because a header is missing: then a label is `unknown`.
    ///
    /// This is for testing an expression. Only attributes of the two are available: no peer, no sizes, no
    /// times.
    ///
    /// ```
    /// use http::{Request, Response};
    /// use tower_b3::metrics::Expression;
    ///
    /// let class = Expression::parse("response.code >= 500 ? 'failed' : request.method")?;
    /// let value = class.evaluate(&Request::new(()), &Response::new(()));
    /// assert_eq!(value.as_deref(), Some("GET"));
    /// # Ok::<(), tower_b3::metrics::ExpressionError>(())
    /// ```
    pub fn evaluate<A, B>(&self, request: &Request<A>, response: &Response<B>) -> Option<String> {
        let scope = Scope {
            exchange: &HttpExchange::new(request, response, self),
            generated: &[],
        };
        let mut value = String::new();
        self.print(scope, &mut value).then_some(value)
    }

    /// As [`parse`](Self::parse), with the names of the attributes that the configuration generates.
    pub(in crate::metrics::shape) fn with_generated(
        text: &str,
        generated: &[String],
    ) -> Result<Expression, ExpressionError> {
        let term = Compiler { generated }.term(&parse(text)?)?;
        let expression = Expression {
            text: text.into(),
            term: Arc::new(term),
        };
        Ok(expression)
    }

    /// The result, if it is the same for every request.
    pub(in crate::metrics::shape) fn constant(&self) -> Option<&str> {
        self.term.constant()
    }

    /// Appends the result as Envoy prints it. `false` if the evaluation fails; then the appended text must
    /// be discarded.
    pub(in crate::metrics::shape) fn print(&self, scope: Scope<'_>, out: &mut String) -> bool {
        self.term.print(scope, out).is_some()
    }

    /// Whether it is true. `None` if the evaluation fails, or its result is not a bool.
    pub(in crate::metrics::shape) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        self.term.holds(scope)
    }

    /// Whether it is true for this exchange. If the evaluation fails, it is not.
    #[cfg(feature = "access-log")]
    pub(crate) fn holds_for(&self, exchange: &dyn crate::metrics::Attributes) -> bool {
        let scope = Scope {
            exchange,
            generated: &[],
        };
        self.holds(scope) == Some(true)
    }

    /// The request headers that it reads.
    pub(crate) fn request_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.attributes()
            .into_iter()
            .filter_map(|attribute| match attribute {
                Attribute::RequestHeader(name) => Some(name),
                _ => None,
            })
    }

    /// The response headers and trailers that it reads.
    pub(crate) fn response_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.attributes()
            .into_iter()
            .filter_map(|attribute| match attribute {
                Attribute::ResponseHeader(name) | Attribute::ResponseTrailer(name) => Some(name),
                _ => None,
            })
    }

    fn attributes(&self) -> Vec<&Attribute> {
        let mut attributes = Vec::new();
        self.term.attributes(&mut attributes);
        attributes
    }

    /// Whether it is evaluated without the interpreter.
    #[cfg(test)]
    pub(super) fn is_fast(&self) -> bool {
        self.term.is_fast()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
