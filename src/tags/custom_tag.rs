//! `Tag`: a custom tag as the user defines it, and what becomes of it when the tracer is built.

use super::{
    error::Reason,
    field::RequestField,
    format::TagFormat,
    name::{is_variable_name, tag_name_error},
    source::TagSource,
};

/// A custom tag, for every SERVER and CLIENT span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    name: String,
    value: Value,
    default: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Literal(String),
    Environment(String),
    RequestHeader(String),
    Format(String),
}

/// The value of a tag once the environment has been read.
pub(super) enum Resolved {
    /// The same on every span; empty if there is no value.
    Constant(String),
    /// Read from each request; `default` counts if the request does not have the source.
    Varying {
        source: TagSource,
        default: Option<String>,
    },
}

impl Tag {
    /// Creates a tag with a constant value.
    pub fn literal(name: impl Into<String>, value: impl Into<String>) -> Tag {
        Tag::new(name, Value::Literal(value.into()))
    }

    /// Creates a tag with the value that an environment variable has when the tracer is built.
    pub fn environment(name: impl Into<String>, variable: impl Into<String>) -> Tag {
        Tag::new(name, Value::Environment(variable.into()))
    }

    /// Creates a tag with the first value of a request header.
    pub fn request_header(name: impl Into<String>, header: impl Into<String>) -> Tag {
        Tag::new(name, Value::RequestHeader(header.into()))
    }

    /// Creates a tag from text with operators in Envoy's format (`formatter` in Istio):
    ///
    /// | operator | value |
    /// |---|---|
    /// | `%REQ(x-tenant)%` | the first value of the request header; `:authority`, `:method` and `:path` work too |
    /// | `%REQ(x-tenant?x-customer)%` | the second header if the first is absent |
    /// | `%PROTOCOL%` | `HTTP/1.1` |
    /// | `%ENVIRONMENT(ZONE)%` | the value of the variable when the tracer is built |
    /// | `%REQUESTED_SERVER_NAME%` | empty, as in Envoy without TLS |
    /// | `%%` | a `%` |
    ///
    /// `:20` after the closing parenthesis truncates a value to 20 bytes. An absent value is an empty
    /// text, and a tag whose whole text is empty is left out, as in Envoy. On a CLIENT span the
    /// values come from the outgoing request; if it has none of them, from the request being
    /// served. Unlike other tags, a format allocates once or twice a span.
    ///
    /// ```
    /// use tower_b3::{Tracer, tags::Tag};
    ///
    /// let call = Tag::formatter("call", "%REQ(:METHOD)% by %REQ(x-tenant)%");
    /// let tracer = Tracer::builder("webapp").tag(call).build()?;
    ///
    /// // Operators on the response are errors: the tag is set when the span starts.
    /// let status = Tag::formatter("status", "%RESPONSE_CODE%");
    /// assert!(Tracer::builder("webapp").tag(status).build().is_err());
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn formatter(name: impl Into<String>, format: impl Into<String>) -> Tag {
        Tag::new(name, Value::Format(format.into()))
    }

    /// Sets the value for when the variable or the header is absent. If it is present but empty, the
    /// tag is left out, as in Envoy. Literals and formats ignore the default.
    #[must_use]
    pub fn default_value(mut self, value: impl Into<String>) -> Tag {
        self.default = Some(value.into());
        self
    }

    /// The name of the tag.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: impl Into<String>, value: Value) -> Tag {
        Tag {
            name: name.into(),
            value,
            default: None,
        }
    }

    /// Checks the tag and reads the environment.
    pub(super) fn resolve(&self) -> Result<Resolved, Reason> {
        if let Some(reason) = tag_name_error(&self.name) {
            return Err(Reason::Name(reason));
        }
        match &self.value {
            Value::Literal(value) if value.is_empty() => Err(Reason::EmptyLiteral),
            Value::Literal(value) => Ok(Resolved::Constant(value.clone())),
            Value::Environment(variable) if !is_variable_name(variable) => {
                Err(Reason::Variable(variable.clone()))
            }
            Value::Environment(variable) => {
                let value = std::env::var_os(variable);
                let value = value.map(|value| value.to_string_lossy().into_owned());
                let value = value.or_else(|| self.default.clone());
                Ok(Resolved::Constant(value.unwrap_or_default()))
            }
            Value::RequestHeader(header) => {
                let field = RequestField::parse(header);
                let field = field.ok_or_else(|| Reason::Header(header.clone()))?;
                Ok(Resolved::Varying {
                    source: TagSource::Field(field),
                    default: self.default.clone(),
                })
            }
            Value::Format(text) => {
                let format = TagFormat::parse(text).map_err(Reason::Format)?.resolve();
                Ok(match format.constant() {
                    Some(value) => Resolved::Constant(value.to_owned()),
                    None => Resolved::Varying {
                        default: Some(format.without_request()),
                        source: TagSource::Format(format, text.clone()),
                    },
                })
            }
        }
    }
}
