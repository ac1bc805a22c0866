//! `traceparent` of W3C Trace Context, level 2. `tracestate` is forwarded unchanged and not read.

use super::{
    b3::header_value,
    incoming::{MAX_VALUE_BYTES, Reason},
};
use crate::{
    context::{Sampling, TraceContext},
    id::{HexError, SpanId, TraceId, hex::read_u64},
};
use bytes::Bytes;
use http::HeaderValue;

/// Reads `{version}-{trace id}-{parent id}-{flags}` as strictly as the specification requires.
pub(super) fn read(header: &HeaderValue) -> Result<TraceContext, Reason> {
    let text = header.as_bytes();
    if text.len() > MAX_VALUE_BYTES {
        return Err(Reason::TooLong);
    }
    let text = text.trim_ascii();
    // A later version than 00 may add fields after another hyphen.
    let has_valid_end = match text.get(55) {
        None => text.len() == 55,
        Some(byte) => *byte == b'-' && !text.starts_with(b"00"),
    };
    let hyphens = [2, 35, 52];
    if !has_valid_end || hyphens.iter().any(|&at| text[at] != b'-') || text.starts_with(b"ff") {
        return Err(Reason::Shape);
    }
    let is_lower_case = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    if !text[..55].iter().all(is_lower_case) {
        return Err(Reason::NotHex);
    }
    let not_hex = |_| Reason::NotHex;
    read_u64(&text[..2]).map_err(not_hex)?;
    let flags = read_u64(&text[53..55]).map_err(not_hex)?;
    let id_reason = |error| match error {
        HexError::Zero => Reason::Zero,
        _ => Reason::NotHex,
    };
    Ok(TraceContext::new(
        TraceId::from_hex(&text[3..35]).map_err(id_reason)?,
        SpanId::from_hex(&text[36..52]).map_err(id_reason)?,
        None,
        Sampling::from(flags & 1 == 1),
    ))
}

/// Writes version 00. A 64-bit trace id is padded with zeros.
pub(super) fn write(context: &TraceContext) -> HeaderValue {
    let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
    text[3..35].copy_from_slice(&context.trace_id().digits());
    text[36..52].copy_from_slice(&context.span_id().digits());
    if context.sampling().is_sampled() {
        text[54] = b'1';
    }
    header_value(Bytes::from_owner(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(trace in 1_u128.., span in 1_u64.., sampled: bool) {
            let context = TraceContext::new(
                TraceId::new(trace).unwrap(),
                SpanId::new(span).unwrap(),
                None,
                sampled.into(),
            );
            let header = write(&context);
            prop_assert_eq!(header.len(), 55);
            prop_assert_eq!(read(&header), Ok(context));
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(header) = HeaderValue::from_bytes(&bytes) {
                let _ = read(&header);
            }
        }

        #[test]
        fn one_wrong_byte_is_detected(at in 0_usize..55, byte in 0x20_u8..0x7f) {
            let good = *b"00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01";
            let mut text = good;
            text[at] = byte;
            let hyphen = [2, 35, 52].contains(&at);
            let fits = if hyphen { byte == b'-' } else { matches!(byte, b'0'..=b'9' | b'a'..=b'f') };
            // A later version of the same length is read like version 00.
            let header = HeaderValue::from_bytes(&text).unwrap();
            prop_assert_eq!(read(&header).is_ok(), fits);
        }
    }

    #[test]
    fn values_are_read_strictly() {
        let read = |text: &str| read(&HeaderValue::from_str(text).unwrap());
        let ids = "463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312";
        for good in [
            format!("00-{ids}-01"),
            format!("00-{ids}-03"),
            format!("cc-{ids}-01"),
            format!("cc-{ids}-01-what the future brings"),
        ] {
            let context = read(&good).unwrap();
            assert_eq!(context.sampling(), Sampling::Accept, "{good}");
        }
        assert_eq!(
            read(&format!("00-{ids}-02")).unwrap().sampling(),
            Sampling::Deny
        );
        for (bad, reason) in [
            (String::new(), Reason::Shape),
            (format!("00-{ids}-1"), Reason::Shape),
            (format!("00-{ids}-01-"), Reason::Shape),
            (format!("cc-{ids}-01.more"), Reason::Shape),
            (format!("ff-{ids}-01"), Reason::Shape),
            (format!("00-{}-01", ids.to_uppercase()), Reason::NotHex),
            (format!("00-{}-01", ids.replace('a', "-")), Reason::NotHex),
            (format!("00-{:032}-a2fb4a1d1a96d312-01", 0), Reason::Zero),
            (format!("00-{}-{:016}-01", &ids[..32], 0), Reason::Zero),
            (format!("cc-{ids}-01-{}", "x".repeat(256)), Reason::TooLong),
        ] {
            assert_eq!(read(&bad), Err(reason), "{bad}");
        }
    }
}
