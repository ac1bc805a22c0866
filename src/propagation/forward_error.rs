use crate::printable::quoted;
use http::HeaderName;
use std::fmt;

/// The headers that belong to one connection: RFC 9110, section 7.6.1, with those that it names
/// elsewhere (`expect`, `host`, `proxy-authenticate`, `proxy-authorization`) and the one of an
/// upgrade to HTTP/2.
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

/// A name that [`Propagation::forward`](super::Propagation::forward) refuses: which, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardError {
    name: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    NotAName,
    HopByHop,
    Content,
}

impl fmt::Display for ForwardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = match self.reason {
            Reason::NotAName => "not a header name",
            Reason::HopByHop => "belongs to one connection",
            Reason::Content => "describes the content of one message",
        };
        write!(f, "forwarded header {}: {reason}", quoted(&self.name))
    }
}

impl std::error::Error for ForwardError {}

/// The name, if a header of that name can go on another request as it came.
pub(super) fn forwardable(text: &str) -> Result<HeaderName, ForwardError> {
    let refused = |reason| {
        // A text that is no name may be of any length.
        let name = text.chars().take(64).collect();
        Err(ForwardError { name, reason })
    };
    match HeaderName::from_bytes(text.as_bytes()) {
        Err(_) => refused(Reason::NotAName),
        Ok(name) if HOP_BY_HOP.contains(&name.as_str()) => refused(Reason::HopByHop),
        Ok(name) if name.as_str().starts_with("content-") => refused(Reason::Content),
        Ok(name) => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use crate::propagation::Propagation;

    #[test]
    fn names_that_cannot_be_forwarded_are_refused() {
        for (name, reason) in [
            ("", "not a header name"),
            ("two words", "not a header name"),
            ("jwt\n", "not a header name"),
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
    fn other_names_can_be_forwarded() {
        let names = ["authorization", "Cookie", "end-user", "jwt", "baggage"];
        assert!(Propagation::default().forward(names).is_ok());
    }
}
