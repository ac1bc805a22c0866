//! `RequestId`, the value of `x-request-id`, and the reason that Envoy packs into it.
//!
//! Which header values are kept and which are replaced is decided here; when a request gets a new id
//! is decided by the layers.

use super::{hex, random::random_u64};
use crate::word_scan;
use bytes::Bytes;
use http::HeaderValue;
use std::{fmt, str::FromStr};

/// The value of `x-request-id`. A request and all calls made for it have the same id.
///
/// A generated id is a UUID of version 4 (36 characters, lower case), as in Envoy. The id of an
/// incoming request is kept unchanged if it has 1 to 256 visible ASCII characters. Cloning does not
/// allocate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

/// Why a request is traced, for ids that carry the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceReason {
    /// The sampler decided.
    Sampled,
    /// The request had `x-envoy-force-trace`.
    Forced,
    /// The request had `x-client-trace-id`.
    ClientForced,
}

/// The text is not a valid `x-request-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseRequestIdError(Problem);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Empty,
    TooLong(usize),
    NotVisible { at: usize, byte: u8 },
}

impl RequestId {
    /// The longest valid request id, in bytes.
    pub(crate) const MAX_LENGTH: usize = 256;

    /// Generates a random UUID of version 4.
    pub fn random() -> RequestId {
        let (high, low) = (random_u64(), random_u64());
        let mut text = [b'-'; 36];
        // Version 4 in the third group, variant 10 in the fourth.
        let high = hex::u64_digits(high & 0xffff_ffff_ffff_0fff | 0x4000);
        let low = hex::u64_digits(low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000);
        text[..8].copy_from_slice(&high[..8]);
        text[9..13].copy_from_slice(&high[8..12]);
        text[14..18].copy_from_slice(&high[12..]);
        text[19..23].copy_from_slice(&low[..4]);
        text[24..].copy_from_slice(&low[4..]);
        RequestId::from_valid(Bytes::from_owner(text))
    }

    /// Reads a header value; `None` unless it has 1 to 256 visible ASCII characters.
    pub fn from_header(value: &HeaderValue) -> Option<RequestId> {
        check(value.as_bytes())
            .is_ok()
            .then(|| RequestId(value.clone()))
    }

    /// Returns the id as a header value.
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }

    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        // Visible ASCII by construction.
        self.0.to_str().unwrap_or_default()
    }

    /// Returns why the request is traced, if the id says so: Envoy writes the reason to character 14,
    /// counted from 0, of an id with 36 characters.
    pub fn trace_reason(&self) -> Option<TraceReason> {
        match (self.0.len(), self.0.as_bytes().get(14)?) {
            (36, b'9') => Some(TraceReason::Sampled),
            (36, b'a') => Some(TraceReason::Forced),
            (36, b'b') => Some(TraceReason::ClientForced),
            _ => None,
        }
    }

    /// Writes the reason into the id, or `4` for no reason. An id without 36 characters stays
    /// unchanged.
    #[must_use]
    pub fn with_trace_reason(self, reason: Option<TraceReason>) -> RequestId {
        let Ok(mut text) = <[u8; 36]>::try_from(self.0.as_bytes()) else {
            return self;
        };
        text[14] = match reason {
            None => b'4',
            Some(TraceReason::Sampled) => b'9',
            Some(TraceReason::Forced) => b'a',
            Some(TraceReason::ClientForced) => b'b',
        };
        RequestId::from_valid(Bytes::from_owner(text))
    }

    /// Returns the number that sampling by request id uses: the first eight characters, read as a
    /// hexadecimal number.
    pub fn sampling_number(&self) -> Option<u32> {
        let number = hex::read_u64(self.0.as_bytes().get(..8)?).ok()?;
        u32::try_from(number).ok()
    }

    /// A copy that shares no memory with the incoming request.
    pub(crate) fn detached(&self) -> RequestId {
        RequestId::from_valid(Bytes::copy_from_slice(self.0.as_bytes()))
    }

    fn from_valid(text: Bytes) -> RequestId {
        RequestId(
            HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("-") }),
        )
    }
}

/// Checks that these bytes are a valid request id.
fn check(text: &[u8]) -> Result<(), ParseRequestIdError> {
    if text.is_empty() {
        return Err(ParseRequestIdError(Problem::Empty));
    }
    if text.len() > RequestId::MAX_LENGTH {
        return Err(ParseRequestIdError(Problem::TooLong(text.len())));
    }
    if word_scan::is_visible_ascii(text) {
        return Ok(());
    }
    match text.iter().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err(ParseRequestIdError(Problem::NotVisible {
            at,
            byte: text[at],
        })),
        None => Ok(()),
    }
}

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text.as_bytes())?;
        Ok(RequestId::from_valid(Bytes::copy_from_slice(
            text.as_bytes(),
        )))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RequestId({self})")
    }
}

impl fmt::Display for ParseRequestIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("request id: ")?;
        match self.0 {
            Problem::Empty => f.write_str("empty"),
            Problem::TooLong(length) => {
                write!(
                    f,
                    "{length} characters, but at most {} are allowed",
                    RequestId::MAX_LENGTH
                )
            }
            Problem::NotVisible { at, byte } => write!(
                f,
                "character '{}' at position {at} is not visible ASCII",
                byte.escape_ascii()
            ),
        }
    }
}

impl std::error::Error for ParseRequestIdError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn random_ids_are_uuids_of_version_4() {
        for _ in 0..1000 {
            let id = RequestId::random().to_string();
            assert_eq!(id.len(), 36);
            for (at, c) in id.char_indices() {
                match at {
                    8 | 13 | 18 | 23 => assert_eq!(c, '-', "{id}"),
                    14 => assert_eq!(c, '4', "{id}"),
                    19 => assert!("89ab".contains(c), "{id}"),
                    _ => assert!(matches!(c, '0'..='9' | 'a'..='f'), "{id}"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn visible_ascii_is_kept_unchanged(text in "[!-~]{1,256}") {
            let value = HeaderValue::from_str(&text).unwrap();
            let id = RequestId::from_header(&value).unwrap();
            prop_assert_eq!(id.as_str(), &text);
            prop_assert_eq!(id.detached(), text.parse::<RequestId>().unwrap());
        }

        #[test]
        fn other_values_are_not_request_ids(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let visible = bytes.iter().all(|byte| (0x21..0x7f).contains(byte));
                let kept = visible && (1..=256).contains(&bytes.len());
                prop_assert_eq!(RequestId::from_header(&value).is_some(), kept);
            }
        }
    }

    #[test]
    fn reasons_are_packed_into_ids_of_36_characters() {
        let id: RequestId = "11111111-2222-4333-8444-555555555555".parse().unwrap();
        assert_eq!(id.trace_reason(), None);
        assert_eq!(id.sampling_number(), Some(0x1111_1111));
        for (reason, text) in [
            (
                Some(TraceReason::Sampled),
                "11111111-2222-9333-8444-555555555555",
            ),
            (
                Some(TraceReason::Forced),
                "11111111-2222-a333-8444-555555555555",
            ),
            (
                Some(TraceReason::ClientForced),
                "11111111-2222-b333-8444-555555555555",
            ),
            (None, "11111111-2222-4333-8444-555555555555"),
        ] {
            let packed = id.clone().with_trace_reason(reason);
            assert_eq!((packed.as_str(), packed.trace_reason()), (text, reason));
        }
        let other: RequestId = "1234567-9abcdef".parse().unwrap();
        let packed = other.clone().with_trace_reason(Some(TraceReason::Forced));
        assert_eq!((packed.trace_reason(), packed), (None, other.clone()));
        assert_eq!(other.sampling_number(), None);
    }

    #[test]
    fn errors_name_the_problem_and_its_position() {
        let error = |text: &str| text.parse::<RequestId>().unwrap_err().to_string();
        assert_eq!(error(""), "request id: empty");
        assert_eq!(
            error("a b"),
            "request id: character ' ' at position 1 is not visible ASCII"
        );
        assert_eq!(
            error(&"a".repeat(257)),
            "request id: 257 characters, but at most 256 are allowed"
        );
    }
}
