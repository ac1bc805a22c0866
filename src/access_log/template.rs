//! `Template`: text with operators, ready to be written.

use super::{
    capture::{Captured, Captures},
    error::{AccessLogFormatError, Reason},
    operator::{Operator, Written},
    token::{Token, tokens},
};
use crate::observe::EndedExchange;

#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Operator(Operator),
}

/// An exchange and what was captured of it, with the format's rule for absent values.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) exchange: &'a EndedExchange<'a>,
    pub(super) captured: &'a Captured,
    pub(super) omit_empty: bool,
}

impl Template {
    /// Parses a text, which may be empty.
    pub(super) fn parse(
        text: &str,
        captures: &mut Captures,
    ) -> Result<Template, AccessLogFormatError> {
        let mut parts = Vec::new();
        for token in tokens(text)? {
            match token {
                Token::Text(text) => push_text(text, &mut parts),
                Token::Operator(raw) => {
                    parts.push(Part::Operator(Operator::parse(&raw, captures)?));
                }
            }
        }
        Ok(Template(parts))
    }

    /// Parses the format of a line, which ends with a line break in any case.
    pub(super) fn parse_line(
        text: &str,
        captures: &mut Captures,
    ) -> Result<Template, AccessLogFormatError> {
        if text.is_empty() {
            return Err(AccessLogFormatError(Reason::Empty));
        }
        let mut line = Template::parse(text, captures)?;
        if !text.ends_with('\n') {
            push_text("\n", &mut line.0);
        }
        Ok(line)
    }

    /// The operator, if there is nothing else.
    pub(super) fn only_operator(&self) -> Option<&Operator> {
        match self.0.as_slice() {
            [Part::Operator(operator)] => Some(operator),
            _ => None,
        }
    }

    /// The text, if there are no operators.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// Appends the text and the values.
    pub(super) fn write(&self, line: Line<'_>, to: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => to.extend_from_slice(text.as_bytes()),
                Part::Operator(operator) => {
                    let written = operator.write(line.exchange, line.captured, to);
                    if written == Written::Nothing && !line.omit_empty {
                        to.push(b'-');
                    }
                }
            }
        }
    }
}

fn push_text(text: &str, parts: &mut Vec<Part>) {
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}
