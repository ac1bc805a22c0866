//! `TagFormat`: the format of a custom tag, with Envoy's operators such as `%REQ(x-tenant)%`.
//!
//! Here a format is parsed, and its value is computed for a request. Tags with formats are in
//! [`custom_tag`](super::custom_tag) and [`source`](super::source).

use super::{
    field::{FieldValue, RequestField},
    name::is_variable_name,
    standard::protocol,
};
use crate::{
    digits::parse_digits,
    head::RequestHead,
    printable::{self, quoted},
    propagation::HeaderValues,
    text,
};
use std::{borrow::Cow, fmt};

/// Text with operators, in the syntax of Envoy: `tenant-%REQ(x-tenant)%`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TagFormat(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Environment(String, MaxLength),
    /// The first of these fields that the request has.
    Request(Vec<RequestField>, MaxLength),
    Protocol,
}

/// The length in bytes to which the value of an operator is truncated, if any.
type MaxLength = Option<usize>;

/// Why a text is not a format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FormatError {
    Empty,
    /// The operator has no `%` at its end.
    Unterminated(String),
    UnknownOperator(String),
    HeaderName(String),
    VariableName(String),
}

impl TagFormat {
    pub(crate) fn parse(text: &str) -> Result<TagFormat, FormatError> {
        if text.is_empty() {
            return Err(FormatError::Empty);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('%') {
            push_text(&mut parts, &rest[..start]);
            let inside = &rest[start + 1..];
            let Some(end) = inside.find('%') else {
                return Err(FormatError::Unterminated(inside.to_owned()));
            };
            match &inside[..end] {
                "" => push_text(&mut parts, "%"),
                operator => parts.push(Part::parse(operator)?),
            }
            rest = &inside[end + 1..];
        }
        push_text(&mut parts, rest);
        Ok(TagFormat(parts))
    }

    /// Replaces the operators for environment variables by their values.
    pub(super) fn resolve(self) -> TagFormat {
        let mut parts = Vec::new();
        for part in self.0 {
            match part {
                Part::Environment(variable, max_length) => {
                    let value = std::env::var_os(variable).unwrap_or_default();
                    push_text(&mut parts, cut(&value.to_string_lossy(), max_length));
                }
                Part::Text(text) => push_text(&mut parts, &text),
                other => parts.push(other),
            }
        }
        TagFormat(parts)
    }

    /// Returns the value, if it does not depend on the request.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The value for a request that has none of the fields.
    pub(super) fn without_request(&self) -> String {
        let texts = self.0.iter().map(|part| match part {
            Part::Text(text) => text.as_str(),
            _ => "",
        });
        texts.collect()
    }

    /// The fields of the request that the format reads.
    pub(super) fn fields(&self) -> impl Iterator<Item = &RequestField> {
        let fields = self.0.iter().map(|part| match part {
            Part::Request(fields, _) => fields.as_slice(),
            _ => &[],
        });
        fields.flatten()
    }

    pub(super) fn fields_mut(&mut self) -> impl Iterator<Item = &mut RequestField> {
        let fields = self.0.iter_mut().map(|part| match part {
            Part::Request(fields, _) => fields.as_mut_slice(),
            _ => &mut [],
        });
        fields.flatten()
    }

    /// Returns the value; `None` if the request has nothing that the format reads.
    pub(super) fn value<'a>(
        &self,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
    ) -> Option<String> {
        let mut value = String::new();
        let mut found = false;
        for part in &self.0 {
            match part {
                Part::Text(text) => value.push_str(text),
                // Replaced by `resolve` when the tracer was built.
                Part::Environment(..) => {}
                Part::Protocol => {
                    found = true;
                    value.push_str(protocol(head.version()));
                }
                Part::Request(fields, max_length) => {
                    if let Some(text) = fields
                        .iter()
                        .find_map(|field| field.text(head, header_values))
                    {
                        found = true;
                        value.push_str(cut(&text, *max_length));
                    }
                }
            }
        }
        found.then_some(value)
    }
}

impl Part {
    /// Parses an operator, such as `REQ(x-tenant?x-customer):20`.
    fn parse(operator: &str) -> Result<Part, FormatError> {
        let unknown = || FormatError::UnknownOperator(operator.to_owned());
        match operator {
            "PROTOCOL" => return Ok(Part::Protocol),
            // The server name of the TLS handshake, which a service cannot know. It is empty, as in Envoy
            // for a connection without TLS.
            "REQUESTED_SERVER_NAME" => return Ok(Part::Request(Vec::new(), None)),
            _ => {}
        }
        let (name, rest) = operator.split_once('(').ok_or_else(unknown)?;
        let (argument, suffix) = rest.rsplit_once(')').ok_or_else(unknown)?;
        let max_length = match suffix.strip_prefix(':') {
            Some(digits) => Some(parse_digits(digits).ok_or_else(unknown)?),
            None if suffix.is_empty() => None,
            None => return Err(unknown()),
        };
        match name {
            "ENVIRONMENT" => match is_variable_name(argument) {
                true => Ok(Part::Environment(argument.to_owned(), max_length)),
                false => Err(FormatError::VariableName(argument.to_owned())),
            },
            "REQ" => {
                let field = |name: &str| {
                    RequestField::parse(name).ok_or(FormatError::HeaderName(name.to_owned()))
                };
                let fields = match argument.split_once('?') {
                    Some((main, other)) => vec![field(main)?, field(other)?],
                    None => vec![field(argument)?],
                };
                Ok(Part::Request(fields, max_length))
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

fn cut(text: &str, max_length: MaxLength) -> &str {
    max_length.map_or(text, |max_length| text::cut(text, max_length))
}

impl RequestField {
    /// The value of the field, if the request has it.
    fn text<'a>(
        &self,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
    ) -> Option<Cow<'a, str>> {
        match self.read(head, header_values) {
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
            FormatError::Unterminated(operator) => {
                let operator = printable::name(operator);
                write!(
                    f,
                    "%{operator} has no % at its end; write %% for a single %"
                )
            }
            FormatError::UnknownOperator(operator) => write!(
                f,
                "%{}% is not a supported operator; the supported operators are \
                 %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%",
                printable::name(operator)
            ),
            FormatError::HeaderName(header) => {
                write!(f, "{} is not a valid header name", quoted(header))
            }
            FormatError::VariableName(variable) => {
                write!(
                    f,
                    "{} is not a valid environment variable name",
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

    fn value(format: &str, request: &Request<()>) -> Option<String> {
        let format = TagFormat::parse(format).unwrap().resolve();
        format.value(&RequestHead::of(request), &HeaderValues::default())
    }

    #[test]
    fn operators_read_the_request() {
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
            // The search ends at a header that is present but empty.
            ("%REQ(x-empty?x-tenant)%!", "!"),
            ("%REQ(x-tenant):2%", "ac"),
            ("100 %% %REQ(x-tenant)%", "100 % acme"),
            ("%REQUESTED_SERVER_NAME%:%REQ(x-tenant)%", ":acme"),
        ] {
            assert_eq!(
                value(format, &request).as_deref(),
                Some(expected),
                "{format}"
            );
        }
    }

    #[test]
    fn a_format_without_any_of_its_fields_has_no_value() {
        let request = Request::new(());
        assert_eq!(value("tenant-%REQ(x-tenant)%", &request), None);
        assert_eq!(value("%REQUESTED_SERVER_NAME%", &request), None);
        let format = TagFormat::parse("tenant-%REQ(x-tenant)%").unwrap();
        assert_eq!(format.without_request(), "tenant-");
    }

    #[test]
    fn environment_variables_are_constant() {
        let path = std::env::var("PATH").unwrap();
        let resolved = |text| TagFormat::parse(text).unwrap().resolve();
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
    fn values_are_truncated_between_characters() {
        assert_eq!(cut("aé", Some(2)), "a");
        assert_eq!(cut("aé", Some(3)), "aé");
        assert_eq!(cut("é", Some(0)), "");
    }

    #[test]
    fn errors_name_the_invalid_part() {
        let error = |text: &str| TagFormat::parse(text).unwrap_err().to_string();
        assert_eq!(error(""), "the format is empty");
        assert_eq!(
            error("50% of %PROTOCOL%"),
            "% of % is not a supported operator; the supported operators are \
             %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%"
        );
        assert_eq!(
            error("a %REQ(x)"),
            "%REQ(x) has no % at its end; write %% for a single %"
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
        assert_eq!(error("%REQ(a b)%"), "\"a b\" is not a valid header name");
        assert_eq!(error("%REQ(?x)%"), "\"\" is not a valid header name");
        assert_eq!(
            error("%ENVIRONMENT(A=B)%"),
            "\"A=B\" is not a valid environment variable name"
        );
    }
}
