//! The ids of a request on its log lines.
//!
//! [`WithIds`] is an event format for `tracing-subscriber`: it has another format write the line, and
//! adds `trace_id`, `span_id`, `parent_id`, `request_id` and `sampled` of the current span. Lines of
//! text have them in front:
//!
//! ```
//! use tower_b3::logs::WithIds;
//!
//! tracing_subscriber::fmt().map_event_format(WithIds::text).init();
//! ```
//!
//! ```text
//! trace_id=463ac35c9f6413ad48485a3953bb6124 span_id=a2fb4a1d1a96d312 request_id=6f0b3f1e-… sampled=true 2026-11-26T19:00:00Z  INFO webapp: answered
//! ```
//!
//! Lines of JSON have them at the top level:
//!
//! ```
//! use tower_b3::logs::WithIds;
//!
//! tracing_subscriber::fmt().json().map_event_format(WithIds::json).init();
//! ```
//!
//! ```text
//! {"trace_id":"463ac35c9f6413ad48485a3953bb6124","span_id":"a2fb4a1d1a96d312","request_id":"6f0b3f1e-…","sampled":true,"timestamp":"2026-11-26T19:00:00Z","level":"INFO","fields":{"message":"answered"},"target":"webapp"}
//! ```
//!
//! The ids are those of [`current()`](crate::current()) at the event, not fields of a `tracing` span.
//! So they are on every line of a request, sampled or not, whatever `RUST_LOG` selects and however
//! many instrumented functions the event is in. In a spawned task they are there with
//! [`in_current_context`](crate::in_current_context). A field without a value is left out: a root span
//! has no `parent_id`. Outside of requests, lines are unchanged.
//!
//! Behind a sidecar, in [`Mode::ForwardOnly`](crate::Mode::ForwardOnly), there is no span here: the ids
//! are those of the request's headers, which name the sidecar's SERVER span.
//!
//! The names, and which fields there are, can be changed: see [`LogFields`]. What Grafana, Kibana,
//! Kiali and Datadog need is in the guide: [`guide::logs`](crate::guide::logs).
//!
//! # How JSON is written
//!
//! The inner format writes its line to a buffer, and the ids are put behind the first `{`. Time,
//! level, fields, spans and their escaping therefore remain those of `tracing-subscriber`, in every
//! version and with every setting of it. The ids come first so that they are kept if a collector
//! truncates or splits a long line. A member of the line with the name of one that is added, which an event
//! can have with `flatten_event(true)`, is left out: a name occurs once, and has the request's value.
//! Without `flatten_event` the event's own `trace_id` is in `fields`, and stays.

mod buffer;
mod fields;
mod ids;
mod json;
mod with_ids;

pub use fields::{LogField, LogFields};
pub use with_ids::WithIds;
