//! The environment variables that people have set for an OpenTelemetry SDK.

use crate::{
    digits::parse_digits,
    printable::quoted,
    propagation::{Format, Propagation},
    url::{self, UrlError},
};
use http::{HeaderName, Uri};
use percent_encoding::percent_decode_str;
use std::{fmt, time::Duration};

const ZIPKIN_ENDPOINT: &str = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";

/// What the variables say. What is empty counts as unset, as OpenTelemetry has it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Otel {
    /// `OTEL_SDK_DISABLED`: no spans are made; what the propagators do stays.
    pub(super) disabled: bool,
    /// `OTEL_SERVICE_NAME`, or `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
    pub(super) service_name: Option<String>,
    /// `OTEL_TRACES_SAMPLER` and its argument, as a percentage of trace ids.
    pub(super) percent: Option<f64>,
    /// `OTEL_PROPAGATORS`.
    pub(super) propagators: Option<Propagators>,
    pub(super) exporter: Option<Exporter>,
}

impl Propagators {
    pub(super) fn propagation(&self) -> Propagation {
        let formats = [
            (self.b3_multi, Format::B3Multi),
            (self.b3_single, Format::B3Single),
            (self.w3c, Format::W3c),
        ];
        let written = formats.into_iter().filter(|(written, _)| *written);
        let propagation = Propagation::default().formats(written.map(|(_, format)| format));
        let added = self.baggage.then_some(HeaderName::from_static("baggage"));
        propagation.with_forwarded(added, true)
    }
}

/// What is written, and what is handed on beside it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Propagators {
    pub(super) b3_single: bool,
    pub(super) b3_multi: bool,
    pub(super) w3c: bool,
    pub(super) baggage: bool,
}

/// Where spans go.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Exporter {
    None,
    Console,
    Zipkin {
        url: String,
        timeout: Option<Duration>,
    },
    Otlp(Otlp),
}

#[derive(Clone, PartialEq, Default)]
pub(super) struct Otlp {
    pub(super) url: String,
    pub(super) grpc: bool,
    pub(super) gzip: bool,
    pub(super) timeout: Option<Duration>,
    pub(super) headers: Vec<(String, String)>,
    /// The paths of PEM files.
    pub(super) certificate: Option<String>,
    pub(super) client_certificate: Option<String>,
    pub(super) client_key: Option<String>,
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

/// A variable whose value cannot be used.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Unusable {
    pub(super) variable: String,
    pub(super) reason: String,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.reason)
    }
}

/// The variables, behind whatever gives their values.
struct Variables<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    fn get(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?.trim().to_owned();
        (!value.is_empty()).then_some(value)
    }

    /// The variable of traces alone, else that of all signals; with its name.
    fn otlp(&self, what: &str) -> Option<(String, String)> {
        let names = ["OTEL_EXPORTER_OTLP_TRACES_", "OTEL_EXPORTER_OTLP_"];
        let mut names = names.map(|prefix| format!("{prefix}{what}")).into_iter();
        names.find_map(|name| self.get(&name).map(|value| (name, value)))
    }
}

fn unusable(variable: &str, reason: impl Into<String>) -> Unusable {
    Unusable {
        variable: variable.to_owned(),
        reason: reason.into(),
    }
}

impl Otel {
    /// This where it says something, else the other.
    pub(super) fn over(self, other: Otel) -> Otel {
        Otel {
            disabled: self.disabled || other.disabled,
            service_name: self.service_name.or(other.service_name),
            percent: self.percent.or(other.percent),
            propagators: self.propagators.or(other.propagators),
            exporter: self.exporter.or(other.exporter),
        }
    }

    /// Reads the variables.
    pub(super) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Otel, Unusable> {
        let variables = Variables(get);
        Ok(Otel {
            // Whatever else it says means "no": so the specification.
            disabled: variables
                .get("OTEL_SDK_DISABLED")
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            service_name: service_name(&variables)?,
            percent: percent(&variables)?,
            propagators: propagators(&variables)?,
            exporter: exporter(&variables)?,
        })
    }
}

fn service_name(variables: &Variables<'_>) -> Result<Option<String>, Unusable> {
    if let Some(name) = variables.get("OTEL_SERVICE_NAME") {
        return Ok(Some(name));
    }
    let attributes = pairs(variables, "OTEL_RESOURCE_ATTRIBUTES")?;
    let name = attributes
        .into_iter()
        .rfind(|(name, value)| name == "service.name" && !value.is_empty());
    Ok(name.map(|(_, value)| value))
}

/// A caller's decision always stands here, so `always_on` is as good as `parentbased_always_on`.
fn percent(variables: &Variables<'_>) -> Result<Option<f64>, Unusable> {
    const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let Some(sampler) = variables.get(SAMPLER) else {
        return Ok(None);
    };
    match sampler.strip_prefix("parentbased_").unwrap_or(&sampler) {
        "always_on" => Ok(Some(100.0)),
        "always_off" => Ok(Some(0.0)),
        "traceidratio" => {
            let ratio = variables.get(ARGUMENT).unwrap_or("1".to_owned());
            match ratio.parse::<f64>() {
                Ok(ratio) if ratio.is_sign_positive() && ratio <= 1.0 => Ok(Some(ratio * 100.0)),
                _ => Err(unusable(
                    ARGUMENT,
                    format!("{} is not a number from 0 to 1", quoted(&ratio)),
                )),
            }
        }
        _ => Err(unusable(
            SAMPLER,
            format!(
                "{} is none of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio",
                quoted(&sampler)
            ),
        )),
    }
}

fn propagators(variables: &Variables<'_>) -> Result<Option<Propagators>, Unusable> {
    const NAME: &str = "OTEL_PROPAGATORS";
    let Some(list) = variables.get(NAME) else {
        return Ok(None);
    };
    let mut propagators = Propagators::default();
    for name in list.split(',').map(str::trim) {
        match name {
            "tracecontext" => propagators.w3c = true,
            "baggage" => propagators.baggage = true,
            "b3" => propagators.b3_single = true,
            "b3multi" => propagators.b3_multi = true,
            "none" | "" => {}
            name => {
                let reason = format!(
                    "{} is none of b3, b3multi, tracecontext, baggage, none",
                    quoted(name)
                );
                return Err(unusable(NAME, reason));
            }
        }
    }
    Ok(Some(propagators))
}

fn exporter(variables: &Variables<'_>) -> Result<Option<Exporter>, Unusable> {
    const NAME: &str = "OTEL_TRACES_EXPORTER";
    let chosen = variables.get(NAME);
    let zipkin = variables.get(ZIPKIN_ENDPOINT);
    let endpoint = variables.otlp("ENDPOINT");
    match chosen.as_deref() {
        Some("none") => Ok(Some(Exporter::None)),
        Some("console" | "logging") => Ok(Some(Exporter::Console)),
        Some("zipkin") => zipkin_exporter(variables, zipkin).map(Some),
        Some("otlp") => otlp_exporter(variables, endpoint).map(Some),
        Some(other) => Err(unusable(
            NAME,
            format!("{} is none of otlp, zipkin, console, none", quoted(other)),
        )),
        // Where an address is given, it is meant.
        None if endpoint.is_some() => otlp_exporter(variables, endpoint).map(Some),
        None if zipkin.is_some() => zipkin_exporter(variables, zipkin).map(Some),
        None => Ok(None),
    }
}

/// The URL that a variable says, checked.
fn endpoint_url(name: &str, url: &str) -> Result<Uri, Unusable> {
    url::parse(url).map_err(|error| match error {
        UrlError::Credentials => {
            let hint = "OTLP takes them in OTEL_EXPORTER_OTLP_HEADERS";
            unusable(name, format!("{error}: {hint}"))
        }
        error => unusable(name, error.to_string()),
    })
}

fn zipkin_exporter(
    variables: &Variables<'_>,
    endpoint: Option<String>,
) -> Result<Exporter, Unusable> {
    if let Some(url) = &endpoint {
        endpoint_url(ZIPKIN_ENDPOINT, url)?;
    }
    let timeout = variables.get("OTEL_EXPORTER_ZIPKIN_TIMEOUT");
    let timeout = timeout.map(|value| millis("OTEL_EXPORTER_ZIPKIN_TIMEOUT", &value));
    Ok(Exporter::Zipkin {
        url: endpoint.unwrap_or("http://localhost:9411/api/v2/spans".to_owned()),
        timeout: timeout.transpose()?,
    })
}

fn otlp_exporter(
    variables: &Variables<'_>,
    endpoint: Option<(String, String)>,
) -> Result<Exporter, Unusable> {
    let grpc = match variables.otlp("PROTOCOL") {
        None => false,
        Some((name, value)) => match &*value {
            "grpc" => true,
            "http/protobuf" => false,
            _ => {
                let reason = format!("{} is neither http/protobuf nor grpc", quoted(&value));
                return Err(unusable(&name, reason));
            }
        },
    };
    let gzip = match variables.otlp("COMPRESSION") {
        None => false,
        Some((name, value)) => match &*value {
            "gzip" => true,
            "none" => false,
            _ => {
                return Err(unusable(
                    &name,
                    format!("{} is neither gzip nor none", quoted(&value)),
                ));
            }
        },
    };
    let url = match endpoint {
        None if grpc => "http://localhost:4317".to_owned(),
        None => "http://localhost:4318/v1/traces".to_owned(),
        Some((name, url)) => otlp_url(&name, url, grpc)?,
    };
    let timeout = variables.otlp("TIMEOUT");
    let timeout = timeout.map(|(name, value)| millis(&name, &value));
    let headers = match variables.otlp("HEADERS") {
        Some((name, _)) => pairs(variables, &name)?,
        None => Vec::new(),
    };
    let path = |what| variables.otlp(what).map(|(_, path)| path);
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

/// The URL of traces alone is taken as it is; over HTTP, that of all signals is a base.
fn otlp_url(name: &str, url: String, grpc: bool) -> Result<String, Unusable> {
    let uri = endpoint_url(name, &url)?;
    if grpc || name.contains("_TRACES_") {
        return Ok(url);
    }
    match uri.query() {
        None => Ok(format!("{}/v1/traces", url.trim_end_matches('/'))),
        Some(_) => Err(unusable(
            name,
            "a query, behind which /v1/traces cannot stand: use OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        )),
    }
}

fn millis(name: &str, value: &str) -> Result<Duration, Unusable> {
    match parse_digits(value) {
        Some(millis) if millis > 0 => Ok(Duration::from_millis(millis)),
        _ => Err(unusable(
            name,
            format!("{} is not a number of milliseconds", quoted(value)),
        )),
    }
}

/// `a=1,b=2`, percent-encoded as in W3C Baggage.
fn pairs(variables: &Variables<'_>, name: &str) -> Result<Vec<(String, String)>, Unusable> {
    let Some(list) = variables.get(name) else {
        return Ok(Vec::new());
    };
    let members = list.split(',').map(str::trim).filter(|one| !one.is_empty());
    members
        .map(|member| {
            let pair = member.split_once('=');
            let pair = pair.map(|(key, value)| (decode(key.trim()), decode(value.trim())));
            match pair {
                Some((Some(key), Some(value))) if !key.is_empty() => Ok((key, value)),
                // The member may be a secret.
                _ => Err(unusable(name, "not a list of key=value, percent-encoded")),
            }
        })
        .collect()
}

/// Resolves `%20` and the like; `None` where a `%` is no such thing.
fn decode(text: &str) -> Option<String> {
    let whole = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(whole) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `NAME=value` lines.
    fn read(lines: &str) -> Result<Otel, String> {
        let get = |name: &str| {
            let mut pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
            pairs
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        Otel::read(&get).map_err(|error| error.to_string())
    }

    fn otlp(lines: &str) -> Otlp {
        match read(lines).unwrap().exporter {
            Some(Exporter::Otlp(otlp)) => otlp,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn nothing_says_nothing_and_neither_does_what_is_empty() {
        assert_eq!(read(""), Ok(Otel::default()));
        let empty =
            "OTEL_SERVICE_NAME=\nOTEL_TRACES_SAMPLER= \nOTEL_PROPAGATORS=\nOTEL_SDK_DISABLED=";
        assert_eq!(read(empty), Ok(Otel::default()));
    }

    #[test]
    fn names() {
        let name = |lines| read(lines).unwrap().service_name;
        assert_eq!(name("OTEL_SERVICE_NAME=webapp").as_deref(), Some("webapp"));
        let attributes = "OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=web%20app ,c=d";
        assert_eq!(name(attributes).as_deref(), Some("web app"));
        let both = format!("{attributes}\nOTEL_SERVICE_NAME=first");
        assert_eq!(name(&both).as_deref(), Some("first"));
        assert_eq!(name("OTEL_RESOURCE_ATTRIBUTES=service.name="), None);
    }

    #[test]
    fn samplers() {
        let percent = |lines: &str| read(lines).unwrap().percent;
        for (sampler, expected) in [
            ("always_on", 100.0),
            ("always_off", 0.0),
            ("parentbased_always_on", 100.0),
            ("parentbased_always_off", 0.0),
            ("traceidratio", 100.0),
            (
                "parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25",
                25.0,
            ),
            ("always_on\nOTEL_TRACES_SAMPLER_ARG=unused", 100.0),
        ] {
            assert_eq!(
                percent(&format!("OTEL_TRACES_SAMPLER={sampler}")),
                Some(expected)
            );
        }
        assert_eq!(percent("OTEL_TRACES_SAMPLER_ARG=0.5"), None);
    }

    #[test]
    fn formats() {
        let propagators = |list: &str| {
            let otel = read(&format!("OTEL_PROPAGATORS={list}")).unwrap();
            let of = otel.propagators.unwrap();
            (of.b3_single, of.b3_multi, of.w3c, of.baggage)
        };
        assert_eq!(propagators("b3"), (true, false, false, false));
        assert_eq!(
            propagators("b3multi, tracecontext"),
            (false, true, true, false)
        );
        assert_eq!(
            propagators("tracecontext,baggage"),
            (false, false, true, true)
        );
        assert_eq!(propagators("none"), (false, false, false, false));
    }

    #[test]
    fn exporters() {
        let exporter = |lines| read(lines).unwrap().exporter;
        assert_eq!(exporter("OTEL_TRACES_EXPORTER=none"), Some(Exporter::None));
        assert_eq!(
            exporter("OTEL_TRACES_EXPORTER=console"),
            Some(Exporter::Console)
        );
        let zipkin = |url: &str, timeout: Option<u64>| {
            Some(Exporter::Zipkin {
                url: url.to_owned(),
                timeout: timeout.map(Duration::from_millis),
            })
        };
        assert_eq!(
            exporter("OTEL_TRACES_EXPORTER=zipkin"),
            zipkin("http://localhost:9411/api/v2/spans", None)
        );
        let lines = "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://z/s\nOTEL_EXPORTER_ZIPKIN_TIMEOUT=250";
        assert_eq!(exporter(lines), zipkin("http://z/s", Some(250)));
        // Of two addresses, the one that the exporter's name asks for; else OTLP's, the default.
        let both = format!("{lines}\nOTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/");
        assert_eq!(otlp(&both).url, "http://c:4318/v1/traces");
        let chosen = format!("{both}\nOTEL_TRACES_EXPORTER=zipkin");
        assert_eq!(exporter(&chosen), zipkin("http://z/s", Some(250)));
    }

    #[test]
    fn otlps_variables_of_traces_win() {
        assert_eq!(
            otlp("OTEL_TRACES_EXPORTER=otlp").url,
            "http://localhost:4318/v1/traces"
        );
        let both =
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://a\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://b/x";
        assert_eq!(otlp(both).url, "http://b/x");
        let grpc = "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4317\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc";
        let expected = Otlp {
            url: "http://a:4317".to_owned(),
            grpc: true,
            ..Otlp::default()
        };
        assert_eq!(otlp(grpc), expected);
        let more = "OTEL_EXPORTER_OTLP_ENDPOINT=https://a\n\
            OTEL_EXPORTER_OTLP_HEADERS=api-key=s%3Dcret, x=1\n\
            OTEL_EXPORTER_OTLP_TIMEOUT=10\nOTEL_EXPORTER_OTLP_TRACES_TIMEOUT=20\n\
            OTEL_EXPORTER_OTLP_COMPRESSION=gzip\nOTEL_EXPORTER_OTLP_CERTIFICATE=/ca.pem\n\
            OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/c.pem\nOTEL_EXPORTER_OTLP_CLIENT_KEY=/k.pem";
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        let expected = Otlp {
            url: "https://a/v1/traces".to_owned(),
            grpc: false,
            gzip: true,
            timeout: Some(Duration::from_millis(20)),
            headers: vec![pair("api-key", "s=cret"), pair("x", "1")],
            certificate: Some("/ca.pem".to_owned()),
            client_certificate: Some("/c.pem".to_owned()),
            client_key: Some("/k.pem".to_owned()),
        };
        assert_eq!(otlp(more), expected);
    }

    #[test]
    fn errors_name_the_variable_and_the_reason() {
        for (lines, expected) in [
            (
                "OTEL_TRACES_SAMPLER=xray",
                "OTEL_TRACES_SAMPLER: \"xray\" is none of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio",
            ),
            (
                "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=10",
                "OTEL_TRACES_SAMPLER_ARG: \"10\" is not a number from 0 to 1",
            ),
            (
                "OTEL_PROPAGATORS=b3,jaeger",
                "OTEL_PROPAGATORS: \"jaeger\" is none of b3, b3multi, tracecontext, baggage, none",
            ),
            (
                "OTEL_TRACES_EXPORTER=jaeger",
                "OTEL_TRACES_EXPORTER: \"jaeger\" is none of otlp, zipkin, console, none",
            ),
            (
                "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: \"http/json\" is neither http/protobuf nor grpc",
            ),
            (
                "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_COMPRESSION=zstd",
                "OTEL_EXPORTER_OTLP_COMPRESSION: \"zstd\" is neither gzip nor none",
            ),
            (
                "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_TIMEOUT=5s",
                "OTEL_EXPORTER_OTLP_TIMEOUT: \"5s\" is not a number of milliseconds",
            ),
            (
                "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_HEADERS=secret",
                "OTEL_EXPORTER_OTLP_HEADERS: not a list of key=value, percent-encoded",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:431800",
                "OTEL_EXPORTER_OTLP_ENDPOINT: the port is not a number from 1 to 65535",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=c:4318",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: no scheme: it begins with http://",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317/#a\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc",
                "OTEL_EXPORTER_OTLP_ENDPOINT: a fragment (#), which is never sent",
            ),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/?key=1",
                "OTEL_EXPORTER_OTLP_ENDPOINT: a query, behind which /v1/traces cannot stand: use OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
            ),
            (
                "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://z:0/api/v2/spans",
                "OTEL_EXPORTER_ZIPKIN_ENDPOINT: the port is not a number from 1 to 65535",
            ),
            (
                "OTEL_RESOURCE_ATTRIBUTES=service.name=%f",
                "OTEL_RESOURCE_ATTRIBUTES: not a list of key=value, percent-encoded",
            ),
        ] {
            assert_eq!(read(lines).unwrap_err(), expected);
        }
    }
}
