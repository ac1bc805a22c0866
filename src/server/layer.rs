//! `ServerLayer` and its settings, as users see them. What a setting does is in the other files.

use super::{service::TracedServer, settings::ServerSettings};
use crate::{direction::Direction, head::RequestHead, tracer::Tracer, trust::Trust};
use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc};
use tower_layer::Layer;

impl Tracer {
    /// Returns the layer for services that answer requests.
    ///
    /// In axum, add it with `Router::layer`, after the routes. There it sees the matched path (with the
    /// feature `axum`), and spans are named `GET /items/{id}`. Around the whole router
    /// (`layer.layer(router)`) it does not see it. Layers that are added after it run outside of its
    /// span. For the peer's address, serve with `into_make_service_with_connect_info::<SocketAddr>()`.
    ///
    /// ```
    /// # use axum::{Router, routing::get};
    /// # let tracer = tower_b3::Tracer::builder("shop").build().unwrap();
    /// let app: Router = Router::new()
    ///     .route("/items/{id}", get(|| async { "an item" }))
    ///     .layer(tracer.server_layer().exclude_paths(["/healthz"]));
    /// ```
    ///
    /// The layer changes the type of the response's body, so it does not fit `option_layer` as it is. To
    /// switch tracing off, use [`Mode::ForwardOnly`](crate::Mode::ForwardOnly), or give both
    /// alternatives the same body:
    ///
    /// ```
    /// use axum::{Router, body::Body, http::Response, routing::get};
    /// use tower::{ServiceBuilder, util::option_layer};
    /// # let tracer = tower_b3::Tracer::builder("shop").build().unwrap();
    ///
    /// let tracing = ServiceBuilder::new()
    ///     .map_response(|response: Response<_>| response.map(Body::new))
    ///     .layer(tracer.server_layer());
    /// let app: Router = Router::new()
    ///     .route("/items/{id}", get(|| async { "an item" }))
    ///     .layer(option_layer(Some(tracing)));
    /// ```
    ///
    /// | setting | default |
    /// |---|---|
    /// | [`trust`](ServerLayer::trust) | everyone, as in a mesh |
    /// | [`echo_request_id`](ServerLayer::echo_request_id) | on |
    /// | [`preserve_external_request_id`](ServerLayer::preserve_external_request_id) | off |
    /// | [`tag_dropped_trace`](ServerLayer::tag_dropped_trace) | off |
    /// | [`exclude_paths`](ServerLayer::exclude_paths), [`exclude`](ServerLayer::exclude) | none |
    /// | [`name_with`](ServerLayer::name_with) | `{METHOD} {route}` |
    /// | [`peer_address`](ServerLayer::peer_address) | axum's `ConnectInfo`, with the feature `axum` |
    /// | [`join`](ServerLayer::join) | off |
    /// | [`rewrite_request_headers`](ServerLayer::rewrite_request_headers) | off |
    /// | [`context_in_extensions`](ServerLayer::context_in_extensions) | off |
    pub fn server_layer(&self) -> ServerLayer {
        ServerLayer {
            settings: Arc::new(ServerSettings::new(self.clone())),
        }
    }
}

/// Makes [`TracedServer`]s. From [`Tracer::server_layer`].
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct ServerLayer {
    settings: Arc<ServerSettings>,
}

impl ServerLayer {
    fn with(mut self, change: impl FnOnce(&mut ServerSettings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Sets whose tracing headers are believed. Default: everyone's. Inside of another server layer,
    /// [that layer decides](crate::guide::headers#two-server-layers-around-one-handler).
    pub fn trust(self, trust: impl Into<Trust>) -> Self {
        let trust = trust.into();
        self.with(|settings| settings.trust = trust)
    }

    /// Keeps the `x-request-id` of peers that are not trusted, but not the sampling decision in it.
    /// Default: off, as in Envoy (`preserve_external_request_id`).
    ///
    /// While [sampling uses the request id](crate::sample::Sampler::percentage_by_request_id), a peer
    /// that may choose the id can choose whether its request is sampled.
    pub fn preserve_external_request_id(self, preserve: bool) -> Self {
        self.with(|settings| settings.preserve_external_request_id = preserve)
    }

    /// Tags the span of a peer that is not trusted with `link.trace_id`: the id of the trace that the
    /// request claimed to belong to and that was dropped, to look it up by. The tag is missing if no id
    /// could be read. Default: off.
    ///
    /// ```
    /// use tower_b3::{Tracer, Trust};
    ///
    /// let tracer = Tracer::builder("gateway").build()?;
    /// let layer = tracer
    ///     .server_layer()
    ///     .trust(Trust::nobody())
    ///     .tag_dropped_trace(true);
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn tag_dropped_trace(self, tag: bool) -> Self {
        self.with(|settings| settings.tag_dropped_trace = tag)
    }

    /// Adds `x-request-id` to the response, unless the handler set one. Default: on, unlike Envoy
    /// (`always_set_request_id_in_response`).
    pub fn echo_request_id(self, echo: bool) -> Self {
        self.with(|settings| settings.echo_request_id = echo)
    }

    /// Makes no spans for requests with exactly these paths: health checks. Calls made for them carry
    /// the incoming context unchanged, or new ids that are not sampled.
    pub fn exclude_paths(self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        self.exclude(move |head| paths.iter().any(|path| path == head.path()))
    }

    /// Makes no spans for requests for which `predicate` returns `true`.
    pub fn exclude(
        self,
        predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.exclude.push(Arc::new(predicate)))
    }

    /// Gives the SERVER span its caller's span id (`shared` in Zipkin) instead of a new one, if the
    /// caller's ids came in B3. Default: off, as in Istio.
    pub fn join(self, join: bool) -> Self {
        self.with(|settings| settings.join = join)
    }

    /// Rewrites the request's own trace headers to the SERVER span's context, as a sidecar does, for
    /// handlers that copy headers by hand. Default: off, the headers stay as they came.
    pub fn rewrite_request_headers(self, rewrite: bool) -> Self {
        self.with(|settings| settings.rewrite_request_headers = rewrite)
    }

    /// Inserts a [`RequestContext`](crate::RequestContext) into the request's extensions, for handlers behind
    /// something that moves the request to another task. It costs a few allocations per request.
    /// Default: off.
    pub fn context_in_extensions(self, insert: bool) -> Self {
        self.with(|settings| settings.context_in_extensions = insert)
    }

    /// Names SERVER spans. If the function returns `None`, the span has its default name.
    pub fn name_with<N>(
        self,
        name: impl Fn(&RequestHead<'_>) -> Option<N> + Send + Sync + 'static,
    ) -> Self
    where
        N: Into<Cow<'static, str>>,
    {
        let name = move |head: &RequestHead<'_>| name(head).map(Into::into);
        self.with(|settings| settings.name_with = Some(Arc::new(name)))
    }

    /// Sets how to find the peer's address, for the tag `peer.address`, the remote endpoint, and
    /// [`Trust`] by address. With the feature `axum`, the default is axum's `ConnectInfo<SocketAddr>`.
    /// An IPv4-mapped IPv6 address is treated as IPv4.
    ///
    /// tonic's server puts a `TcpConnectInfo` into the request's extensions, with TLS too:
    ///
    /// ```
    /// use tonic::transport::server::TcpConnectInfo;
    /// # let tracer = tower_b3::Tracer::builder("shop").build().unwrap();
    ///
    /// let layer = tracer
    ///     .server_layer()
    ///     .peer_address(|head| head.extensions().get::<TcpConnectInfo>()?.remote_addr());
    /// ```
    pub fn peer_address(
        self,
        peer: impl Fn(&RequestHead<'_>) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.with(|settings| settings.peer_address = Some(Arc::new(peer)))
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = TracedServer<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TracedServer {
            inner,
            settings: Arc::clone(&self.settings),
            dynamic: self
                .settings
                .tracer
                .inner
                .cached_dynamic_settings(Direction::Server),
        }
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer")
            .field("trust", &self.settings.trust)
            .finish_non_exhaustive()
    }
}
