//! `Format`: which headers a trace context is written to.

use std::{fmt, str::FromStr};

/// A format in which a trace context is written to headers.
///
/// As text, for flags and configuration, the formats are `b3multi`, `b3` and `w3c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled`, `x-b3-flags`.
    B3Multi,
    /// `b3`, the context in one header.
    B3Single,
    /// `traceparent` of W3C Trace Context.
    W3c,
}

impl Format {
    const ALL: [(Format, &'static str); 3] = [
        (Format::B3Multi, "b3multi"),
        (Format::B3Single, "b3"),
        (Format::W3c, "w3c"),
    ];
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::ALL.iter().find(|(format, _)| format == self);
        f.pad(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for Format {
    type Err = ParseFormatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let format = Format::ALL.iter().find(|(_, name)| *name == text);
        format.map(|(format, _)| *format).ok_or(ParseFormatError)
    }
}

/// The text is not the name of a [`Format`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseFormatError;

impl fmt::Display for ParseFormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown format: expected `b3multi`, `b3` or `w3c`")
    }
}

impl std::error::Error for ParseFormatError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names() {
        for format in [Format::B3Multi, Format::B3Single, Format::W3c] {
            assert_eq!(format.to_string().parse(), Ok(format));
        }
        let error = "B3".parse::<Format>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown format: expected `b3multi`, `b3` or `w3c`"
        );
    }
}
