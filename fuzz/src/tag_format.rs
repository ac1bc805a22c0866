//! Properties of any tag format: it gives the same result as a slow reader written from the
//! documentation.

use crate::serving::{headers, span_of};
use http::{HeaderMap, HeaderName, Request};
use tower_b3::{Tracer, report::InMemoryReporter, tags::Tag};

/// These headers decide whether there is a span, or the layer sets them.
const DECIDE: [&str; 8] = [
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "traceparent",
    "x-request-id",
];

/// Input: a format on the first line, and below it a request's headers.
pub fn tag_format(input: &[u8]) {
    let mut lines = input.split(|&byte| byte == b'\n');
    let Ok(format) = std::str::from_utf8(lines.next().unwrap_or_default()) else {
        return;
    };
    let mut headers = headers(lines, &DECIDE);
    headers.insert("x-request-id", "an-id".parse().unwrap());

    let spans = InMemoryReporter::default();
    let tracer = Tracer::builder("webapp")
        .tag(Tag::formatter("made", format))
        .max_tag_length(8 * 1024 * 1024)
        .reporter(spans.clone())
        .build();
    let tracer = match (tracer, model(format, &headers)) {
        (Err(_), None) => return,
        (Ok(tracer), Some(value)) => (tracer, value),
        (tracer, value) => panic!("{format:?}: {:?}, not {value:?}", tracer.err()),
    };
    let (tracer, value) = tracer;
    let mut request = Request::get("http://shop:8080/items?page=2")
        .body(())
        .unwrap();
    *request.headers_mut() = headers;
    let span = span_of(&tracer.server_layer(), &spans, request);
    let made = span.tag("made").map(|value| value.into_owned());
    assert_eq!(
        made,
        Some(value).filter(|value| !value.is_empty()),
        "{format:?}"
    );
}

/// The value; `None` if the format is invalid.
fn model(format: &str, headers: &HeaderMap) -> Option<String> {
    if format.is_empty() {
        return None;
    }
    let mut value = String::new();
    // Every second piece is between two `%`.
    let pieces: Vec<&str> = format.split('%').collect();
    if pieces.len() % 2 == 0 {
        return None;
    }
    for (at, piece) in pieces.iter().enumerate() {
        match (at % 2 == 1, *piece) {
            (false, text) => value.push_str(text),
            (true, "") => value.push('%'),
            (true, operator) => value.push_str(&answer(operator, headers)?),
        }
    }
    Some(value)
}

fn answer(operator: &str, headers: &HeaderMap) -> Option<String> {
    match operator {
        "PROTOCOL" => return Some("HTTP/1.1".to_owned()),
        "REQUESTED_SERVER_NAME" => return Some(String::new()),
        _ => {}
    }
    let open = operator.find('(')?;
    let close = operator.rfind(')').filter(|&close| close > open)?;
    let argument = &operator[open + 1..close];
    let text = match &operator[..open] {
        "REQ" => {
            let names: Vec<&str> = argument.splitn(2, '?').collect();
            let mut found = None;
            for name in names {
                let value = request_value(name, headers)?;
                found = found.or(value);
            }
            found.unwrap_or_default()
        }
        "ENVIRONMENT" => {
            let bad = argument.is_empty() || argument.contains(['=', '\0']);
            let variable = (!bad).then(|| std::env::var_os(argument))?;
            variable.unwrap_or_default().to_string_lossy().into_owned()
        }
        _ => return None,
    };
    match &operator[close + 1..] {
        "" => Some(text),
        length => {
            let digits = length.strip_prefix(':')?;
            let digits = Some(digits).filter(|text| text.chars().all(|c| c.is_ascii_digit()));
            let longest: usize = digits?.parse().ok()?;
            let mut cut = String::new();
            for letter in text.chars() {
                if cut.len() + letter.len_utf8() > longest {
                    break;
                }
                cut.push(letter);
            }
            Some(cut)
        }
    }
}

/// The request's header of this name; `None` if it is not a valid name.
fn request_value(name: &str, headers: &HeaderMap) -> Option<Option<String>> {
    Some(match name.to_ascii_lowercase().as_str() {
        ":authority" => Some("shop:8080".to_owned()),
        ":method" => Some("GET".to_owned()),
        ":path" => Some("/items?page=2".to_owned()),
        name => {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let value = headers.get(name);
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        }
    })
}
