//! `RequestField`: the part of a request that a tag reads, a header or one of Envoy's pseudo-headers.
//!
//! Header tags and the operator `%REQ()%` of formats are made of it.

use super::standard::{authority, text};
use crate::{
    head::RequestHead,
    propagation::{HeaderSlot, HeaderTable, HeaderValues},
};
use http::{HeaderName, header::HOST};
use std::borrow::Cow;

/// A field of a request by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestField {
    Authority,
    Method,
    Path,
    /// With the slot of its value in [`HeaderValues`], if the header table reads the header.
    Header(HeaderName, Option<HeaderSlot>),
}

/// The value of a field. Envoy treats an empty value differently from an absent one.
pub(crate) enum FieldValue<'a> {
    Absent,
    Empty,
    Text(Cow<'a, str>),
}

impl RequestField {
    /// The field with this name, in upper or lower case; `None` if no header can have the name.
    pub(crate) fn parse(name: &str) -> Option<RequestField> {
        match name.to_ascii_lowercase().as_str() {
            ":authority" => Some(RequestField::Authority),
            ":method" => Some(RequestField::Method),
            ":path" => Some(RequestField::Path),
            name => HeaderName::from_bytes(name.as_bytes())
                .ok()
                .map(|name| RequestField::Header(name, None)),
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            RequestField::Authority => ":authority",
            RequestField::Method => ":method",
            RequestField::Path => ":path",
            RequestField::Header(name, _) => name.as_str(),
        }
    }

    /// The name of the header, if the field is one.
    pub(super) fn header(&self) -> Option<&HeaderName> {
        match self {
            RequestField::Header(name, _) => Some(name),
            _ => None,
        }
    }

    /// Looks up the header's slot in this table.
    pub(super) fn use_table(&mut self, table: &HeaderTable) {
        if let RequestField::Header(name, slot) = self {
            *slot = table.slot(name);
        }
    }

    #[inline]
    pub(super) fn read<'a>(
        &self,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
    ) -> FieldValue<'a> {
        let header = match self {
            RequestField::Authority => {
                return match authority(head) {
                    whole if !whole.is_empty() => FieldValue::Text(whole),
                    _ if head.headers().contains_key(HOST) => FieldValue::Empty,
                    _ => FieldValue::Absent,
                };
            }
            RequestField::Method => return FieldValue::of(Cow::Borrowed(head.method().as_str())),
            RequestField::Path => {
                let whole = head.uri().path_and_query();
                let path = whole.map_or(head.path(), |whole| whole.as_str());
                return FieldValue::of(Cow::Borrowed(path));
            }
            RequestField::Header(_, Some(slot)) => header_values.get(*slot),
            RequestField::Header(name, None) => head.headers().get(name),
        };
        header.map_or(FieldValue::Absent, |value| FieldValue::of(text(value)))
    }
}

impl<'a> FieldValue<'a> {
    #[inline]
    pub(super) fn of(text: Cow<'a, str>) -> FieldValue<'a> {
        match text.is_empty() {
            true => FieldValue::Empty,
            false => FieldValue::Text(text),
        }
    }
}
