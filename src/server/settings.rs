//! `ServerSettings`: the settings of a server layer, shared by all services that it makes.
//!
//! [`layer`](super::layer) sets them. The steps of a request are methods on them, in the other files.

use crate::{
    head::RequestHead,
    tracer::Tracer,
    trust::{Predicate, Trust},
    user_code::guarded,
};
use std::{borrow::Cow, net::SocketAddr, sync::Arc};

pub(super) type NameFunction =
    Arc<dyn Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync>;
pub(super) type PeerAddressFunction =
    Arc<dyn Fn(&RequestHead<'_>) -> Option<SocketAddr> + Send + Sync>;

/// Each field is set by the method of [`ServerLayer`](super::ServerLayer) with its name.
#[derive(Clone)]
pub(super) struct ServerSettings {
    pub(super) tracer: Tracer,
    pub(super) trust: Trust,
    pub(super) preserve_external_request_id: bool,
    pub(super) tag_dropped_trace: bool,
    pub(super) echo_request_id: bool,
    pub(super) context_in_extensions: bool,
    pub(super) rewrite_request_headers: bool,
    pub(super) join: bool,
    pub(super) exclude: Vec<Predicate>,
    pub(super) name_with: Option<NameFunction>,
    pub(super) peer_address: Option<PeerAddressFunction>,
}

impl ServerSettings {
    pub(super) fn new(tracer: Tracer) -> ServerSettings {
        ServerSettings {
            trust: Trust::everyone(),
            preserve_external_request_id: false,
            tag_dropped_trace: false,
            echo_request_id: true,
            context_in_extensions: false,
            rewrite_request_headers: false,
            join: tracer.inner.join,
            exclude: Vec::new(),
            name_with: None,
            peer_address: None,
            tracer,
        }
    }

    /// The peer's address. A socket for both families shows an IPv4 peer as an IPv4-mapped address;
    /// it is converted back, so that networks and tags see IPv4.
    pub(super) fn peer(&self, head: &RequestHead<'_>) -> Option<SocketAddr> {
        let peer = match &self.peer_address {
            Some(peer_address) => guarded(|| peer_address(head)).flatten(),
            #[cfg(feature = "axum")]
            None => head
                .extensions()
                .get::<axum::extract::ConnectInfo<SocketAddr>>()
                .map(|info| info.0),
            #[cfg(not(feature = "axum"))]
            None => None,
        }?;
        Some(SocketAddr::new(peer.ip().to_canonical(), peer.port()))
    }

    /// Whether no spans are made for the request.
    pub(super) fn excludes(&self, head: &RequestHead<'_>) -> bool {
        let matches = |predicate: &Predicate| guarded(|| predicate(head)).unwrap_or(false);
        self.exclude.iter().any(matches)
    }
}
