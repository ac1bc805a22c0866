//! A format as text and operators, not yet interpreted.

use super::error::{AccessLogFormatError, Reason};
use crate::digits::parse_digits;

/// An operator as it is written: `REQ(x-tenant?x-customer):20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawOperator<'a> {
    pub(super) name: &'a str,
    /// What is between the parentheses, if there are any.
    pub(super) argument: Option<&'a str>,
    pub(super) max_length: Option<usize>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    Operator(RawOperator<'a>),
}

/// Splits a format. `%%` is the text `%`.
pub(super) fn tokens(format: &str) -> Result<Vec<Token<'_>>, AccessLogFormatError> {
    let mut tokens = Vec::new();
    let mut rest = format;
    while let Some(start) = rest.find('%') {
        if start > 0 {
            tokens.push(Token::Text(&rest[..start]));
        }
        let at_operator = &rest[start..];
        if let Some(after) = at_operator.strip_prefix("%%") {
            tokens.push(Token::Text("%"));
            rest = after;
            continue;
        }
        let operator = operator(&at_operator[1..]);
        let (operator, after) =
            operator.ok_or_else(|| AccessLogFormatError(Reason::Syntax(at_operator.to_owned())))?;
        tokens.push(Token::Operator(operator));
        rest = after;
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(rest));
    }
    Ok(tokens)
}

/// Reads an operator up to its closing `%`. Returns it and what comes after.
///
/// As in Envoy, an argument ends at the first `)` after which the operator ends: it may contain `%`, as
/// in `START_TIME(%s)`, and `)`.
fn operator(text: &str) -> Option<(RawOperator<'_>, &str)> {
    let is_name = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_');
    let end = text.bytes().take_while(is_name).count();
    if end == 0 {
        return None;
    }
    let (name, rest) = text.split_at(end);
    let operator = |argument, (max_length, after)| {
        let operator = RawOperator {
            name,
            argument,
            max_length,
        };
        (operator, after)
    };
    let Some(inside) = rest.strip_prefix('(') else {
        return length_and_end(rest).map(|end| operator(None, end));
    };
    let closing = inside.match_indices(')').map(|(at, _)| at);
    closing
        .filter_map(|at| Some((at, length_and_end(&inside[at + 1..])?)))
        .map(|(at, end)| operator(Some(&inside[..at]), end))
        .next()
}

/// Reads `:20%` or `%`.
fn length_and_end(text: &str) -> Option<(Option<usize>, &str)> {
    if let Some(after) = text.strip_prefix('%') {
        return Some((None, after));
    }
    let (digits, after) = text.strip_prefix(':')?.split_once('%')?;
    Some((Some(parse_digits(digits)?), after))
}
