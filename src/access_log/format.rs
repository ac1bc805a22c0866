//! `AccessLogFormat`: what users choose, and the layout of lines that it becomes.

use super::{
    capture::Captures,
    error::AccessLogFormatError,
    json::{JsonFormat, JsonTemplate},
    template::{Line, Template},
};

const ENVOY: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
     %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
     %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
     \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\"";

const ISTIO: &str = "[%START_TIME%] \"%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%\" \
     %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% \
     \"%UPSTREAM_TRANSPORT_FAILURE_REASON%\" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% \
     %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% \"%REQ(X-FORWARDED-FOR)%\" \"%REQ(USER-AGENT)%\" \
     \"%REQ(X-REQUEST-ID)%\" \"%REQ(:AUTHORITY)%\" \"%UPSTREAM_HOST%\" %UPSTREAM_CLUSTER_RAW% \
     %UPSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% \
     %REQUESTED_SERVER_NAME% %ROUTE_NAME%";

const ISTIO_JSON: [(&str, &str); 24] = [
    ("authority", "%REQ(:AUTHORITY)%"),
    ("bytes_received", "%BYTES_RECEIVED%"),
    ("bytes_sent", "%BYTES_SENT%"),
    (
        "connection_termination_details",
        "%CONNECTION_TERMINATION_DETAILS%",
    ),
    ("downstream_local_address", "%DOWNSTREAM_LOCAL_ADDRESS%"),
    ("downstream_remote_address", "%DOWNSTREAM_REMOTE_ADDRESS%"),
    ("duration", "%DURATION%"),
    ("method", "%REQ(:METHOD)%"),
    ("path", "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    ("protocol", "%PROTOCOL%"),
    ("request_id", "%REQ(X-REQUEST-ID)%"),
    ("requested_server_name", "%REQUESTED_SERVER_NAME%"),
    ("response_code", "%RESPONSE_CODE%"),
    ("response_code_details", "%RESPONSE_CODE_DETAILS%"),
    ("response_flags", "%RESPONSE_FLAGS%"),
    ("route_name", "%ROUTE_NAME%"),
    ("start_time", "%START_TIME%"),
    ("upstream_cluster", "%UPSTREAM_CLUSTER_RAW%"),
    ("upstream_host", "%UPSTREAM_HOST%"),
    ("upstream_local_address", "%UPSTREAM_LOCAL_ADDRESS%"),
    (
        "upstream_service_time",
        "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    ),
    (
        "upstream_transport_failure_reason",
        "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    ),
    ("user_agent", "%REQ(USER-AGENT)%"),
    ("x_forwarded_for", "%REQ(X-FORWARDED-FOR)%"),
];

/// The format of the lines of an access log. The default is Envoy's.
///
/// ```
/// use tower_b3::access_log::AccessLogFormat;
///
/// let format = AccessLogFormat::text("%REQ(:METHOD)% %ROUTE_NAME% %RESPONSE_CODE% %TRACE_ID%")?;
///
/// let error = AccessLogFormat::text("%REQUEST_DURATION%").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "%REQUEST_DURATION% is not supported: the layers do not see when the body of a request ends",
/// );
/// # Ok::<(), tower_b3::access_log::AccessLogFormatError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AccessLogFormat {
    syntax: Syntax,
    omit_empty: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum Syntax {
    Text(String),
    Json(JsonFormat),
}

/// A format that is ready to be written.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    template: LineTemplate,
    pub(super) omit_empty: bool,
}

#[derive(Debug, Clone)]
enum LineTemplate {
    Text(Template),
    Json(JsonTemplate),
}

impl Default for AccessLogFormat {
    fn default() -> Self {
        AccessLogFormat::envoy()
    }
}

impl AccessLogFormat {
    /// Envoy's default format, as text.
    pub fn envoy() -> AccessLogFormat {
        AccessLogFormat::of(Syntax::Text(ENVOY.to_owned()))
    }

    /// Istio's default format, as text.
    pub fn istio() -> AccessLogFormat {
        AccessLogFormat::of(Syntax::Text(ISTIO.to_owned()))
    }

    /// Istio's default format with `accessLogEncoding: JSON`.
    pub fn istio_json() -> AccessLogFormat {
        AccessLogFormat::of(Syntax::Json(JsonFormat::object(ISTIO_JSON)))
    }

    /// Text with [operators](super). A line break is added if there is none at its end, as in Istio.
    ///
    /// # Errors
    ///
    /// The text is empty, or an operator is unknown, has no value in a service, or is not written as it
    /// should be.
    pub fn text(format: impl Into<String>) -> Result<AccessLogFormat, AccessLogFormatError> {
        AccessLogFormat::of(Syntax::Text(format.into())).checked()
    }

    /// A JSON value for each line, usually an object.
    ///
    /// ```
    /// use tower_b3::access_log::{AccessLogFormat, JsonFormat};
    ///
    /// let format = AccessLogFormat::json(JsonFormat::object([
    ///     ("status", "%RESPONSE_CODE%"),
    ///     ("traceId", "%TRACE_ID%"),
    /// ]))?;
    /// # Ok::<(), tower_b3::access_log::AccessLogFormatError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), except that texts may be empty; and an object has a name twice.
    pub fn json(format: JsonFormat) -> Result<AccessLogFormat, AccessLogFormatError> {
        AccessLogFormat::of(Syntax::Json(format)).checked()
    }

    /// Whether absent values are left out, as with Envoy's `omit_empty_values`: in text there is nothing
    /// instead of `-`, and an object does not have the name. By default they are not.
    #[must_use]
    pub fn omit_empty_values(mut self, omit: bool) -> AccessLogFormat {
        self.omit_empty = omit;
        self
    }

    fn of(syntax: Syntax) -> AccessLogFormat {
        AccessLogFormat {
            syntax,
            omit_empty: false,
        }
    }

    fn checked(self) -> Result<AccessLogFormat, AccessLogFormatError> {
        self.layout(&mut Captures::default())?;
        Ok(self)
    }

    /// Reads the environment, and adds what is needed of heads to `captures`.
    pub(super) fn layout(&self, captures: &mut Captures) -> Result<Layout, AccessLogFormatError> {
        let template = match &self.syntax {
            Syntax::Text(text) => LineTemplate::Text(Template::parse_line(text, captures)?),
            Syntax::Json(format) => LineTemplate::Json(JsonTemplate::parse(format, captures)?),
        };
        Ok(Layout {
            template,
            omit_empty: self.omit_empty,
        })
    }
}

impl Layout {
    /// Appends a line, with its line break.
    pub(super) fn write(&self, line: Line<'_>, to: &mut Vec<u8>) {
        match &self.template {
            LineTemplate::Text(template) => template.write(line, to),
            LineTemplate::Json(json) => {
                let start = to.len();
                if !json.write(line, to) {
                    to.truncate(start);
                    to.extend_from_slice(b"{}");
                }
                to.push(b'\n');
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_formats_of_envoy_and_istio_can_be_used() {
        for format in [
            AccessLogFormat::default(),
            AccessLogFormat::istio(),
            AccessLogFormat::istio_json(),
        ] {
            format.checked().unwrap();
        }
    }
}
