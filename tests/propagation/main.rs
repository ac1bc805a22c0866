//! Extraction and injection of headers, without the layers.

#[path = "../../fuzz/src/model.rs"]
mod model;
#[path = "../../fuzz/src/properties.rs"]
mod properties;

mod any_headers;
mod carriers;
mod reading;
mod seeds;
mod shared_table;
mod table;
mod writing;

use http::HeaderMap;
use tower_b3::{
    Sampling,
    propagation::{Incoming, Propagation},
};

const T: &str = "463ac35c9f6413ad48485a3953bb6124";

const T64: &str = "48485a3953bb6124";

const S: &str = "a2fb4a1d1a96d312";

const P: &str = "0020000000000001";

const Z: &str = "0000000000000000";

fn state(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Defer => "defer",
        Sampling::Deny => "deny",
        Sampling::Accept => "accept",
        Sampling::Debug => "debug",
    }
}

fn shown(incoming: &Incoming) -> String {
    let state = state(incoming.sampling());
    match incoming.context() {
        None => format!("new {state}"),
        Some(context) => {
            assert_eq!(context.sampling(), incoming.sampling());
            let parent = context
                .parent_id()
                .map_or("-".to_owned(), |id| id.to_string());
            format!(
                "{}/{}/{parent} {state}",
                context.trace_id(),
                context.span_id()
            )
        }
    }
}

fn extract(headers: &HeaderMap) -> Incoming {
    Propagation::default().extract(headers).0
}
