//! What can be wrong with the text of an id.

use std::fmt;

/// The text is not an id of a trace or a span.
///
/// Its `Display` names the kind of id, what is wrong and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    what: &'static str,
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Empty,
    TooLong { length: usize, most: usize },
    NotHex { at: usize, byte: u8 },
    Zero,
}

impl Flaw {
    /// The same flaw in a longer text, `by` bytes further on.
    pub(crate) fn shifted(self, by: usize) -> Flaw {
        match self {
            Flaw::NotHex { at, byte } => Flaw::NotHex { at: at + by, byte },
            other => other,
        }
    }

    pub(crate) fn of(self, what: &'static str) -> ParseIdError {
        ParseIdError { what, flaw: self }
    }
}

impl ParseIdError {
    /// The byte, counted from 0, at which the text stops being hexadecimal.
    pub fn position(&self) -> Option<usize> {
        match self.flaw {
            Flaw::NotHex { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether every digit is zero: B3 has no such id.
    pub fn is_zero(&self) -> bool {
        self.flaw == Flaw::Zero
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.what)?;
        match self.flaw {
            Flaw::Empty => f.write_str("empty"),
            Flaw::TooLong { length, most } => {
                write!(f, "{length} characters where at most {most} are allowed")
            }
            Flaw::NotHex { at, byte } => write!(
                f,
                "character '{}' at position {at} is not a hexadecimal digit",
                byte.escape_ascii()
            ),
            Flaw::Zero => f.write_str("all zero, which is no id"),
        }
    }
}

impl std::error::Error for ParseIdError {}
