//! `ClientSettings`: the settings of a client layer. [`layer`](super::layer) sets them.

use crate::{head::RequestHead, hosts::Hosts, tracer::Tracer};
use std::{borrow::Cow, sync::Arc};

pub(super) type NameFunction =
    Arc<dyn Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync>;

/// The settings of a client layer, shared by all services that it makes. Each field is set by the
/// method of [`ClientLayer`](super::ClientLayer) with its name. The steps of a request are methods on
/// them, in the other files.
#[derive(Clone)]
pub(super) struct ClientSettings {
    pub(super) tracer: Tracer,
    pub(super) remote_service: Option<Cow<'static, str>>,
    pub(super) propagate_only_to: Option<Hosts>,
    pub(super) name_with: Option<NameFunction>,
}

impl ClientSettings {
    /// Whether the request may carry trace headers.
    pub(super) fn propagates_to(&self, head: &RequestHead<'_>) -> bool {
        let hosts = self.propagate_only_to.as_ref();
        hosts.is_none_or(|hosts| hosts.contains(head))
    }
}
