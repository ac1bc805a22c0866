//! `JsonFormat`: a JSON value whose texts contain operators, and how its lines are written.

use super::{
    capture::Captures,
    error::{AccessLogFormatError, Reason},
    escape::{escape_from, quoted},
    operator::Written,
    template::{Line, Template},
};

/// A value of a JSON format: a text with operators, or an object or a list of such values.
///
/// A text that is one operator and nothing else becomes a number if the operator's value is one, and
/// `null` if there is no value. All other texts become strings.
///
/// ```
/// use tower_b3::access_log::JsonFormat;
///
/// let format = JsonFormat::object([
///     ("status", JsonFormat::from("%RESPONSE_CODE%")),
///     ("request", JsonFormat::object([
///         ("method", "%REQ(:METHOD)%"),
///         ("path", "%REQ(:PATH)%"),
///     ])),
/// ]);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum JsonFormat {
    /// A text with operators.
    Text(String),
    /// An object. Lines have its names in alphabetical order, as Envoy's do. A name may be there only once.
    Object(Vec<(String, JsonFormat)>),
    /// A list.
    List(Vec<JsonFormat>),
    /// A number.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// Null.
    Null,
}

impl JsonFormat {
    /// An object.
    pub fn object<N, V>(entries: impl IntoIterator<Item = (N, V)>) -> JsonFormat
    where
        N: Into<String>,
        V: Into<JsonFormat>,
    {
        let entries = entries.into_iter();
        JsonFormat::Object(
            entries
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }

    /// A list.
    pub fn list<V: Into<JsonFormat>>(values: impl IntoIterator<Item = V>) -> JsonFormat {
        JsonFormat::List(values.into_iter().map(Into::into).collect())
    }
}

impl From<&str> for JsonFormat {
    fn from(text: &str) -> JsonFormat {
        JsonFormat::Text(text.to_owned())
    }
}

impl From<String> for JsonFormat {
    fn from(text: String) -> JsonFormat {
        JsonFormat::Text(text)
    }
}

impl From<bool> for JsonFormat {
    fn from(flag: bool) -> JsonFormat {
        JsonFormat::Bool(flag)
    }
}

impl From<f64> for JsonFormat {
    fn from(number: f64) -> JsonFormat {
        JsonFormat::Number(number)
    }
}

/// A [`JsonFormat`] that is ready to be written.
#[derive(Debug, Clone)]
pub(super) enum JsonTemplate {
    /// JSON without operators.
    Constant(String),
    Text(Template),
    /// The names are JSON, with the colon.
    Object(Vec<(String, JsonTemplate)>),
    List(Vec<JsonTemplate>),
}

impl JsonTemplate {
    pub(super) fn parse(
        format: &JsonFormat,
        captures: &mut Captures,
    ) -> Result<JsonTemplate, AccessLogFormatError> {
        Ok(match format {
            JsonFormat::Null => JsonTemplate::Constant("null".to_owned()),
            JsonFormat::Bool(flag) => JsonTemplate::Constant(flag.to_string()),
            JsonFormat::Number(number) if number.is_finite() => {
                JsonTemplate::Constant(number.to_string())
            }
            JsonFormat::Number(_) => JsonTemplate::Constant("null".to_owned()),
            JsonFormat::Text(text) => {
                let template = Template::parse(text, captures)?;
                match template.constant() {
                    Some(text) => JsonTemplate::Constant(quoted(text)),
                    None => JsonTemplate::Text(template),
                }
            }
            JsonFormat::List(values) => {
                let values = values.iter();
                let values = values.map(|value| JsonTemplate::parse(value, captures));
                JsonTemplate::List(values.collect::<Result<_, _>>()?)
            }
            JsonFormat::Object(entries) => {
                let mut sorted: Vec<&(String, JsonFormat)> = entries.iter().collect();
                sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
                let mut pairs = sorted.iter().zip(sorted.iter().skip(1));
                if let Some(((name, _), _)) = pairs.find(|((one, _), (other, _))| one == other) {
                    return Err(AccessLogFormatError(Reason::RepeatedName(name.clone())));
                }
                let entry = |(name, value): &(String, JsonFormat)| {
                    let value = JsonTemplate::parse(value, captures)?;
                    Ok((format!("{}:", quoted(name)), value))
                };
                let entries = sorted.into_iter().map(entry);
                JsonTemplate::Object(entries.collect::<Result<_, _>>()?)
            }
        })
    }

    /// Appends the value. Returns whether there is one: absent values are omitted if the format says so.
    pub(super) fn write(&self, line: Line<'_>, to: &mut Vec<u8>) -> bool {
        match self {
            JsonTemplate::Constant(json) => to.extend_from_slice(json.as_bytes()),
            JsonTemplate::Text(template) => return write_text(template, line, to),
            JsonTemplate::List(values) => {
                to.push(b'[');
                let mut comma = false;
                for value in values {
                    comma |= with_comma(comma, to, |to| value.write(line, to));
                }
                to.push(b']');
            }
            JsonTemplate::Object(entries) => {
                to.push(b'{');
                let mut comma = false;
                for (name, value) in entries {
                    comma |= with_comma(comma, to, |to| {
                        to.extend_from_slice(name.as_bytes());
                        value.write(line, to)
                    });
                }
                to.push(b'}');
                return comma || !line.omit_empty;
            }
        }
        true
    }
}

/// Appends a value, after a comma if one is needed. If there is no value, nothing is appended.
fn with_comma(comma: bool, to: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
    let before = to.len();
    if comma {
        to.push(b',');
    }
    let written = write(to);
    if !written {
        to.truncate(before);
    }
    written
}

fn write_text(template: &Template, line: Line<'_>, to: &mut Vec<u8>) -> bool {
    let quote = to.len();
    to.push(b'"');
    let start = to.len();
    let written = match template.only_operator() {
        Some(operator) => operator.write(line.exchange, line.captured, to),
        None => {
            template.write(line, to);
            Written::Text
        }
    };
    match written {
        Written::Text => {
            escape_from(start, to);
            to.push(b'"');
        }
        Written::Number => {
            to.remove(quote);
        }
        Written::Nothing => {
            to.truncate(quote);
            if line.omit_empty {
                return false;
            }
            to.extend_from_slice(b"null");
        }
    }
    true
}
