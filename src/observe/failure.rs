//! What kind of failure kept a client from getting a response.

/// Why there is no response, or only a part of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TransportFailure {
    /// No connection was made.
    ConnectionFailed,
    /// Time ran out before the response.
    TimedOut,
    /// The connection was closed, or the failure has no known kind.
    ConnectionClosed,
}

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
    /// Judges by the error's `Debug` text: a service's error has no other bound, and is wrapped by many
    /// types on its way here.
    pub(super) fn of(error: &str) -> TransportFailure {
        let has = |parts: &[&str]| parts.iter().any(|part| error.contains(part));
        if has(&CONNECTION_FAILED) {
            TransportFailure::ConnectionFailed
        } else if has(&TIMED_OUT) {
            TransportFailure::TimedOut
        } else {
            TransportFailure::ConnectionClosed
        }
    }
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
                "Custom { kind: ConnectionReset, error: \"x\" }",
                ConnectionClosed,
            ),
            ("", ConnectionClosed),
        ] {
            assert_eq!(TransportFailure::of(error), expected, "{error}");
        }
    }
}
