//! `DynamicSettings`: the settings of one direction that may change while the service runs, with what
//! is derived from them. Layers read them with each request; [`change`](super::change) replaces them.

use super::TracerInner;
#[cfg(feature = "metrics")]
use crate::observe::OBSERVED_HEADERS;
use crate::{
    direction::{Direction, Mode},
    propagation::{HeaderTable, Propagation, carries_context},
    sample::Sampler,
    tags::{CustomTags, READ_HEADERS, TagConvention, TagSources},
};
use arc_swap::{ArcSwap, Cache, Guard};
use std::{ops::Deref, sync::Arc};

#[derive(Clone)]
pub(crate) struct DynamicSettings {
    pub(crate) sampler: Sampler,
    pub(crate) tags: CustomTags,
    /// Whether a custom tag has the name of a standard tag.
    pub(crate) tags_repeat_standard_names: bool,
    /// Whether a custom tag shows a header that a client layer writes a context to.
    pub(crate) tags_read_context: bool,
    /// What the server layer keeps of each request, for the custom tags of CLIENT spans below it.
    pub(crate) client_tag_sources: TagSources,
    /// Finds the headers that are propagated and those that tags show, in one pass.
    pub(crate) header_table: HeaderTable,
}

impl DynamicSettings {
    pub(super) fn new(
        sampler: Sampler,
        tags: CustomTags,
        client_tag_sources: TagSources,
        tag_convention: &TagConvention,
        max_tag_length: usize,
        propagation: &Propagation,
    ) -> DynamicSettings {
        let mut headers = READ_HEADERS.to_vec();
        #[cfg(feature = "metrics")]
        headers.extend(OBSERVED_HEADERS);
        for name in tags.headers().chain(client_tag_sources.headers()) {
            if !headers.contains(name) {
                headers.push(name.clone());
            }
        }
        let header_table = propagation.table_with(&headers);
        let tags_read_context = tags.headers().any(carries_context);
        DynamicSettings {
            tags_read_context,
            tags_repeat_standard_names: tags.any_named(&tag_convention.tags),
            tags: tags.ready(&header_table, max_tag_length),
            client_tag_sources: client_tag_sources.with_table(&header_table),
            sampler,
            header_table,
        }
    }
}

/// What the server layer keeps of each request, if CLIENT spans have these tags.
pub(super) fn client_tag_sources(client_mode: Mode, client_tags: &CustomTags) -> TagSources {
    match client_mode {
        Mode::ForwardOnly => TagSources::default(),
        Mode::Spans | Mode::RecordOnly => client_tags.sources(),
    }
}

/// Dynamic settings for a service that reads them with each request: it keeps its own pointer, and
/// only checks whether the settings have changed. Loading them from the `ArcSwap` costs more.
pub(crate) type DynamicSettingsCache = Cache<DynamicSettingsOf, Arc<DynamicSettings>>;

/// Where the dynamic settings of a direction are.
#[derive(Clone)]
pub(crate) struct DynamicSettingsOf {
    tracer: Arc<TracerInner>,
    direction: Direction,
}

impl Deref for DynamicSettingsOf {
    type Target = ArcSwap<DynamicSettings>;

    fn deref(&self) -> &ArcSwap<DynamicSettings> {
        self.tracer.dynamic.of(self.direction)
    }
}

impl TracerInner {
    /// The present settings of a direction.
    pub(crate) fn dynamic_settings(&self, direction: Direction) -> Guard<Arc<DynamicSettings>> {
        self.dynamic.of(direction).load()
    }

    /// The settings of a direction, for a service that reads them with each request.
    pub(crate) fn cached_dynamic_settings(
        self: &Arc<Self>,
        direction: Direction,
    ) -> DynamicSettingsCache {
        Cache::new(DynamicSettingsOf {
            tracer: Arc::clone(self),
            direction,
        })
    }

    /// Changes the settings of a direction. `None` keeps what is set.
    pub(super) fn change(
        &self,
        direction: Direction,
        sampler: Option<&Sampler>,
        tags: Option<&CustomTags>,
    ) {
        self.dynamic.of(direction).rcu(|old| {
            let client_tag_sources = match direction {
                Direction::Server => {
                    let client = self.dynamic_settings(Direction::Client);
                    client_tag_sources(self.mode.client, &client.tags)
                }
                Direction::Client => TagSources::default(),
            };
            DynamicSettings::new(
                sampler.unwrap_or(&old.sampler).clone(),
                tags.unwrap_or(&old.tags).clone(),
                client_tag_sources,
                self.tag_convention,
                self.max_tag_length(),
                &self.propagation,
            )
        });
        if direction == Direction::Client && tags.is_some() {
            // The server layer keeps what the new tags are made of.
            self.change(Direction::Server, None, None);
        }
    }
}
