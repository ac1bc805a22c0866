//! User-defined labels, from the heads of requests and responses.

use super::{exposition::is_label_name, store::Source};
use crate::{head::RequestHead, printable::quoted, text::cut, user_code::guarded};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;

/// A longer value is cut.
pub(super) const MAX_VALUE: usize = 200;

type OfRequest = dyn Fn(&RequestHead<'_>) -> Option<String> + Send + Sync;
type OfResponse = dyn Fn(StatusCode, &HeaderMap) -> Option<String> + Send + Sync;

/// A label and where it comes from.
#[derive(Clone)]
pub(super) struct OwnLabel {
    pub(super) name: String,
    value: OwnValue,
    /// The index among the labels from requests, or from responses.
    at: usize,
}

#[derive(Clone)]
enum OwnValue {
    Request(Arc<OfRequest>),
    Response(Arc<OfResponse>),
    Constant(String),
}

impl OwnLabel {
    pub(super) fn source(&self) -> Source {
        match &self.value {
            OwnValue::Request(_) => Source::Request(self.at),
            OwnValue::Response(_) => Source::Response(self.at),
            OwnValue::Constant(text) => Source::Constant(text.clone()),
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct OwnLabels {
    pub(super) all: Vec<OwnLabel>,
    requests: usize,
    responses: usize,
}

impl OwnLabels {
    pub(super) fn add_request(
        &mut self,
        name: String,
        value: impl Fn(&RequestHead<'_>) -> Option<String> + Send + Sync + 'static,
    ) {
        if !is_allowed(&name) {
            return;
        }
        let at = self.requests;
        self.requests += 1;
        let value = OwnValue::Request(Arc::new(value));
        self.all.push(OwnLabel { name, value, at });
    }

    pub(super) fn add_response(
        &mut self,
        name: String,
        value: impl Fn(StatusCode, &HeaderMap) -> Option<String> + Send + Sync + 'static,
    ) {
        if !is_allowed(&name) {
            return;
        }
        let at = self.responses;
        self.responses += 1;
        let value = OwnValue::Response(Arc::new(value));
        self.all.push(OwnLabel { name, value, at });
    }

    pub(super) fn add_constant(&mut self, name: String, value: String) {
        if !is_allowed(&name) {
            return;
        }
        let value = OwnValue::Constant(bounded(Some(value)));
        self.all.push(OwnLabel { name, value, at: 0 });
    }

    pub(super) fn has_request(&self) -> bool {
        self.requests > 0
    }

    pub(super) fn has_response(&self) -> bool {
        self.responses > 0
    }

    /// The values of a request.
    pub(super) fn of_request(&self, head: &RequestHead<'_>) -> Arc<[String]> {
        let values = self.all.iter().filter_map(|label| match &label.value {
            OwnValue::Request(value) => Some(bounded(guarded(|| value(head)).flatten())),
            _ => None,
        });
        values.collect()
    }

    /// The values of a response.
    pub(super) fn of_response(&self, status: StatusCode, headers: &HeaderMap) -> Arc<[String]> {
        let values = self.all.iter().filter_map(|label| match &label.value {
            OwnValue::Response(value) => {
                Some(bounded(guarded(|| value(status, headers)).flatten()))
            }
            _ => None,
        });
        values.collect()
    }
}

/// Whether a label may have this name. One that may not is logged.
fn is_allowed(name: &str) -> bool {
    let allowed = is_label_name(name);
    if !allowed {
        let name = quoted(name);
        tracing::warn!("metrics: {name} is not a valid label name, and is left out");
    }
    allowed
}

fn bounded(value: Option<String>) -> String {
    match value {
        Some(text) if text.len() > MAX_VALUE => cut(&text, MAX_VALUE).to_owned(),
        Some(text) => text,
        None => super::destination::UNKNOWN.to_owned(),
    }
}
