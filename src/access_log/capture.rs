//! What a line shows of the heads of a request and its response, and of the trailers, is copied when
//! they pass by.

use super::{
    error::{AccessLogFormatError, Reason},
    token::RawOperator,
};
use crate::{
    head::RequestHead,
    observe::ResponseHead,
    tags::{authority, scheme},
};
use http::{HeaderMap, HeaderName};

/// Where a captured value is kept: its number among the values of a line.
pub(super) type Slot = usize;

/// A field of a request, a response or trailers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    Method,
    /// With the query.
    Path,
    Authority,
    Scheme,
    Status,
    /// The first value of a header, as operators show it.
    Header(HeaderName),
    /// All values of a header, with commas, as expressions read it.
    #[cfg(all(feature = "config", feature = "metrics-config"))]
    AllValues(HeaderName),
}

/// Which of the three has the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Request,
    Response,
    Trailers,
}

/// The first of these fields that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Capture {
    part: Part,
    fields: Vec<Field>,
}

/// What is captured for all lines of an exchange.
#[derive(Debug, Clone, Default)]
pub(super) struct Captures(Vec<Capture>);

/// The values of one exchange.
#[derive(Debug, Default)]
pub(super) struct Captured {
    bytes: Vec<u8>,
    /// Where the value of each slot is, if there is one.
    ranges: Vec<Option<(usize, usize)>>,
}

/// More memory than this is given back after an exchange.
const KEPT_BYTES: usize = 16 * 1024;

const ALLOWED: &str = "a header name, or two names separated by `?`";

impl Field {
    fn parse(part: Part, name: &str) -> Option<Field> {
        let name = name.to_ascii_lowercase();
        match (part, name.as_str()) {
            (Part::Request, ":method") => Some(Field::Method),
            (Part::Request, ":path") => Some(Field::Path),
            (Part::Request, ":authority") => Some(Field::Authority),
            (Part::Request, ":scheme") => Some(Field::Scheme),
            (Part::Response, ":status") => Some(Field::Status),
            (_, name) => HeaderName::from_bytes(name.as_bytes())
                .ok()
                .map(Field::Header),
        }
    }

    /// The fields of `X` or `X?Y`.
    pub(super) fn parse_all(
        part: Part,
        operator: &RawOperator<'_>,
    ) -> Result<Vec<Field>, AccessLogFormatError> {
        let Some(argument) = operator.argument.filter(|argument| !argument.is_empty()) else {
            let missing = Reason::ArgumentMissing(operator.name.to_owned(), ALLOWED);
            return Err(AccessLogFormatError(missing));
        };
        let field = |name| Field::parse(part, name);
        let fields = match argument.split_once('?') {
            Some((main, other)) => field(main).zip(field(other)).map(|(a, b)| vec![a, b]),
            None => field(argument).map(|field| vec![field]),
        };
        fields.ok_or_else(|| {
            AccessLogFormatError(Reason::Argument {
                operator: operator.name.to_owned(),
                argument: argument.to_owned(),
                allowed: ALLOWED,
            })
        })
    }

    /// Appends the value. Returns whether there is one.
    fn write_of_request(&self, head: &RequestHead<'_>, to: &mut Vec<u8>) -> bool {
        match self {
            Field::Method => to.extend_from_slice(head.method().as_str().as_bytes()),
            Field::Path => {
                let whole = head.uri().path_and_query();
                let path = whole.map_or(head.path(), |whole| whole.as_str());
                to.extend_from_slice(path.as_bytes());
                return !path.is_empty();
            }
            Field::Authority => {
                let authority = authority(head);
                to.extend_from_slice(authority.as_bytes());
                return !authority.is_empty();
            }
            Field::Scheme => {
                to.extend_from_slice(scheme(head).as_bytes());
            }
            Field::Status => return false,
            Field::Header(name) => return write_header(name, head.headers(), to),
            #[cfg(all(feature = "config", feature = "metrics-config"))]
            Field::AllValues(name) => return write_all_values(name, head.headers(), to),
        }
        true
    }

    fn write_of_response(&self, head: &ResponseHead<'_>, to: &mut Vec<u8>) -> bool {
        match self {
            Field::Status => to.extend_from_slice(head.status().as_str().as_bytes()),
            Field::Header(name) => return write_header(name, head.headers(), to),
            #[cfg(all(feature = "config", feature = "metrics-config"))]
            Field::AllValues(name) => return write_all_values(name, head.headers(), to),
            Field::Method | Field::Path | Field::Authority | Field::Scheme => return false,
        }
        true
    }

    fn write_of_trailers(&self, trailers: &HeaderMap, to: &mut Vec<u8>) -> bool {
        match self {
            Field::Header(name) => write_header(name, trailers, to),
            #[cfg(all(feature = "config", feature = "metrics-config"))]
            Field::AllValues(name) => write_all_values(name, trailers, to),
            _ => false,
        }
    }
}

fn write_header(name: &HeaderName, headers: &HeaderMap, to: &mut Vec<u8>) -> bool {
    let value = headers.get(name);
    if let Some(value) = value {
        to.extend_from_slice(value.as_bytes());
    }
    value.is_some()
}

#[cfg(all(feature = "config", feature = "metrics-config"))]
fn write_all_values(name: &HeaderName, headers: &HeaderMap, to: &mut Vec<u8>) -> bool {
    for (at, value) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            to.push(b',');
        }
        to.extend_from_slice(value.as_bytes());
    }
    headers.contains_key(name)
}

impl Captures {
    /// The slot for the first of these fields; the same one as for an equal request before.
    pub(super) fn slot(&mut self, part: Part, fields: Vec<Field>) -> Slot {
        let capture = Capture { part, fields };
        let known = self.0.iter().position(|other| *other == capture);
        known.unwrap_or_else(|| {
            self.0.push(capture);
            self.0.len() - 1
        })
    }

    pub(super) fn request(&self, head: &RequestHead<'_>, values: &mut Captured) {
        values.clear();
        values.ranges.resize(self.0.len(), None);
        self.capture(Part::Request, values, |field, to| {
            field.write_of_request(head, to)
        });
    }

    pub(super) fn response(&self, head: &ResponseHead<'_>, values: &mut Captured) {
        self.capture(Part::Response, values, |field, to| {
            field.write_of_response(head, to)
        });
    }

    pub(super) fn trailers(&self, trailers: &HeaderMap, values: &mut Captured) {
        self.capture(Part::Trailers, values, |field, to| {
            field.write_of_trailers(trailers, to)
        });
    }

    fn capture(
        &self,
        part: Part,
        values: &mut Captured,
        write: impl Fn(&Field, &mut Vec<u8>) -> bool,
    ) {
        let Captured { bytes, ranges } = values;
        for (capture, range) in self.0.iter().zip(ranges) {
            if capture.part == part {
                let start = bytes.len();
                let found = capture.fields.iter().any(|field| write(field, bytes));
                *range = found.then_some((start, bytes.len()));
            }
        }
    }
}

impl Captured {
    pub(super) fn get(&self, slot: Slot) -> Option<&[u8]> {
        let (start, end) = (*self.ranges.get(slot)?)?;
        self.bytes.get(start..end)
    }

    /// Forgets the values, and keeps their memory if it is not much.
    pub(super) fn clear(&mut self) {
        self.ranges.clear();
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }
}
