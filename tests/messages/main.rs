//! Both sides of a queue, without a broker: PRODUCER spans, CONSUMER spans, and what messages carry.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod consumers;
mod modes;
mod producers;
mod queue;

use http::Response;
use http_body_util::BodyExt;
use tower_b3::{ResponseBody, propagation::Propagation};

/// The headers of a message, as clients for Kafka have them.
pub type Headers = Vec<(String, Vec<u8>)>;

/// Headers from `name: value` lines, separated by `|`.
pub fn headers(lines: &str) -> Headers {
    let lines = lines.split('|').filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once(": ").unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect()
}

/// The headers as such lines.
pub fn lines(headers: &Headers) -> String {
    let line =
        |(name, value): &(String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(value));
    headers.iter().map(line).collect::<Vec<_>>().join("|")
}

/// The id of the span that the headers name.
pub fn span_in(headers: &Headers) -> String {
    let (incoming, _) = Propagation::default().extract_from(headers);
    incoming.context().unwrap().span_id().to_string()
}

/// The body of a response.
pub async fn text(response: Response<ResponseBody<String>>) -> String {
    let body = response.into_body().collect().await.unwrap();
    String::from_utf8(body.to_bytes().into()).unwrap()
}
