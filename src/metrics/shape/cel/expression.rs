//! [`Expression`]: a text compiled to the way in which it is evaluated.

use super::{
    ExpressionError, attribute::Attribute, fast::Fast, http_exchange::HttpExchange, parse::parse,
    print::print_value, program::Program,
};
use cel::Value;
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
/// An expression has at most 1,024 bytes and 16 operators inside of each other, or 64 if all of them are
/// comparisons of attributes with literals, or join texts.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    compiled: Arc<Compiled>,
}

#[derive(Debug)]
enum Compiled {
    Fast(Fast),
    Program(Program),
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
    /// This is for trying and testing an expression. It knows only what the two have: no peer, no
    /// sizes, no times.
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
            exchange: &HttpExchange::new(request, response),
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
        let parsed = parse(text)?;
        let compiled = match Fast::of(&parsed, generated) {
            Some(fast) => Compiled::Fast(fast),
            None => Compiled::of_program(Program::compile(parsed, generated)?)?,
        };
        let expression = Expression {
            text: text.into(),
            compiled: Arc::new(compiled),
        };
        Ok(expression)
    }

    /// The result, if it is the same for every request.
    pub(in crate::metrics::shape) fn constant(&self) -> Option<&str> {
        match &*self.compiled {
            Compiled::Fast(Fast::Literal(text)) => Some(text),
            _ => None,
        }
    }

    /// Appends the result as Envoy prints it. `false` if the evaluation fails; then what was appended
    /// means nothing.
    pub(in crate::metrics::shape) fn print(&self, scope: Scope<'_>, out: &mut String) -> bool {
        match &*self.compiled {
            Compiled::Fast(fast) => fast.print(scope, out),
            Compiled::Program(program) => program
                .evaluate(scope)
                .is_some_and(|value| print_value(&value, out)),
        }
    }

    /// Whether it is true. `None` if the evaluation fails, or its result is no condition.
    pub(in crate::metrics::shape) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match &*self.compiled {
            Compiled::Fast(fast) => fast.holds(scope),
            Compiled::Program(program) => match program.evaluate(scope)? {
                Value::Bool(flag) => Some(flag),
                _ => None,
            },
        }
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
        match &*self.compiled {
            Compiled::Fast(fast) => fast.attributes(),
            Compiled::Program(program) => {
                let slots = program.slots().iter();
                slots.map(|slot| &slot.attribute).collect()
            }
        }
    }

    /// Whether it is evaluated without the interpreter.
    #[cfg(test)]
    pub(super) fn is_fast(&self) -> bool {
        matches!(&*self.compiled, Compiled::Fast(_))
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Compiled {
    /// Evaluates it once, so that what cannot be evaluated at all is refused now. If it reads nothing,
    /// its result is already known.
    fn of_program(program: Program) -> Result<Compiled, ExpressionError> {
        let result = program.try_once()?;
        if !program.slots().is_empty() {
            return Ok(Compiled::Program(program));
        }
        let mut text = String::new();
        let is_known = result.is_some_and(|value| print_value(&value, &mut text));
        Ok(Compiled::Fast(if is_known {
            Fast::Literal(text)
        } else {
            Fast::Attribute(Attribute::Absent)
        }))
    }
}
