//! Errors of parsing a trace id or a span id.

use std::fmt;

/// The text is not a trace id or not a span id.
///
/// The message names the kind of id, the problem and its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseIdError {
    /// `trace id` or `span id`.
    kind: &'static str,
    problem: HexError,
}

/// What is wrong with the digits of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HexError {
    Empty,
    TooLong { length: usize, max: usize },
    NotHex { at: usize, byte: u8 },
    Zero,
}

impl HexError {
    /// The same error in a text with `offset` more bytes at its start.
    pub(super) fn at_offset(self, offset: usize) -> HexError {
        match self {
            HexError::NotHex { at, byte } => HexError::NotHex {
                at: at + offset,
                byte,
            },
            other => other,
        }
    }

    pub(super) fn in_id(self, kind: &'static str) -> ParseIdError {
        ParseIdError {
            kind,
            problem: self,
        }
    }
}

impl ParseIdError {
    /// The position of the first byte that is not a hexadecimal digit, counted from 0.
    pub fn position(&self) -> Option<usize> {
        match self.problem {
            HexError::NotHex { at, .. } => Some(at),
            _ => None,
        }
    }

    /// Whether all digits are zero, which B3 does not allow.
    pub fn is_zero(&self) -> bool {
        self.problem == HexError::Zero
    }
}

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.kind)?;
        match self.problem {
            HexError::Empty => f.write_str("empty"),
            HexError::TooLong { length, max } => {
                write!(f, "{length} characters, but at most {max} are allowed")
            }
            HexError::NotHex { at, byte } => write!(
                f,
                "character '{}' at position {at} is not a hexadecimal digit",
                byte.escape_ascii()
            ),
            HexError::Zero => f.write_str("all digits are zero"),
        }
    }
}

impl std::error::Error for ParseIdError {}
