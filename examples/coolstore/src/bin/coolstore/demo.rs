//! The requests that are sent to webapp, and their traces as printed.

use crate::{
    print,
    shop::{DELIVERY_TIMEOUT, Failure, Shop},
};
use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use http_body_util::BodyExt;
use std::{
    fmt::Write,
    io::{self, IsTerminal},
};
use tower_b3::{report::TraceTree, sample::Sampler};

/// A request to webapp, and the expected result.
struct Example {
    title: &'static str,
    path: &'static str,
    header: Option<(&'static str, &'static str)>,
    status: StatusCode,
    /// How many spans the trace has: a SERVER span, a local span and a CLIENT span of webapp, a SERVER
    /// span of catalog and, if catalog gets that far, a local one. 0 if the request is not traced.
    spans: usize,
}

const PLAIN: Example = Example {
    title: "A plain request",
    path: "/api/catalog",
    header: None,
    status: StatusCode::OK,
    spans: 5,
};
const UNSAMPLED: Example = Example {
    title: "At 0 % sampling nothing is traced",
    spans: 0,
    ..PLAIN
};
const FORCED: Example = Example {
    title: "At 0 % sampling, but forced",
    header: Some(("x-envoy-force-trace", "true")),
    ..PLAIN
};
const FAILING: Example = Example {
    title: "The catalog fails, after POST /blowup",
    status: StatusCode::SERVICE_UNAVAILABLE,
    spans: 4,
    ..PLAIN
};
const TAGGED: Example = Example {
    title: "Custom tags: a literal, an environment variable, a request header",
    path: "/api/catalog/items/3",
    header: Some(("x-tenant", "acme")),
    ..PLAIN
};

/// Sends every example and prints its trace.
pub async fn run(shop: &Shop) -> Result<(), Failure> {
    show(shop, &PLAIN).await?;

    shop.set_sampler(&Sampler::percentage(0.0)?);
    show(shop, &UNSAMPLED).await?;
    show(shop, &FORCED).await?;
    shop.set_sampler(&Sampler::always());

    shop.blow_up(r#"{"fail_percent": 100, "status": 503}"#)
        .await?;
    show(shop, &FAILING).await?;
    shop.blow_up("{}").await?;

    show(shop, &TAGGED).await
}

/// Sends one request and prints its trace as the collector received it.
async fn show(shop: &Shop, example: &Example) -> Result<(), Failure> {
    let mut request = Request::get(shop.webapp_url(example.path));
    let mut sent = format!("GET {}", example.path);
    if let Some((name, value)) = example.header {
        request = request.header(name, value);
        write!(sent, " with {name}: {value}")?;
    }
    let response = shop.client.request(request.body(Body::empty())?).await?;
    let status = response.status();
    if status != example.status {
        return Err(format!("{sent}: the status is {status}, not {}", example.status).into());
    }
    let request_id = match response.headers().get("x-request-id") {
        Some(id) => id.to_str()?.to_owned(),
        None => return Err(format!("{sent}: the response has no x-request-id").into()),
    };
    // webapp's span ends with the body.
    response.into_body().collect().await?;
    print(&format!("{}\n{sent}: {status}", example.title))?;
    print(&trace(shop, &request_id, example.spans).await?)?;
    Ok(())
}

/// The trace of a request as text.
async fn trace(shop: &Shop, request_id: &str, spans: usize) -> Result<String, Failure> {
    if spans == 0 {
        shop.flush().await?;
        return match shop.traces.of_request(request_id).as_slice() {
            [] => Ok("no trace\n".to_owned()),
            _ => Err(format!("request {request_id} was traced, at 0 % sampling").into()),
        };
    }
    let records = shop
        .traces
        .wait_for_tree(request_id, spans, DELIVERY_TIMEOUT)
        .await?;
    let colored = io::stdout().is_terminal();
    Ok(TraceTree::new(&records).colored(colored).to_string())
}
