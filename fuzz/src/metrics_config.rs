//! Properties of any text that may configure metrics, and of any text that may be an expression.

use http::{HeaderValue, Request, Response};
use std::{hint::black_box, sync::Once};
use tower_b3::{
    Direction,
    config::{Documents, TracingConfig},
    metrics::Expression,
};

/// The parser of expressions panics on some texts, which is caught. libFuzzer's hook would end the
/// process.
fn without_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|_| {})));
}

/// Any bytes are either an expression or refused with a reason that fits on a line.
pub fn expression(input: &[u8]) {
    without_panic_hook();
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match Expression::parse(text) {
        Ok(expression) => {
            assert_eq!(expression.to_string(), text);
            let request = Request::get("/items?q=1").header("x-a", text_header(input));
            let request = request.body(()).unwrap();
            black_box(expression.evaluate(&request, &Response::new(())));
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.is_empty() && error.len() < 1000, "{error}");
            assert!(!error.contains(char::is_control), "{error:?}");
        }
    }
}

/// The input as the value of a header, as far as it can be one.
fn text_header(input: &[u8]) -> HeaderValue {
    let visible = input
        .iter()
        .copied()
        .filter(|byte| (b' '..0x7f).contains(byte));
    HeaderValue::from_bytes(&visible.collect::<Vec<u8>>()).unwrap()
}

/// Documents that can be read have a shape, in which no name is one that Prometheus refuses.
pub fn metrics_config(input: &[u8]) {
    without_panic_hook();
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(config) = Documents::parse(text).and_then(|documents| documents.all()) else {
        return;
    };
    let nothing = TracingConfig::default;
    assert_eq!(config.clone().over(nothing()), config);
    assert_eq!(config.clone().over(config.clone()), config);
    let shape = config.metrics_shape().unwrap();
    for direction in [Direction::Server, Direction::Client] {
        for metric in shape.metrics(direction) {
            assert!(is_name(metric), "{metric}");
            let mut labels: Vec<&str> = shape.labels(direction, metric).collect();
            assert!(labels.iter().all(|label| is_name(label)), "{labels:?}");
            let count = labels.len();
            labels.sort_unstable();
            labels.dedup();
            assert_eq!(labels.len(), count, "{labels:?}");
            black_box(shape.buckets(metric));
        }
        let mut metrics: Vec<&str> = shape.metrics(direction).collect();
        let count = metrics.len();
        metrics.sort_unstable();
        metrics.dedup();
        assert_eq!(metrics.len(), count, "{metrics:?}");
    }
    black_box(config.strict(true).metrics_shape().is_ok());
}

fn is_name(name: &str) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    !name.is_empty()
        && name.chars().all(allowed)
        && !name.starts_with(|first: char| first.is_ascii_digit())
}
