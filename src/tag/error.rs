//! `TagError`, and the checks of tag names and variable names that configuration shares.

use super::format::FormatError;
use crate::{printable::quoted, record::MAX_NAME, text::is_blank};
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
                "{} cannot be the name of an environment variable",
                quoted(variable)
            ),
            Reason::Header(header) => {
                write!(f, "{} cannot be the name of a header", quoted(header))
            }
            Reason::Format(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TagError {}

/// Why a custom tag cannot have this name; `None` if it can.
pub(crate) fn tag_name_error(name: &str) -> Option<&'static str> {
    const { assert!(MAX_NAME == 256, "the message below says 256") };
    match name {
        _ if is_blank(name) => Some("the name is empty"),
        // Truncated, it could equal the name of another tag.
        _ if name.len() > MAX_NAME => Some("the name is over 256 bytes"),
        _ => None,
    }
}

/// Whether an environment variable can have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}
