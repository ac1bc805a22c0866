use super::format::FormatError;
use crate::printable::quoted;
use std::fmt;

/// A custom tag cannot be used. The error names the tag and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagError {
    name: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reason {
    Name(&'static str),
    EmptyLiteral,
    Variable(String),
    Header(String),
    Format(FormatError),
}

impl TagError {
    pub(super) fn new(name: &str, reason: Reason) -> TagError {
        TagError {
            name: name.to_owned(),
            reason,
        }
    }
}

impl fmt::Display for TagError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tag {}: ", quoted(&self.name))?;
        match &self.reason {
            Reason::Name(reason) => f.write_str(reason),
            Reason::EmptyLiteral => f.write_str("the literal value is empty"),
            Reason::Variable(variable) => write!(
                f,
                "{} is not a valid environment variable name",
                quoted(variable)
            ),
            Reason::Header(header) => {
                write!(f, "{} is not a valid header name", quoted(header))
            }
            Reason::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TagError {}
