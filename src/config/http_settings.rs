//! How requests to a collector are made: path, timeout and headers, as providers and bootstraps
//! configure them. Values of headers may be secrets, which no error and no `Debug` shows.

use super::{
    node::{Node, in_backticks},
    tree::parse_number,
};
use crate::{config_error::ConfigError, printable::quoted};
use std::{fmt, time::Duration};

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct HttpSettings {
    pub(super) path: Option<String>,
    pub(super) timeout: Option<Duration>,
    pub(super) headers: Vec<Header>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: HeaderValue,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum HeaderValue {
    Text(String),
    /// The value of this environment variable when the reporter is built.
    Environment(String),
}

impl HttpSettings {
    /// Reads a provider's settings, whose headers are in the field of this name.
    pub(super) fn read(node: &Node<'_>, headers: &str) -> Result<HttpSettings, ConfigError> {
        let path = node.text_of("path")?;
        let timeout = node.get("timeout").map(|timeout| duration(&timeout));
        let headers = match node.get(headers) {
            Some(list) => secret_items(&list)?
                .map(|item| Header::read(&item))
                .collect(),
            None => Ok(Vec::new()),
        };
        Ok(HttpSettings {
            path,
            timeout: timeout.transpose()?,
            headers: headers?,
        })
    }
}

impl Header {
    pub(super) fn text(name: impl Into<String>, value: impl Into<String>) -> Header {
        Header {
            name: name.into(),
            value: HeaderValue::Text(value.into()),
        }
    }

    fn read(node: &Node<'_>) -> Result<Header, ConfigError> {
        let name = header_name(&node.required("name")?)?;
        let value = match (node.get("value"), node.get("envName")) {
            (Some(value), None) => HeaderValue::Text(secret_text(&value)?),
            (None, Some(variable)) => {
                HeaderValue::Environment(variable.non_empty_text()?.to_owned())
            }
            (None, None) => HeaderValue::Text(String::new()),
            (Some(_), Some(_)) => {
                let fields = in_backticks(&["value", "envName"]);
                return Err(node.error(format!("set only one of {fields}")));
            }
        };
        Ok(Header { name, value })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({:?})", self.name)
    }
}

/// Reads the name of a header. An invalid one may be a value in the wrong place, so it is not shown.
pub(super) fn header_name(node: &Node<'_>) -> Result<String, ConfigError> {
    let name = secret_text(node)?;
    match http::HeaderName::try_from(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(node.error("not a valid header name")),
    }
}

/// A text that no error shows.
pub(super) fn secret_text(node: &Node<'_>) -> Result<String, ConfigError> {
    let text = node.text().map(str::to_owned);
    text.map_err(|_| node.error("expected a string (put it in quotes)"))
}

/// The items of a list that no error shows.
pub(super) fn secret_items<'a>(
    node: &Node<'a>,
) -> Result<impl Iterator<Item = Node<'a>> + use<'a>, ConfigError> {
    node.items().map_err(|_| node.error("expected a list"))
}

/// Reads seconds in the JSON format of protocol buffers: `1.5s`.
pub(super) fn duration(node: &Node<'_>) -> Result<Duration, ConfigError> {
    let text = node.text()?;
    let seconds = text.strip_suffix('s').and_then(parse_number);
    let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match duration {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(node.error(format!("{} is not a duration such as 5s", quoted(text)))),
    }
}

/// Reads `traceContextOption`: whether `traceparent` is written too.
pub(super) fn trace_context_option(node: &Node<'_>) -> Result<Option<bool>, ConfigError> {
    let option = node.get("traceContextOption");
    let words = [
        ("USE_B3", 0, false),
        ("USE_B3_WITH_W3C_PROPAGATION", 1, true),
    ];
    option.map(|option| option.word(&words)).transpose()
}
