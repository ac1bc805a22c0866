//! The kind of failure because of which a client has no complete response.

use crate::text::cut;
use std::iter;

/// Why there is no response, or only a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum TransportFailure {
    /// No connection was made.
    ConnectionFailed,
    /// Time ran out before the response.
    TimedOut,
    #[default]
    /// The connection was closed, or the failure has no known kind.
    ConnectionClosed,
}

/// How many bytes of an error's text are classified.
pub(crate) const CLASSIFIED_LENGTH: usize = 16 * 1024;

/// What the `Debug` of hyper-util's and reqwest's errors contains if connecting failed. tonic, tower's
/// `BoxError` and `std::io::Error` print what they wrap.
const CONNECTION_FAILED: [&str; 5] = [
    "Error(Connect,",
    "ConnectError(",
    "kind: ConnectionRefused",
    "kind: HostUnreachable",
    "kind: NetworkUnreachable",
];

/// The same for the timeouts of tower, tokio, reqwest and the operating system.
const TIMED_OUT: [&str; 4] = ["Elapsed(", "TimedOut", "TimeoutExpired(", "Timeout("];

impl TransportFailure {
    /// Classifies an error by its `Debug` text: a service's error has no other bound, and is wrapped in many
    /// types. Quoted parts, such as a URL, come from elsewhere and are ignored.
    pub(super) fn of(error: &str) -> TransportFailure {
        let error = cut(error, CLASSIFIED_LENGTH);
        let has = |parts: &[&str]| {
            unquoted(error).any(|piece| parts.iter().any(|part| piece.contains(part)))
        };
        if has(&CONNECTION_FAILED) {
            TransportFailure::ConnectionFailed
        } else if has(&TIMED_OUT) {
            TransportFailure::TimedOut
        } else {
            TransportFailure::ConnectionClosed
        }
    }
}

/// The pieces of a `Debug` text that are not in quotes.
fn unquoted(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    iter::from_fn(move || {
        let (piece, quoted) = match rest?.split_once('"') {
            Some((piece, quoted)) => (piece, quoted),
            None => return rest.take(),
        };
        let mut escaped = false;
        let end = quoted.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        rest = end.and_then(|end| quoted.get(end + 1..));
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_common_clients() {
        use TransportFailure::*;
        for (error, expected) in [
            (
                r#"hyper_util::client::legacy::Error(Connect, ConnectError("tcp connect error", 127.0.0.1:1, Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }))"#,
                ConnectionFailed,
            ),
            (
                r#"Os { code: 111, kind: ConnectionRefused, message: "Connection refused" }"#,
                ConnectionFailed,
            ),
            (
                r#"hyper_util::client::legacy::Error(SendRequest, hyper::Error(IncompleteMessage))"#,
                ConnectionClosed,
            ),
            (
                r#"reqwest::Error { kind: Request, url: "http://a/Timeout", source: TimedOut }"#,
                TimedOut,
            ),
            ("Elapsed(())", TimedOut),
            (
                r#"Error { url: "http://a/Elapsed(\"TimedOut" }"#,
                ConnectionClosed,
            ),
            (
                r#"Error { url: "a\\", source: TimedOut, text: "b" }"#,
                TimedOut,
            ),
            (r#"Error { url: "TimedOut"#, ConnectionClosed),
            (
                "Custom { kind: ConnectionReset, error: \"x\" }",
                ConnectionClosed,
            ),
            ("", ConnectionClosed),
        ] {
            assert_eq!(TransportFailure::of(error), expected, "{error}");
        }
    }
}
