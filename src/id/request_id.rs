use super::{hex, random::random_u64};
use crate::words;
use bytes::Bytes;
use http::HeaderValue;
use std::{fmt, str::FromStr};

/// The value of `x-request-id`: one for a request and all the calls made on its behalf.
///
/// A generated one is a UUID of version 4 (36 characters, lower case), as Envoy makes it. One
/// that came with a request is kept as it is when it has 1 to 256 visible ASCII characters.
/// Cloning does not allocate.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RequestId(HeaderValue);

/// Why a request is traced, where the decision travels in its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TraceReason {
    /// The sampler said so.
    Sampled,
    /// `x-envoy-force-trace` was there.
    Forced,
    /// `x-client-trace-id` was there.
    ClientForced,
}

/// The text cannot be an `x-request-id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseRequestIdError(Flaw);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Flaw {
    Empty,
    TooLong(usize),
    NotVisible { at: usize, byte: u8 },
}

/// The longest request id that is kept, in bytes.
const MOST: usize = 256;

impl RequestId {
    /// A new random UUID of version 4.
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
        RequestId::trusted(Bytes::from_owner(text))
    }

    /// The id in a header; `None` unless it has 1 to 256 visible ASCII characters.
    pub fn from_header(value: &HeaderValue) -> Option<RequestId> {
        check(value.as_bytes())
            .is_ok()
            .then(|| RequestId(value.clone()))
    }

    /// The id as a header's value.
    pub fn to_header(&self) -> HeaderValue {
        self.0.clone()
    }

    /// The same, borrowed.
    pub(crate) fn as_header(&self) -> &HeaderValue {
        &self.0
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        // Visible ASCII by construction.
        self.0.to_str().unwrap_or_default()
    }

    /// Why the request is traced, as Envoy packs it into the id: character 14, counted from 0, of
    /// one of 36 characters.
    pub fn trace_reason(&self) -> Option<TraceReason> {
        match (self.0.len(), self.0.as_bytes().get(14)?) {
            (36, b'9') => Some(TraceReason::Sampled),
            (36, b'a') => Some(TraceReason::Forced),
            (36, b'b') => Some(TraceReason::ClientForced),
            _ => None,
        }
    }

    /// The id with this reason packed into it, or with none (`4`). One that has not 36 characters
    /// stays as it is.
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
        RequestId::trusted(Bytes::from_owner(text))
    }

    /// What sampling by request id looks at: the first eight characters as a hexadecimal number.
    pub fn sampling_number(&self) -> Option<u32> {
        let number = hex::read_u64(self.0.as_bytes().get(..8)?).ok()?;
        u32::try_from(number).ok()
    }

    /// A copy that shares no memory with the request it came from.
    pub(crate) fn detached(&self) -> RequestId {
        RequestId::trusted(Bytes::copy_from_slice(self.0.as_bytes()))
    }

    fn trusted(text: Bytes) -> RequestId {
        RequestId(
            HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("-") }),
        )
    }
}

/// Whether these bytes can be kept as a request id.
fn check(text: &[u8]) -> Result<(), ParseRequestIdError> {
    if text.is_empty() {
        return Err(ParseRequestIdError(Flaw::Empty));
    }
    if text.len() > MOST {
        return Err(ParseRequestIdError(Flaw::TooLong(text.len())));
    }
    if words::all_visible(text) {
        return Ok(());
    }
    match text.iter().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err(ParseRequestIdError(Flaw::NotVisible { at, byte: text[at] })),
        None => Ok(()),
    }
}

impl FromStr for RequestId {
    type Err = ParseRequestIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text.as_bytes())?;
        Ok(RequestId::trusted(Bytes::copy_from_slice(text.as_bytes())))
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
            Flaw::Empty => f.write_str("empty"),
            Flaw::TooLong(length) => {
                write!(f, "{length} characters where at most {MOST} are allowed")
            }
            Flaw::NotVisible { at, byte } => write!(
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
    fn random_ones_are_uuids_of_version_4() {
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
        fn visible_ascii_is_kept_verbatim(text in "[!-~]{1,256}") {
            let value = HeaderValue::from_str(&text).unwrap();
            let id = RequestId::from_header(&value).unwrap();
            prop_assert_eq!(id.as_str(), &text);
            prop_assert_eq!(id.detached(), text.parse::<RequestId>().unwrap());
        }

        #[test]
        fn nothing_else_is(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
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
    fn errors_say_what_and_where() {
        let error = |text: &str| text.parse::<RequestId>().unwrap_err().to_string();
        assert_eq!(error(""), "request id: empty");
        assert_eq!(
            error("a b"),
            "request id: character ' ' at position 1 is not visible ASCII"
        );
        assert_eq!(
            error(&"a".repeat(257)),
            "request id: 257 characters where at most 256 are allowed"
        );
    }
}
