//! A span in the JSON of Zipkin's API v2, read back into a [`SpanRecord`].

use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, net::IpAddr, time::Duration};
use tower_b3::{
    Sampling, TraceContext,
    id::{ParseIdError, SpanId},
    record::{Endpoint, Kind, SpanRecord},
};

/// A span as it was received, and the record that it describes.
pub(crate) struct ReceivedSpan {
    pub(crate) json: Value,
    pub(crate) record: SpanRecord,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan {
    trace_id: String,
    id: String,
    parent_id: Option<String>,
    kind: Option<ZipkinKind>,
    #[serde(default)]
    name: String,
    #[serde(default)]
    timestamp: u64,
    #[serde(default)]
    duration: u64,
    #[serde(default)]
    local_endpoint: ZipkinEndpoint,
    #[serde(default)]
    remote_endpoint: ZipkinEndpoint,
    #[serde(default)]
    annotations: Vec<ZipkinAnnotation>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    debug: bool,
    #[serde(default)]
    shared: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum ZipkinKind {
    Client,
    Server,
    Producer,
    Consumer,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinEndpoint {
    service_name: Option<String>,
    ipv4: Option<IpAddr>,
    ipv6: Option<IpAddr>,
    port: Option<u16>,
}

#[derive(Deserialize)]
struct ZipkinAnnotation {
    timestamp: u64,
    value: String,
}

impl ReceivedSpan {
    pub(crate) fn new(json: Value) -> Result<ReceivedSpan, String> {
        let span = ZipkinSpan::deserialize(&json).map_err(|error| error.to_string())?;
        let record = span.to_record().map_err(|error| error.to_string())?;
        Ok(ReceivedSpan { json, record })
    }
}

impl ZipkinSpan {
    fn to_record(&self) -> Result<SpanRecord, ParseIdError> {
        let parent: Option<SpanId> = self.parent_id.as_deref().map(str::parse).transpose()?;
        let sampling = match self.debug {
            true => Sampling::Debug,
            false => Sampling::Accept,
        };
        let context = TraceContext::new(self.trace_id.parse()?, self.id.parse()?, parent, sampling);
        let mut record = SpanRecord::builder(context)
            .name(&self.name)
            .timestamp(self.timestamp)
            .duration(Duration::from_micros(self.duration))
            .local_endpoint(self.local_endpoint.to_record())
            .remote_endpoint(self.remote_endpoint.to_record())
            .shared(self.shared);
        if let Some(kind) = &self.kind {
            record = record.kind(kind.to_record());
        }
        for (name, value) in &self.tags {
            record = record.tag(name, value);
        }
        for annotation in &self.annotations {
            record = record.annotation(annotation.timestamp, &annotation.value);
        }
        Ok(record.build())
    }
}

impl ZipkinEndpoint {
    fn to_record(&self) -> Endpoint {
        let name = self.service_name.clone().unwrap_or_default();
        let mut endpoint = Endpoint::service(name).with_port(self.port.unwrap_or(0));
        if let Some(ip) = self.ipv4.or(self.ipv6) {
            endpoint = endpoint.with_ip(ip);
        }
        endpoint
    }
}

impl ZipkinKind {
    fn to_record(&self) -> Kind {
        match self {
            ZipkinKind::Client => Kind::Client,
            ZipkinKind::Server => Kind::Server,
            ZipkinKind::Producer => Kind::Producer,
            ZipkinKind::Consumer => Kind::Consumer,
        }
    }
}
