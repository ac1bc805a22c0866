//! The format and compression that a scraper accepts.

use http::{HeaderMap, HeaderName, header::ACCEPT};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text,
    /// With the requested version.
    OpenMetrics(&'static str),
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics("0.0.1") => {
                "application/openmetrics-text; version=0.0.1; charset=utf-8"
            }
            Format::OpenMetrics(_) => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// OpenMetrics if the scraper prefers it, else the text format.
    pub(super) fn of(headers: &HeaderMap) -> Format {
        let mut best = (0.0, Format::Text);
        for (name, parameters, quality) in entries(headers, &ACCEPT) {
            let version = parameter(&parameters, "version");
            let name = name.to_ascii_lowercase();
            let format = match (name.as_str(), version) {
                ("application/openmetrics-text", None | Some("1.0.0")) => {
                    Format::OpenMetrics("1.0.0")
                }
                ("application/openmetrics-text", Some("0.0.1")) => Format::OpenMetrics("0.0.1"),
                ("text/plain" | "text/*" | "*/*", _) => Format::Text,
                _ => continue,
            };
            // With equal quality, OpenMetrics wins over the text format.
            let is_richer = quality == best.0 && best.1 == Format::Text && format != Format::Text;
            if quality > best.0 || is_richer && quality > 0.0 {
                best = (quality, format);
            }
        }
        best.1
    }
}

/// Whether the scraper accepts gzip, and the feature is enabled.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    if cfg!(not(feature = "gzip")) {
        return false;
    }
    let mut encodings = entries(headers, &http::header::ACCEPT_ENCODING);
    encodings.any(|(name, _, quality)| name.eq_ignore_ascii_case("gzip") && quality > 0.0)
}

type Parameters<'a> = Vec<(&'a str, &'a str)>;

/// The entries of such a header, with their parameters and quality.
fn entries<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = (&'a str, Parameters<'a>, f64)> {
    let values = headers.get_all(name).into_iter();
    let values = values.filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let parameters: Parameters<'a> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim().trim_matches('"')))
            .collect();
        let quality = parameter(&parameters, "q");
        let quality = quality.map_or(Some(1.0), |value| value.parse().ok());
        (name, parameters, quality.unwrap_or(0.0))
    })
}

/// The value of a parameter, whose name may be in upper case.
fn parameter<'a>(parameters: &Parameters<'a>, name: &str) -> Option<&'a str> {
    let mut parameters = parameters.iter();
    let found = parameters.find(|(other, _)| other.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())]
            .into_iter()
            .collect()
    }

    #[test]
    fn formats_by_the_headers_of_prometheus_and_others() {
        let open = Format::OpenMetrics("1.0.0");
        for (accept, format) in [
            (
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                open,
            ),
            (
                "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.7,application/openmetrics-text;version=0.0.1;q=0.6,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.3",
                open,
            ),
            (
                "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
                Format::OpenMetrics("0.0.1"),
            ),
            ("text/plain;version=0.0.4", Format::Text),
            ("text/html,*/*;q=0.8", Format::Text),
            ("*/*", Format::Text),
            ("", Format::Text),
            (
                "application/openmetrics-text;q=0.1,text/plain;q=0.9",
                Format::Text,
            ),
            ("application/openmetrics-text;q=0", Format::Text),
            ("application/openmetrics-text;q=x", Format::Text),
            ("application/openmetrics-text;version=2.0.0", Format::Text),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;q=0.7",
                open,
            ),
            ("text/plain,application/openmetrics-text", open),
            ("APPLICATION/OPENMETRICS-TEXT;VERSION=1.0.0", open),
            (
                "text/plain,application/openmetrics-text;Q=0.1",
                Format::Text,
            ),
            (
                "application/openmetrics-text;Version=2.0.0,Text/Plain",
                Format::Text,
            ),
        ] {
            assert_eq!(Format::of(&headers(ACCEPT, accept)), format, "{accept}");
        }
        assert_eq!(Format::of(&HeaderMap::new()), Format::Text);
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn gzip_if_it_is_accepted() {
        for (encodings, accepted) in [
            ("gzip", true),
            ("br, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;Q=0", false),
            ("identity", false),
            ("", false),
        ] {
            assert_eq!(
                accepts_gzip(&headers(http::header::ACCEPT_ENCODING, encodings)),
                accepted
            );
        }
    }
}
