//! `ForwardError`: which headers cannot be forwarded.

use crate::printable::quoted;
use http::HeaderName;
use std::fmt;

/// The headers that belong to one connection: the list in section 7.6.1 of RFC 9110, headers that the
/// RFC treats the same elsewhere (`expect`, `host`, `proxy-authenticate`, `proxy-authorization`), and
/// `http2-settings` of an upgrade to HTTP/2.
const HOP_BY_HOP: [&str; 12] = [
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// [`Propagation::forward`](super::Propagation::forward) or
/// [`do_not_forward`](super::Propagation::do_not_forward) rejected a header. The message has the name
/// and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardError {
    name: String,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Problem {
    NotAName,
    HopByHop,
    Content,
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.problem {
            Problem::NotAName => "not a valid header name",
            Problem::HopByHop => "belongs to one connection",
            Problem::Content => "describes the content of one message",
        };
        write!(f, "forwarded header {}: {reason}", quoted(&self.name))
    }
}

impl std::error::Error for ForwardError {}

impl ForwardError {
    fn new(name: &str, problem: Problem) -> ForwardError {
        // A text that is not a header name can have any length.
        let name = name.chars().take(64).collect();
        ForwardError { name, problem }
    }
}

pub(super) fn parse_name(text: &str) -> Result<HeaderName, ForwardError> {
    HeaderName::from_bytes(text.as_bytes()).map_err(|_| ForwardError::new(text, Problem::NotAName))
}

/// Parses the name of a header that can be copied to another request.
pub(super) fn parse_forwardable_name(text: &str) -> Result<HeaderName, ForwardError> {
    let name = parse_name(text)?;
    match name.as_str() {
        hop_by_hop if HOP_BY_HOP.contains(&hop_by_hop) => {
            Err(ForwardError::new(text, Problem::HopByHop))
        }
        content if content.starts_with("content-") => {
            Err(ForwardError::new(text, Problem::Content))
        }
        _ => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use crate::propagation::Propagation;

    #[test]
    fn headers_of_one_connection_or_message_are_rejected() {
        for (name, reason) in [
            ("", "not a valid header name"),
            ("two words", "not a valid header name"),
            ("jwt\n", "not a valid header name"),
            ("Host", "belongs to one connection"),
            ("connection", "belongs to one connection"),
            ("Transfer-Encoding", "belongs to one connection"),
            ("te", "belongs to one connection"),
            ("upgrade", "belongs to one connection"),
            ("proxy-authorization", "belongs to one connection"),
            ("content-length", "describes the content of one message"),
            ("Content-Type", "describes the content of one message"),
            ("content-encoding", "describes the content of one message"),
        ] {
            let error = Propagation::default().forward([name]).unwrap_err();
            let expected = format!("forwarded header {name:?}: {reason}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn do_not_forward_rejects_only_invalid_names() {
        let default = Propagation::default;
        let error = default().do_not_forward(["sw8", "two words"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "forwarded header \"two words\": not a valid header name"
        );
        assert!(
            default()
                .do_not_forward(["sw8", "host", "content-type"])
                .is_ok()
        );
    }

    #[test]
    fn other_names_can_be_forwarded() {
        let names = ["authorization", "Cookie", "end-user", "jwt", "baggage"];
        assert!(Propagation::default().forward(names).is_ok());
    }
}
