//! Draws a trace: `webapp` calls `catalog`, which fails once, and the spans become an SVG.
//!
//!     cargo run --example trace_svg > docs/trace.svg
//!
//! This makes the picture in the README.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use std::{
    convert::Infallible,
    error::Error,
    fmt::Write,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};
use tokio::time::sleep;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_b3::{
    RouteTemplate, Tracer,
    record::{Kind, SpanRecord},
    report::InMemoryReporter,
    scope,
};

type Body = Full<Bytes>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let spans = InMemoryReporter::default();
    let tracer = |name| Tracer::builder(name).reporter(spans.clone()).build();
    let (webapp, catalog) = (tracer("webapp")?, tracer("catalog")?);

    let calls = AtomicU32::new(0);
    let catalog = ServiceBuilder::new()
        .layer(catalog.server_layer())
        .service(service_fn(|_| items(calls.fetch_add(1, Relaxed))));
    let client = ServiceBuilder::new()
        .layer(webapp.client_layer().remote_service("catalog"))
        .service(catalog);
    let webapp = ServiceBuilder::new()
        .layer(webapp.server_layer())
        .service(service_fn(|_| page(client.clone())));

    let request = Request::get("http://webapp/api/catalog").body(Body::default())?;
    let response = webapp.oneshot(request).await?;
    response.into_body().collect().await?; // the SERVER span ends with the body
    print!("{}", draw(&spans.take()));
    Ok(())
}

/// The handler of `webapp`: asks the catalog, and once more if it fails.
async fn page<C, B>(client: C) -> Result<Response<Body>, Infallible>
where
    C: tower::Service<Request<Body>, Response = Response<B>, Error = Infallible> + Clone,
    B: http_body::Body<Error = Infallible>,
{
    scope::route("/api/catalog");
    let session = tower_b3::span("check session").instrument(sleep(Duration::from_millis(3)));
    session.await;
    for _attempt in 0..2 {
        let request = Request::get("http://catalog/items").extension(RouteTemplate::new("/items"));
        let request = request.body(Body::default()).expect("a valid request");
        let response = client.clone().oneshot(request).await?;
        let status = response.status();
        let Ok(_items) = response.into_body().collect().await;
        if status.is_success() {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    let render = tower_b3::span("render").instrument(sleep(Duration::from_millis(2)));
    render.await;
    Ok(Response::new(Body::from("[]")))
}

/// The handler of `catalog`. Its first call fails.
async fn items(call: u32) -> Result<Response<Body>, Infallible> {
    scope::route("/items");
    let load = tower_b3::span("load items").instrument(async {
        sleep(Duration::from_millis(4)).await;
        match call {
            0 => scope::error("connection pool timed out"),
            _ => tower_b3::tag("items", "4"),
        }
    });
    load.await;
    let mut response = Response::new(Body::from("[]"));
    if call == 0 {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    Ok(response)
}

const WIDTH: f64 = 860.0;
/// The x of the bars, and the width of the longest.
const BARS: (f64, f64) = (310.0, 420.0);
const ROW: f64 = 26.0;
const TOP: f64 = 62.0;

const STYLE: &str = "\
text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#24292f}\
.page{fill:#fff;stroke:#d0d7de}.title{font-weight:600}.note{font-size:11px;fill:#57606a}\
.webapp{fill:#0969da}.catalog{fill:#1a7f37}.failed{fill:#cf222e}.local{fill-opacity:.5}\
.line{stroke:#d0d7de}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117;stroke:#30363d}\
.note{fill:#9198a1}.webapp{fill:#4493f8}.catalog{fill:#3fb950}.failed{fill:#f85149}\
.line{stroke:#30363d}}";

/// A row for each span, in the order of the tree.
fn draw(spans: &[SpanRecord]) -> String {
    let mut rows = Vec::new();
    let roots = spans.iter().filter(|span| span.parent_id().is_none());
    roots.for_each(|root| gather(spans, root, 0, &mut rows));
    let Some((_, root)) = rows.first() else {
        return String::new();
    };
    let height = TOP + ROW * rows.len() as f64 + 12.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>A trace of two services: webapp calls catalog, which fails at first</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" x=\".5\" y=\".5\" rx=\"6\" width=\"{}\" height=\"{}\"/>\n",
        WIDTH - 1.0,
        height - 1.0,
    );
    let trace = format!("trace {}", root.trace_id());
    text(&mut svg, "title", 16.0, 26.0, &trace);
    let services = format!("{} spans of webapp and catalog", rows.len());
    text(&mut svg, "note", 16.0, 44.0, &services);
    draw_axis(&mut svg, root.duration().as_secs_f64(), height - 12.0);
    for (at, (depth, span)) in rows.iter().enumerate() {
        draw_span(&mut svg, root, span, *depth, TOP + ROW * at as f64);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A vertical line with its time at each quarter of the duration, in seconds.
fn draw_axis(svg: &mut String, duration: f64, bottom: f64) {
    for quarter in 0..=4 {
        let share = f64::from(quarter) / 4.0;
        let x = BARS.0 + BARS.1 * share;
        text(svg, "note", x - 8.0, 44.0, &milliseconds(duration * share));
        let _ = writeln!(
            svg,
            "<line class=\"line\" x1=\"{x}\" x2=\"{x}\" y1=\"50\" y2=\"{bottom}\"/>"
        );
    }
}

/// The row of a span: its label, its bar on the root's time axis, and its outcome.
fn draw_span(svg: &mut String, root: &SpanRecord, span: &SpanRecord, depth: usize, y: f64) {
    let duration = root.duration().as_secs_f64();
    let offset = (span.timestamp() - root.timestamp()) as f64 / 1e6;
    let x = BARS.0 + BARS.1 * offset / duration;
    let width = (BARS.1 * span.duration().as_secs_f64() / duration).max(2.0);
    let baseline = y + 12.0;
    text(svg, "", 16.0 + 16.0 * depth as f64, baseline, &label(span));
    let class = class(span);
    let _ = writeln!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" rx=\"2\" width=\"{width:.1}\" height=\"16\"/>"
    );
    text(svg, "note", x + width + 6.0, baseline, &outcome(span));
}

/// The span and, below it, its children in the order in which they started.
fn gather<'a>(
    spans: &'a [SpanRecord],
    span: &'a SpanRecord,
    depth: usize,
    rows: &mut Vec<(usize, &'a SpanRecord)>,
) {
    rows.push((depth, span));
    let mut children: Vec<_> = spans
        .iter()
        .filter(|child| child.parent_id() == Some(span.id()))
        .collect();
    children.sort_by_key(|child| child.timestamp());
    for child in children {
        gather(spans, child, depth + 1, rows);
    }
}

fn label(span: &SpanRecord) -> String {
    let service = span.local_endpoint().service_name.unwrap_or_default();
    match span.kind() {
        Some(Kind::Server) => format!("{service} SERVER {}", span.name()),
        Some(Kind::Client) => format!("{service} CLIENT {}", span.name()),
        _ => format!("{service} {}", span.name()),
    }
}

fn class(span: &SpanRecord) -> String {
    let service = span.local_endpoint().service_name.unwrap_or_default();
    let color = if span.is_error() { "failed" } else { service };
    match span.kind() {
        Some(_) => color.to_owned(),
        None => format!("{color} local"),
    }
}

/// Duration, status, the reason of an error, and the number of items.
fn outcome(span: &SpanRecord) -> String {
    let tags = ["http.status_code", "error.reason", "items"];
    let mut words = vec![milliseconds(span.duration().as_secs_f64())];
    words.extend(tags.iter().filter_map(|name| {
        let value = span.tag(name)?;
        Some(match *name {
            "items" => format!("items={value}"),
            _ => value.into_owned(),
        })
    }));
    words.join(" · ")
}

fn milliseconds(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>"
    );
}
