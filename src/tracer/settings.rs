//! The settings that code and a configuration can both supply. Code always wins: what the builder's
//! methods have set stays, and a configuration fills in the rest when the tracer is built.

use crate::{
    direction::{Mode, PerDirection},
    id::TraceIdKind,
    propagation::Propagation,
    sample::Sampler,
    tags::Tag,
};

/// `None` is unset. Custom tags add up: of two with the same name the first counts.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    pub(crate) sampler: PerDirection<Option<Sampler>>,
    pub(crate) mode: PerDirection<Option<Mode>>,
    pub(crate) tags: PerDirection<Vec<Tag>>,
    /// Whether the identity's `istio.*` tags go on spans.
    pub(crate) istio_tags: PerDirection<Option<bool>>,
    pub(crate) propagation: Option<Propagation>,
    pub(crate) trace_ids: Option<TraceIdKind>,
    pub(crate) max_path_tag_length: Option<usize>,
    /// Whether SERVER spans share the id of their caller's CLIENT span, unless the layer decides.
    pub(crate) shared_spans: Option<bool>,
}

#[cfg(feature = "config")]
impl Settings {
    /// These settings, and the fallback's where these are unset.
    pub(super) fn or(self, fallback: Settings) -> Settings {
        Settings {
            sampler: either(self.sampler, fallback.sampler),
            mode: either(self.mode, fallback.mode),
            tags: PerDirection {
                server: [self.tags.server, fallback.tags.server].concat(),
                client: [self.tags.client, fallback.tags.client].concat(),
            },
            istio_tags: either(self.istio_tags, fallback.istio_tags),
            propagation: self.propagation.or(fallback.propagation),
            trace_ids: self.trace_ids.or(fallback.trace_ids),
            max_path_tag_length: self.max_path_tag_length.or(fallback.max_path_tag_length),
            shared_spans: self.shared_spans.or(fallback.shared_spans),
        }
    }
}

#[cfg(feature = "config")]
fn either<T>(
    code: PerDirection<Option<T>>,
    fallback: PerDirection<Option<T>>,
) -> PerDirection<Option<T>> {
    PerDirection {
        server: code.server.or(fallback.server),
        client: code.client.or(fallback.client),
    }
}
