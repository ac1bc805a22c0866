//! Peer metadata as the value of a header, as Istio's proxies write and read it.

use super::{
    metadata::{PeerMetadata, PeerMetadataError},
    wire::{self, Value},
};
use crate::metrics::{
    destination::{MAX_NAME, UNKNOWN},
    workload::{APP, CANONICAL_NAME, CANONICAL_REVISION, VERSION, Workload},
};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use std::collections::BTreeMap;

/// A longer header is refused. Istio's have 350 to 1,100 bytes.
pub(super) const MAX_BYTES: usize = 8 * 1024;
/// The longest text that is not a label value.
const MAX_TEXT: usize = 1024;

/// Padding is optional, as in Istio's reader.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl PeerMetadata {
    /// Reads the value of a header `x-envoy-peer-metadata`, from any version of Istio.
    ///
    /// Fields of another type than expected, longer than 253 bytes or with control characters are left
    /// empty. Text that is not base64 is an empty peer, and no error, as in Istio.
    ///
    /// # Errors
    ///
    /// The value is too long, or is base64 but not of valid metadata.
    ///
    /// ```
    /// use tower_b3::metrics::PeerMetadata;
    ///
    /// let peer = PeerMetadata::decode(b"CgwKBkxBQkVMUxICKgAKFAoNV09SS0xPQURfTkFNRRIDGgF3")?;
    /// assert_eq!(peer.workload, "w");
    /// # Ok::<(), tower_b3::metrics::PeerMetadataError>(())
    /// ```
    pub fn decode(value: &[u8]) -> Result<PeerMetadata, PeerMetadataError> {
        if value.len() > MAX_BYTES {
            return Err(PeerMetadataError::TooLong);
        }
        let Ok(bytes) = BASE64.decode(value) else {
            return Ok(PeerMetadata::default());
        };
        let fields = wire::read_struct(&bytes).map_err(|_| PeerMetadataError::Malformed)?;
        let mut peer = PeerMetadata::default();
        for (key, value) in fields {
            match value {
                Value::Struct(labels) if key == "LABELS" => peer.set_labels(labels),
                Value::Text(text) if key != "LABELS" => peer.set(key, text),
                _ => {}
            }
        }
        Ok(peer)
    }

    fn set(&mut self, key: String, text: String) {
        let field = match key.as_str() {
            "NAME" => &mut self.name,
            "NAMESPACE" => &mut self.namespace,
            "WORKLOAD_NAME" => &mut self.workload,
            "CLUSTER_ID" => &mut self.cluster,
            "OWNER" => return self.owner = bounded(text, MAX_TEXT),
            "IDENTITY" => return self.identity = bounded(text, MAX_TEXT),
            "REGION" => &mut self.region,
            "AVAILABILITY_ZONE" => &mut self.availability_zone,
            "MESH_ID" => &mut self.mesh,
            "ISTIO_VERSION" => &mut self.istio_version,
            _ => {
                let text = bounded(text, MAX_TEXT);
                if !text.is_empty() {
                    self.others.insert(key, text);
                }
                return;
            }
        };
        *field = bounded(text, MAX_NAME);
    }

    fn set_labels(&mut self, labels: BTreeMap<String, Value>) {
        for (name, value) in labels {
            let Value::Text(text) = value else {
                continue;
            };
            let text = bounded(text, MAX_NAME);
            match name.as_str() {
                CANONICAL_NAME => self.canonical_service = text,
                CANONICAL_REVISION => self.canonical_revision = text,
                "app" => self.app = text,
                "version" => self.version = text,
                _ if text.is_empty() => {}
                _ => {
                    self.labels.insert(name, text);
                }
            }
        }
        // As Istio's reader does from 1.29 on.
        for (qualified, field) in [(APP, &mut self.app), (VERSION, &mut self.version)] {
            if let Some(text) = self.labels.get(qualified) {
                field.clone_from(text);
            }
        }
    }

    /// Writes the value of a header `x-envoy-peer-metadata`, as Istio 1.29 does, and with `MESH_ID` and
    /// `ISTIO_VERSION` if they are known.
    pub fn encode(&self) -> String {
        let label = |name: &str, value: &String| (name.to_owned(), value.clone());
        let well_known = [
            label(CANONICAL_NAME, &self.canonical_service),
            label(CANONICAL_REVISION, &self.canonical_revision),
            label("app", &self.app),
            label("version", &self.version),
        ];
        let others = self.labels.clone();
        let labels = others.into_iter().chain(well_known);
        let texts = [
            ("NAME", &self.name),
            ("NAMESPACE", &self.namespace),
            ("WORKLOAD_NAME", &self.workload),
            ("CLUSTER_ID", &self.cluster),
            ("OWNER", &self.owner),
            ("IDENTITY", &self.identity),
            ("REGION", &self.region),
            ("AVAILABILITY_ZONE", &self.availability_zone),
            ("MESH_ID", &self.mesh),
            ("ISTIO_VERSION", &self.istio_version),
        ];
        let texts = texts.map(|(key, text)| label(key, text));
        let mut fields = texts_of(self.others.clone().into_iter().chain(texts));
        // Always there, even if it is empty.
        fields.insert("LABELS".to_owned(), Value::Struct(texts_of(labels)));
        let mut bytes = Vec::new();
        wire::write_struct(&mut bytes, &fields);
        BASE64.encode(bytes)
    }
}

impl Workload {
    /// The metadata that is sent to peers.
    pub(in crate::metrics) fn metadata(&self) -> PeerMetadata {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
        // Both reports of a request must agree, so peers get the values of the own labels.
        let known = |text: &str| {
            if text == UNKNOWN {
                String::new()
            } else {
                text.to_owned()
            }
        };
        let shared = self.shared_labels.iter();
        let mut peer = PeerMetadata {
            name: text(&self.pod),
            namespace: known(self.namespace_name()),
            workload: known(self.workload_name()),
            cluster: self.cluster_name().to_owned(),
            canonical_service: known(self.canonical_name()),
            canonical_revision: self.revision().to_owned(),
            // As Istio writes them from 1.29 on.
            app: owned(self.first_label(&[APP, "app"])),
            version: owned(self.first_label(&[VERSION, "version"])),
            owner: text(&self.owner),
            identity: text(&self.identity),
            region: text(&self.region),
            availability_zone: text(&self.zone),
            mesh: text(&self.mesh),
            istio_version: text(&self.istio_version),
            others: BTreeMap::new(),
            labels: shared
                .filter_map(|name| Some((name.clone(), self.labels.get(name)?.clone())))
                .collect(),
        };
        // Peers read only the kind of it.
        match peer.workload_type() {
            Some(kind) => peer.set_owner(kind),
            None => peer.owner.clear(),
        }
        peer
    }
}

fn texts_of(texts: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Value> {
    texts
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| (name, Value::Text(text)))
        .collect()
}

/// The text, or an empty one if it is too long or has control characters.
pub(super) fn bounded(text: String, max_bytes: usize) -> String {
    match text.len() <= max_bytes && !text.contains(char::is_control) {
        true => text,
        false => String::new(),
    }
}
