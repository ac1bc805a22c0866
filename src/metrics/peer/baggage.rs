//! Peer metadata in the header `baggage`, as Istio's proxies read it.
//!
//! The header belongs to the application, so most of its members are not about a workload. Those are
//! neither decoded nor part of the key by which a peer is found: they may differ with every request.

use super::{
    cache::Peers,
    codec::{MAX_BYTES, bounded},
    exchange::PeerNumber,
    metadata::{PeerMetadata, PeerMetadataError},
};
use crate::metrics::destination::MAX_NAME;
use http::{HeaderMap, HeaderName};
use std::cell::RefCell;

const BAGGAGE: HeaderName = HeaderName::from_static("baggage");

/// The first byte of keys of baggage in the cache. No value of a header has a line break, so these keys
/// differ from values of `x-envoy-peer-metadata`.
const MARK: u8 = b'\n';

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// The workload, of this kind.
    Workload(&'static str),
    CanonicalService,
    CanonicalRevision,
    App,
    Version,
    Namespace,
    Cluster,
    Pod,
    Region,
    Zone,
}

impl Field {
    fn of(key: &[u8]) -> Option<Field> {
        Some(match key {
            b"k8s.deployment.name" => Field::Workload("deployment"),
            b"k8s.pod.name" => Field::Workload("pod"),
            b"k8s.job.name" => Field::Workload("job"),
            b"k8s.cronjob.name" => Field::Workload("cronjob"),
            b"service.name" => Field::CanonicalService,
            b"service.version" => Field::CanonicalRevision,
            b"app.name" => Field::App,
            b"app.version" => Field::Version,
            b"k8s.namespace.name" => Field::Namespace,
            b"k8s.cluster.name" => Field::Cluster,
            b"k8s.instance.name" => Field::Pod,
            b"cloud.region" => Field::Region,
            b"cloud.availability_zone" => Field::Zone,
            _ => return None,
        })
    }
}

/// The members about a workload: field, key and value.
fn members(value: &[u8]) -> impl Iterator<Item = (Field, &[u8], &[u8])> {
    value.split(|byte| *byte == b',').filter_map(|member| {
        let mut parts = member.split(|byte| *byte == b'=');
        let key = parts.next()?;
        Some((Field::of(key)?, key, parts.next().unwrap_or_default()))
    })
}

impl PeerMetadata {
    /// Reads the value of a header `baggage`, as Istio's proxies do inside of HBONE: `service.name`,
    /// `service.version`, `app.name`, `app.version`, `k8s.deployment.name` (`pod`, `job`, `cronjob`),
    /// `k8s.namespace.name`, `k8s.cluster.name`, `k8s.instance.name`, `cloud.region` and
    /// `cloud.availability_zone`. Other members are ignored. The last of two members with the same key
    /// applies.
    ///
    /// The value is split at commas and equals signs, as in Istio: white space is not trimmed, escapes
    /// are not decoded, and properties belong to the value up to the next equals sign. The service and its
    /// version default to the app and its version, and the other way round. Values longer than 253 bytes,
    /// with control characters, or not in UTF-8 are left empty.
    ///
    /// # Errors
    ///
    /// The value has more than 8 KiB.
    ///
    /// ```
    /// use tower_b3::metrics::PeerMetadata;
    ///
    /// let peer = PeerMetadata::from_baggage(b"user=alice,k8s.namespace.name=shop,service.name=webapp")?;
    /// assert_eq!((&*peer.namespace, &*peer.canonical_service, &*peer.app), ("shop", "webapp", "webapp"));
    /// # Ok::<(), tower_b3::metrics::PeerMetadataError>(())
    /// ```
    pub fn from_baggage(value: &[u8]) -> Result<PeerMetadata, PeerMetadataError> {
        if value.len() > MAX_BYTES {
            return Err(PeerMetadataError::BaggageTooLong);
        }
        let mut peer = PeerMetadata::default();
        let mut kind = None;
        for (field, _, value) in members(value) {
            let text = std::str::from_utf8(value).unwrap_or_default();
            *peer.field(field) = bounded(text.to_owned(), MAX_NAME);
            if let Field::Workload(of) = field {
                kind = Some(of);
            }
        }
        fill_empty(&mut peer.canonical_service, &mut peer.app);
        fill_empty(&mut peer.canonical_revision, &mut peer.version);
        if let Some(kind) = kind {
            peer.set_owner(kind);
        }
        Ok(peer)
    }

    fn field(&mut self, field: Field) -> &mut String {
        match field {
            Field::Workload(_) => &mut self.workload,
            Field::CanonicalService => &mut self.canonical_service,
            Field::CanonicalRevision => &mut self.canonical_revision,
            Field::App => &mut self.app,
            Field::Version => &mut self.version,
            Field::Namespace => &mut self.namespace,
            Field::Cluster => &mut self.cluster,
            Field::Pod => &mut self.name,
            Field::Region => &mut self.region,
            Field::Zone => &mut self.availability_zone,
        }
    }
}

/// Copies the other text to the one that is empty.
fn fill_empty(one: &mut String, other: &mut String) {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => one.clone_from(other),
        (false, true) => other.clone_from(one),
        (false, false) => {}
    }
}

impl Peers {
    /// The peer by the baggage of a request: by the first value of the header. `None` if it has no members
    /// about a workload.
    pub(super) fn of_baggage(&self, headers: &HeaderMap) -> Option<PeerNumber> {
        thread_local! {
            static KEY: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
        }
        let value = headers.get(BAGGAGE)?.as_bytes();
        if value.len() > MAX_BYTES {
            self.count_refused();
            return None;
        }
        let number = KEY.try_with(|buffer| {
            let mut key = buffer.borrow_mut();
            key.clear();
            for (_, name, text) in members(value) {
                key.push(MARK);
                key.extend_from_slice(name);
                key.push(b'=');
                key.extend_from_slice(text);
            }
            match key.is_empty() {
                true => None,
                false => self.find_or_add(&key, || PeerMetadata::from_baggage(value)),
            }
        });
        number.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn members_of_the_application_are_not_cached() {
        let peers = Peers::new(10, true);
        peers.keep_metadata();
        let number = |value: String| {
            let mut headers = HeaderMap::new();
            headers.insert(BAGGAGE, HeaderValue::try_from(value).unwrap());
            peers.of_request(&headers, false).0
        };
        let webapp = number("k8s.deployment.name=webapp".to_owned());
        for session in 0..2_000 {
            assert_eq!(number(format!("session={session}")), PeerNumber::UNKNOWN);
            let baggage = format!("session={session},k8s.deployment.name=webapp,user={session}");
            assert_eq!(number(baggage), webapp);
        }
        assert_eq!(peers.metadata(webapp).unwrap().workload, "webapp");
        // The second peer that is read, and not the thousandth.
        let catalog = number("k8s.deployment.name=catalog".to_owned());
        assert_eq!(catalog.metadata, webapp.metadata + 1);
    }
}
