use std::{error::Error, fmt};

/// A text is not an expression that can be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionError(String);

impl ExpressionError {
    pub(super) fn new(reason: impl Into<String>) -> ExpressionError {
        ExpressionError(reason.into())
    }
}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ExpressionError {}
