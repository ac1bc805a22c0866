//! Shared by the benches: requests, services, and tower-b3 with a reporter that sends nothing.

mod ours;
mod requests;
mod serve;

pub use ours::{REPORTED, builder, counting_tracer, null_reporter, tracer};
pub use requests::{
    Body, Head, PARENT_ID, SPAN_ID, Scenario, TRACE_ID, b3_multi, out_headers, out_request,
    response,
};
pub use serve::{calling, leaf, now, prepare_out, serve, take_out};
