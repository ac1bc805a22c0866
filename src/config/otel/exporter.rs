//! Where spans go: `OTEL_TRACES_EXPORTER` and the variables of the exporters.

use super::variables::{Variable, Variables, milliseconds, not_one_of};
use crate::{
    config_error::ConfigError,
    url::{self, AddressError, UrlError},
};
use http::Uri;
use std::{fmt, time::Duration};

const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const ZIPKIN_ENDPOINT: &str = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";
const ZIPKIN_TIMEOUT: &str = "OTEL_EXPORTER_ZIPKIN_TIMEOUT";

const DEFAULT_ZIPKIN_URL: &str = "http://localhost:9411/api/v2/spans";
const DEFAULT_OTLP_GRPC_URL: &str = "http://localhost:4317";
const DEFAULT_OTLP_HTTP_URL: &str = "http://localhost:4318/v1/traces";

#[derive(Debug, Clone, PartialEq)]
pub(in crate::config) enum Exporter {
    None,
    Console,
    Zipkin {
        url: String,
        timeout: Option<Duration>,
    },
    Otlp(Otlp),
}

#[derive(Clone, PartialEq, Default)]
pub(in crate::config) struct Otlp {
    pub(in crate::config) url: String,
    pub(in crate::config) grpc: bool,
    pub(in crate::config) gzip: bool,
    pub(in crate::config) timeout: Option<Duration>,
    pub(in crate::config) headers: Vec<(String, String)>,
    /// The path of a PEM file, as are the next two.
    pub(in crate::config) certificate: Option<String>,
    pub(in crate::config) client_certificate: Option<String>,
    pub(in crate::config) client_key: Option<String>,
}

/// The values of headers may be secrets.
impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().map(|(name, _)| name);
        f.debug_struct("Otlp")
            .field("url", &self.url)
            .field("grpc", &self.grpc)
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .field("headers", &names.collect::<Vec<_>>())
            .field("certificate", &self.certificate)
            .field("client_certificate", &self.client_certificate)
            .field("client_key", &self.client_key)
            .finish()
    }
}

impl Exporter {
    pub(super) fn read(variables: &Variables<'_>) -> Result<Option<Exporter>, ConfigError> {
        let chosen = variables.get(EXPORTER);
        let zipkin = variables.get(ZIPKIN_ENDPOINT);
        let otlp = variables.otlp("ENDPOINT");
        match chosen.as_deref() {
            Some("none") => Ok(Some(Exporter::None)),
            Some("console" | "logging") => Ok(Some(Exporter::Console)),
            Some("zipkin") => Exporter::zipkin(variables, zipkin).map(Some),
            Some("otlp") => Exporter::otlp(variables, otlp).map(Some),
            Some(other) => {
                let allowed = ["otlp", "zipkin", "console", "none"];
                Err(not_one_of(EXPORTER, other, &allowed))
            }
            // An endpoint without an exporter selects the exporter of the endpoint.
            None if otlp.is_some() => Exporter::otlp(variables, otlp).map(Some),
            None if zipkin.is_some() => Exporter::zipkin(variables, zipkin).map(Some),
            None => Ok(None),
        }
    }

    fn zipkin(
        variables: &Variables<'_>,
        endpoint: Option<String>,
    ) -> Result<Exporter, ConfigError> {
        if let Some(url) = &endpoint {
            parse_url(ZIPKIN_ENDPOINT, url)?;
        }
        let timeout = variables.get(ZIPKIN_TIMEOUT);
        let timeout = timeout.map(|value| milliseconds(ZIPKIN_TIMEOUT, &value));
        Ok(Exporter::Zipkin {
            url: endpoint.unwrap_or(DEFAULT_ZIPKIN_URL.to_owned()),
            timeout: timeout.transpose()?,
        })
    }

    fn otlp(
        variables: &Variables<'_>,
        endpoint: Option<Variable>,
    ) -> Result<Exporter, ConfigError> {
        let grpc = variables.otlp_word("PROTOCOL", "grpc", "http/protobuf")?;
        let gzip = variables.otlp_word("COMPRESSION", "gzip", "none")?;
        let url = match endpoint {
            None if grpc => DEFAULT_OTLP_GRPC_URL.to_owned(),
            None => DEFAULT_OTLP_HTTP_URL.to_owned(),
            Some(endpoint) => otlp_url(endpoint, grpc)?,
        };
        let timeout = variables.otlp("TIMEOUT");
        let timeout = timeout.map(|timeout| milliseconds(&timeout.name, &timeout.value));
        let headers = match variables.otlp("HEADERS") {
            Some(headers) => variables.pairs(&headers.name)?,
            None => Vec::new(),
        };
        let path = |suffix| variables.otlp(suffix).map(|path| path.value);
        Ok(Exporter::Otlp(Otlp {
            url,
            grpc,
            gzip,
            timeout: timeout.transpose()?,
            headers,
            certificate: path("CERTIFICATE"),
            client_certificate: path("CLIENT_CERTIFICATE"),
            client_key: path("CLIENT_KEY"),
        }))
    }
}

/// The endpoint for traces is used as it is. Over HTTP, the endpoint for all signals is a base URL.
fn otlp_url(endpoint: Variable, grpc: bool) -> Result<String, ConfigError> {
    let Variable { name, value: url } = endpoint;
    let uri = parse_url(&name, &url)?;
    if grpc || name.contains("_TRACES_") {
        return Ok(url);
    }
    match uri.query() {
        None => Ok(format!("{}/v1/traces", url.trim_end_matches('/'))),
        Some(_) => Err(ConfigError::new(
            name,
            "/v1/traces cannot be appended to a URL with a query; \
             use OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        )),
    }
}

fn parse_url(variable: &str, url: &str) -> Result<Uri, ConfigError> {
    url::parse(url).map_err(|error| {
        let reason = match error {
            UrlError::Address(AddressError::Credentials) => {
                format!("{error}; for OTLP, use OTEL_EXPORTER_OTLP_HEADERS instead")
            }
            error => error.to_string(),
        };
        ConfigError::new(variable, reason)
    })
}
