//! Spans in Zipkin's JSON, with the fields in Zipkin's order.

use super::{Annotation, Endpoint, Span};
use serde::{Serialize, Serializer, ser::SerializeMap};

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        self.serialize_fields(&mut map)?;
        map.end()
    }
}

impl Span {
    /// Writes the fields, to which the caller may add.
    pub(crate) fn serialize_fields<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry("traceId", &self.trace_id)?;
        if let Some(parent) = &self.parent_id {
            map.serialize_entry("parentId", parent)?;
        }
        map.serialize_entry("id", &self.id)?;
        if let Some(kind) = self.kind {
            map.serialize_entry("kind", kind.as_str())?;
        }
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        if self.timestamp != 0 {
            map.serialize_entry("timestamp", &self.timestamp)?;
        }
        if self.duration != 0 {
            map.serialize_entry("duration", &self.duration)?;
        }
        if let Some(endpoint) = &self.local_endpoint {
            map.serialize_entry("localEndpoint", endpoint)?;
        }
        if let Some(endpoint) = &self.remote_endpoint {
            map.serialize_entry("remoteEndpoint", endpoint)?;
        }
        if !self.annotations.is_empty() {
            map.serialize_entry("annotations", &self.annotations)?;
        }
        if !self.tags.is_empty() {
            map.serialize_entry("tags", &Tags(&self.tags))?;
        }
        if self.debug {
            map.serialize_entry("debug", &true)?;
        }
        if self.shared {
            map.serialize_entry("shared", &true)?;
        }
        Ok(())
    }
}

struct Tags<'a>(&'a [(Box<str>, Box<str>)]);

impl Serialize for Tags<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl Serialize for Annotation {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("value", &self.value)?;
        map.end()
    }
}

impl Serialize for Endpoint {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if let Some(name) = &self.service_name {
            map.serialize_entry("serviceName", name)?;
        }
        if let Some(ip) = &self.ipv4 {
            map.serialize_entry("ipv4", ip)?;
        }
        if let Some(ip) = &self.ipv6 {
            map.serialize_entry("ipv6", ip)?;
        }
        if self.port != 0 {
            map.serialize_entry("port", &self.port)?;
        }
        map.end()
    }
}
