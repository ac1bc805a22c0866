//! `TagValue`: the value of a tag in a finished span.

use std::{borrow::Cow, fmt, net::IpAddr};

/// The value of a tag. Numbers and addresses become text when a reporter reads them, not while a
/// request is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TagValue<'a> {
    /// Text.
    Text(&'a str),
    /// A number, such as a status code or a size.
    Number(u64),
    /// The address of a peer.
    Address(IpAddr),
}

impl<'a> TagValue<'a> {
    /// Returns the value as text.
    pub fn to_text(self) -> Cow<'a, str> {
        match self {
            TagValue::Text(text) => Cow::Borrowed(text),
            TagValue::Number(number) => Cow::Owned(number.to_string()),
            TagValue::Address(ip) => Cow::Owned(ip.to_string()),
        }
    }
}

impl fmt::Display for TagValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagValue::Text(text) => f.pad(text),
            TagValue::Number(number) => fmt::Display::fmt(number, f),
            TagValue::Address(ip) => fmt::Display::fmt(ip, f),
        }
    }
}
