use super::{
    field::{FieldValue, RequestField},
    name::is_variable_name,
    standard::protocol,
};
use crate::{
    digits::parse_digits,
    head::RequestHead,
    printable::{self, quoted},
    propagation::Seen,
    text,
};
use std::{borrow::Cow, fmt};

/// Text with operators in it, as Envoy writes formats: `%REQ(x-tenant)%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Environment(String, Longest),
    /// The first of these that the request has.
    Request(Vec<RequestField>, Longest),
    Protocol,
}

/// Values of operators are cut to this many bytes.
type Longest = Option<usize>;

/// What is wrong with a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormatError {
    Empty,
    Open(String),
    Unknown(String),
    Header(String),
    Variable(String),
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Format, FormatError> {
        if text.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('%') {
            push_text(&mut parts, &rest[..start]);
            let inside = &rest[start + 1..];
            let Some(end) = inside.find('%') else {
                return Err(FormatError::Open(inside.to_owned()));
            };
            match &inside[..end] {
                "" => push_text(&mut parts, "%"),
                operator => parts.push(Part::parse(operator)?),
            }
            rest = &inside[end + 1..];
        }
        push_text(&mut parts, rest);
        Ok(Format(parts))
    }

    /// The same with what the environment says in the place of its operators.
    pub(super) fn resolve(self) -> Format {
        let mut parts = Vec::new();
        for part in self.0 {
            match part {
                Part::Environment(variable, longest) => {
                    let value = std::env::var_os(variable).unwrap_or_default();
                    push_text(&mut parts, cut(&value.to_string_lossy(), longest));
                }
                Part::Text(text) => push_text(&mut parts, &text),
                other => parts.push(other),
            }
        }
        Format(parts)
    }

    /// The text, if no part of it depends on the request.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// What is written where the request has none of the headers.
    pub(super) fn without_request(&self) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            _ => "",
        });
        texts.collect()
    }

    pub(super) fn places(&self) -> impl Iterator<Item = &RequestField> {
        let places = self.0.iter().map(|part| match part {
            Part::Request(places, _) => places.as_slice(),
            _ => &[],
        });
        places.flatten()
    }

    pub(super) fn places_mut(&mut self) -> impl Iterator<Item = &mut RequestField> {
        let places = self.0.iter_mut().map(|part| match part {
            Part::Request(places, _) => places.as_mut_slice(),
            _ => &mut [],
        });
        places.flatten()
    }

    /// The value, unless nothing that it asks for is there.
    pub(super) fn find<'a>(&self, head: &RequestHead<'a>, seen: &Seen<'a>) -> Option<String> {
        let mut value = String::new();
        let mut found = false;
        for part in &self.0 {
            match part {
                Part::Text(text) => value.push_str(text),
                // Constant since the tracer was built.
                Part::Environment(..) => {}
                Part::Protocol => {
                    found = true;
                    value.push_str(protocol(head.version()));
                }
                Part::Request(places, longest) => {
                    if let Some(text) = places.iter().find_map(|place| place.value(head, seen)) {
                        found = true;
                        value.push_str(cut(&text, *longest));
                    }
                }
            }
        }
        found.then_some(value)
    }
}

impl Part {
    /// Reads an operator: `REQ(x-tenant?x-customer):20`.
    fn parse(operator: &str) -> Result<Part, FormatError> {
        let unknown = || FormatError::Unknown(operator.to_owned());
        match operator {
            "PROTOCOL" => return Ok(Part::Protocol),
            // The name in a TLS handshake, which is over before a service sees the request. Envoy
            // finds nothing where the connection is plain.
            "REQUESTED_SERVER_NAME" => return Ok(Part::Request(Vec::new(), None)),
            _ => {}
        }
        let (name, rest) = operator.split_once('(').ok_or_else(unknown)?;
        let (argument, after) = rest.rsplit_once(')').ok_or_else(unknown)?;
        let longest = match after.strip_prefix(':') {
            Some(digits) => Some(parse_digits(digits).ok_or_else(unknown)?),
            None if after.is_empty() => None,
            None => return Err(unknown()),
        };
        match name {
            "ENVIRONMENT" => match is_variable_name(argument) {
                true => Ok(Part::Environment(argument.to_owned(), longest)),
                false => Err(FormatError::Variable(argument.to_owned())),
            },
            "REQ" => {
                let place = |name: &str| {
                    RequestField::parse(name).ok_or(FormatError::Header(name.to_owned()))
                };
                let places = match argument.split_once('?') {
                    Some((main, other)) => vec![place(main)?, place(other)?],
                    None => vec![place(argument)?],
                };
                Ok(Part::Request(places, longest))
            }
            _ => Err(unknown()),
        }
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    match parts.last_mut() {
        _ if text.is_empty() => {}
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

fn cut(text: &str, longest: Longest) -> &str {
    longest.map_or(text, |longest| text::cut(text, longest))
}

impl RequestField {
    /// What the request says here, if anything.
    fn value<'a>(&self, head: &RequestHead<'a>, seen: &Seen<'a>) -> Option<Cow<'a, str>> {
        match self.read(head, seen) {
            FieldValue::Absent => None,
            FieldValue::Empty => Some(Cow::Borrowed("")),
            FieldValue::Text(value) => Some(value),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Empty => f.write_str("the format is empty"),
            FormatError::Open(operator) => {
                let operator = printable::name(operator);
                write!(f, "no % at the end of %{operator}; %% stands for one %")
            }
            FormatError::Unknown(operator) => write!(
                f,
                "%{}% is not among the operators that a service can answer: \
                 %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%",
                printable::name(operator)
            ),
            FormatError::Header(header) => {
                write!(f, "{} cannot be the name of a header", quoted(header))
            }
            FormatError::Variable(variable) => {
                write!(
                    f,
                    "{} cannot be the name of an environment variable",
                    quoted(variable)
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn found(format: &str, request: &Request<()>) -> Option<String> {
        let format = Format::parse(format).unwrap().resolve();
        format.find(&RequestHead::of(request), &Seen::default())
    }

    #[test]
    fn operators_are_answered_from_the_request() {
        let request = Request::get("http://shop:8080/items?page=2")
            .header("x-tenant", "acme")
            .header("x-empty", "")
            .body(())
            .unwrap();
        for (format, expected) in [
            ("%REQ(:METHOD)% %REQ(:path)%", "GET /items?page=2"),
            ("%REQ(:AUTHORITY)%", "shop:8080"),
            ("%PROTOCOL%", "HTTP/1.1"),
            ("[%REQ(x-none)%] %REQ(X-Tenant)%", "[] acme"),
            ("%REQ(x-none?x-tenant)%", "acme"),
            ("%REQ(x-tenant?x-none)%", "acme"),
            // One that is there but empty ends the search.
            ("%REQ(x-empty?x-tenant)%!", "!"),
            ("%REQ(x-tenant):2%", "ac"),
            ("100 %% %REQ(x-tenant)%", "100 % acme"),
            ("%REQUESTED_SERVER_NAME%:%REQ(x-tenant)%", ":acme"),
        ] {
            assert_eq!(
                found(format, &request).as_deref(),
                Some(expected),
                "{format}"
            );
        }
    }

    #[test]
    fn what_the_request_has_nothing_of_is_not_found() {
        let request = Request::new(());
        assert_eq!(found("tenant-%REQ(x-tenant)%", &request), None);
        assert_eq!(found("%REQUESTED_SERVER_NAME%", &request), None);
        let format = Format::parse("tenant-%REQ(x-tenant)%").unwrap();
        assert_eq!(format.without_request(), "tenant-");
    }

    #[test]
    fn the_environment_is_constant() {
        let path = std::env::var("PATH").unwrap();
        let resolved = |text| Format::parse(text).unwrap().resolve();
        assert_eq!(
            resolved("<%ENVIRONMENT(PATH)%>").constant(),
            Some(format!("<{path}>").as_str())
        );
        assert_eq!(
            resolved("%ENVIRONMENT(PATH):1%").constant(),
            Some(&path[..1])
        );
        assert_eq!(
            resolved("%ENVIRONMENT(TOWER_B3_NOT_SET)%").constant(),
            Some("")
        );
        assert_eq!(resolved("%PROTOCOL%").constant(), None);
    }

    #[test]
    fn a_value_is_cut_where_a_character_ends() {
        assert_eq!(cut("aé", Some(2)), "a");
        assert_eq!(cut("aé", Some(3)), "aé");
        assert_eq!(cut("é", Some(0)), "");
    }

    #[test]
    fn errors_name_what_is_wrong() {
        let error = |text: &str| Format::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the format is empty");
        assert_eq!(
            error("50% of %PROTOCOL%"),
            "% of % is not among the operators that a service can answer: \
             %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%"
        );
        assert_eq!(
            error("a %REQ(x)"),
            "no % at the end of %REQ(x); %% stands for one %"
        );
        for operator in [
            "RESPONSE_CODE",
            "REQ",
            "REQ(x):",
            "REQ(x):-1",
            "REQ(x):+5",
            "REQ(x): 5",
            "REQ(x):5_0",
            "ENVIRONMENT(X):+5",
            "REQ(x)y",
            "DYNAMIC_METADATA(a:b)",
        ] {
            let error = error(&format!("%{operator}%"));
            assert!(
                error.starts_with(&format!("%{operator}% is not")),
                "{error}"
            );
        }
        assert_eq!(
            error("%REQ(a b)%"),
            "\"a b\" cannot be the name of a header"
        );
        assert_eq!(error("%REQ(?x)%"), "\"\" cannot be the name of a header");
        assert_eq!(
            error("%ENVIRONMENT(A=B)%"),
            "\"A=B\" cannot be the name of an environment variable"
        );
    }
}
