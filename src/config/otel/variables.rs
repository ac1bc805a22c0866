//! Single environment variables: text, milliseconds and lists of pairs.

use crate::{config_error::ConfigError, digits::parse_digits, printable::quoted};
use percent_encoding::percent_decode_str;
use std::time::Duration;

/// The environment, as a function from the name of a variable to its value.
pub(super) struct Variables<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

/// A variable that is set.
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

impl Variables<'_> {
    /// The value of a variable, if it is set and not empty.
    pub(super) fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The exporter's variable for traces, or else the one for all signals.
    pub(super) fn otlp(&self, suffix: &str) -> Option<Variable> {
        let prefixes = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];
        prefixes.into_iter().find_map(|prefix| {
            let name = format!("{prefix}{suffix}");
            let value = self.get(&name)?;
            Some(Variable { name, value })
        })
    }

    /// As [`otlp`](Self::otlp), for one of two words: whether it is `yes` and not `no`.
    pub(super) fn otlp_word(&self, suffix: &str, yes: &str, no: &str) -> Result<bool, ConfigError> {
        let Some(Variable { name, value }) = self.otlp(suffix) else {
            return Ok(false);
        };
        match value == yes {
            false if value != no => Err(not_one_of(&name, &value, &[yes, no])),
            is_yes => Ok(is_yes),
        }
    }

    /// Reads `a=1,b=2`, percent-encoded as in W3C Baggage.
    pub(super) fn pairs(&self, name: &str) -> Result<Vec<(String, String)>, ConfigError> {
        let Some(list) = self.get(name) else {
            return Ok(Vec::new());
        };
        let members = list.split(',').map(str::trim).filter(|one| !one.is_empty());
        members
            .map(|member| {
                let pair = member.split_once('=');
                let pair = pair.map(|(key, value)| (decode(key.trim()), decode(value.trim())));
                match pair {
                    Some((Some(key), Some(value))) if !key.is_empty() => Ok((key, value)),
                    // The member may be a secret, so it is not shown.
                    _ => Err(ConfigError::new(
                        name,
                        "expected a comma-separated list of percent-encoded key=value pairs",
                    )),
                }
            })
            .collect()
    }
}

/// The value of a variable is none of the words that are allowed.
pub(super) fn not_one_of(variable: &str, value: &str, allowed: &[&str]) -> ConfigError {
    let allowed = allowed.join(", ");
    let reason = format!("expected one of {allowed}, found {}", quoted(value));
    ConfigError::new(variable, reason)
}

pub(super) fn milliseconds(name: &str, value: &str) -> Result<Duration, ConfigError> {
    match parse_digits(value) {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => {
            let reason = format!(
                "expected a whole number of milliseconds above 0, found {}",
                quoted(value)
            );
            Err(ConfigError::new(name, reason))
        }
    }
}

/// Decodes `%20` and the like. `None` if a `%` is not followed by two hexadecimal digits.
fn decode(text: &str) -> Option<String> {
    let is_escape = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}
