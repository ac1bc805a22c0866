//! The server layer: extracts, decides, starts the SERVER span and keeps it current.

use crate::{
    context::{Sampling, TraceContext},
    direction::{Direction, Mode},
    exchange::{Exchange, ResponseBody, ResponseFuture},
    head::RequestHead,
    id::{RequestId, TraceId},
    propagation::{
        Format, Forwarded, HeaderValues, Incoming, Propagation, REQUEST_ID, TracingHeader,
        insert_if_room,
    },
    record::{Kind, StandardTag},
    scope,
    span::{Context, Grpc, OpenSpan, Outgoing, Serving},
    tag::{self, RequestTagSettings},
    tracer::{Live, LiveCache, Tracer},
    trust::{Predicate, Trust},
    user_code::guarded,
};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use std::{borrow::Cow, fmt, net::SocketAddr, sync::Arc, task::Poll};
use tower_layer::Layer;
use tower_service::Service;

impl Tracer {
    /// The layer for services that answer requests.
    ///
    /// In axum, add it with `Router::layer`, behind the routes: there it sees the matched path (with
    /// the feature `axum`), and spans are called `GET /items/{id}`. Around the whole router
    /// (`layer.layer(router)`) it does not. Layers that are added after it are outside its span. For
    /// the peer's address, serve with `into_make_service_with_connect_info::<SocketAddr>()`.
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
    /// switch tracing off, use [`Mode::ForwardOnly`], or give both alternatives one body:
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
    /// | [`trust`](ServerLayer::trust) | everybody, as in a mesh |
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
            config: Arc::new(Config {
                tracer: self.clone(),
                trust: Trust::everyone(),
                preserve_request_id: false,
                tag_dropped: false,
                echo: true,
                extensions: false,
                rewrite: false,
                join: self.core.join,
                excluded: Vec::new(),
                name: None,
                peer: None,
            }),
        }
    }
}

type NameOf = Arc<dyn Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync>;
type PeerOf = Arc<dyn Fn(&RequestHead<'_>) -> Option<SocketAddr> + Send + Sync>;

/// Makes [`Server`]s. From [`Tracer::server_layer`].
#[derive(Clone)]
pub struct ServerLayer {
    config: Arc<Config>,
}

#[derive(Clone)]
struct Config {
    tracer: Tracer,
    trust: Trust,
    preserve_request_id: bool,
    tag_dropped: bool,
    echo: bool,
    extensions: bool,
    rewrite: bool,
    join: bool,
    excluded: Vec<Predicate>,
    name: Option<NameOf>,
    peer: Option<PeerOf>,
}

impl ServerLayer {
    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// Whose tracing headers are believed. Default: everybody's. Within another server layer [that
    /// one decides](crate::guide::headers#two-server-layers-around-one-handler).
    #[must_use]
    pub fn trust(self, trust: impl Into<Trust>) -> Self {
        let trust = trust.into();
        self.with(|config| config.trust = trust)
    }

    /// Keeps the `x-request-id` even of peers that are not trusted, but not the sampling decision
    /// in it. Default: off, as in Envoy (`preserve_external_request_id`).
    ///
    /// While [sampling goes by request id](crate::sample::Sampler::percentage_by_request_id), a
    /// stranger who may choose the id chooses whether the request is sampled.
    #[must_use]
    pub fn preserve_external_request_id(self, preserve: bool) -> Self {
        self.with(|config| config.preserve_request_id = preserve)
    }

    /// Whether the span of a peer that is not trusted has the tag `link.trace_id`: the id of the
    /// trace that the request said it belongs to, and which was dropped, to look it up by. There is
    /// none where no id could be read. Default: off.
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
    #[must_use]
    pub fn tag_dropped_trace(self, tag: bool) -> Self {
        self.with(|config| config.tag_dropped = tag)
    }

    /// Whether the response carries `x-request-id`. One that the handler set is kept. Default:
    /// on, unlike Envoy (`always_set_request_id_in_response`).
    #[must_use]
    pub fn echo_request_id(self, echo: bool) -> Self {
        self.with(|config| config.echo = echo)
    }

    /// Makes no spans for requests of exactly these paths: health checks. Calls made for them
    /// carry the incoming context unchanged, or new ids that are not sampled.
    #[must_use]
    pub fn exclude_paths(self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let paths: Vec<String> = paths.into_iter().map(Into::into).collect();
        self.exclude(move |head| paths.iter().any(|path| path == head.path()))
    }

    /// Makes no spans for requests of which `predicate` says `true`.
    #[must_use]
    pub fn exclude(
        self,
        predicate: impl Fn(&RequestHead<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.excluded.push(Arc::new(predicate)))
    }

    /// Whether the SERVER span takes its caller's span id (`shared` in Zipkin) instead of a new
    /// one, where its ids came in B3. Default: off, as in Istio.
    #[must_use]
    pub fn join(self, join: bool) -> Self {
        self.with(|config| config.join = join)
    }

    /// Whether the request's own trace headers are rewritten to the SERVER span's context, as a
    /// sidecar does it, for handlers that copy headers by hand. Default: off, they stay as they
    /// came.
    #[must_use]
    pub fn rewrite_request_headers(self, rewrite: bool) -> Self {
        self.with(|config| config.rewrite = rewrite)
    }

    /// Whether the request's extensions hold a [`Context`]: for handlers behind something that
    /// moves the request to another task. It costs a few allocations a request. Default: off.
    #[must_use]
    pub fn context_in_extensions(self, insert: bool) -> Self {
        self.with(|config| config.extensions = insert)
    }

    /// Names SERVER spans; `None` leaves the name as it would be.
    #[must_use]
    pub fn name_with<N>(
        self,
        name: impl Fn(&RequestHead<'_>) -> Option<N> + Send + Sync + 'static,
    ) -> Self
    where
        N: Into<Cow<'static, str>>,
    {
        self.with(|config| config.name = Some(Arc::new(move |head| name(head).map(Into::into))))
    }

    /// Tells the address of the peer, for the tag `peer.address`, the remote endpoint, and
    /// [`Trust`] by address. With the feature `axum`, axum's `ConnectInfo<SocketAddr>` is used where
    /// this is not set. An IPv4-mapped IPv6 address counts as the IPv4 one.
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
    #[must_use]
    pub fn peer_address(
        self,
        peer: impl Fn(&RequestHead<'_>) -> Option<SocketAddr> + Send + Sync + 'static,
    ) -> Self {
        self.with(|config| config.peer = Some(Arc::new(peer)))
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = Server<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Server {
            inner,
            config: Arc::clone(&self.config),
            live: self.config.tracer.core.live_cache(Direction::Server),
        }
    }
}

impl fmt::Debug for ServerLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerLayer")
            .field("trust", &self.config.trust)
            .finish_non_exhaustive()
    }
}

/// A service with a SERVER span around each request. From [`Tracer::server_layer`].
#[derive(Clone)]
pub struct Server<S> {
    inner: S,
    config: Arc<Config>,
    live: LiveCache,
}

impl<S, B, R> Service<Request<B>> for Server<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Debug,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut std::task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut exchange = self.config.begin(self.live.load(), &mut request);
        let inner = {
            let _entered = scope::enter(&mut exchange.open);
            self.inner.call(request)
        };
        ResponseFuture::new(inner, exchange)
    }
}

/// What is settled about a request before its headers are read.
struct Received {
    trusted: bool,
    /// The trace that a peer which is not trusted said the request belongs to.
    dropped: Option<TraceId>,
    /// The SERVER context of a layer around this one.
    outer: Option<TraceContext>,
    /// No spans are made for the request.
    excluded: bool,
}

/// A request whose span is recorded, with the request id that its handler will see.
struct Inbound<'a> {
    head: RequestHead<'a>,
    seen: &'a HeaderValues<'a>,
    incoming: &'a Incoming,
    received: &'a Received,
}

impl Config {
    fn begin<B>(&self, live: &Live, request: &mut Request<B>) -> Exchange {
        let mut open = scope::blank();
        let received = self.receive(request, &mut open);
        open.serving = Some(Serving {
            trusted: received.trusted,
        });
        let mode = self.tracer.core.mode;
        // Calls made for what is excluded have no spans either.
        let forwards = mode.client == Mode::ForwardOnly || !received.excluded;
        let forwards = mode.server == Mode::ForwardOnly && forwards;
        if forwards && received.outer.is_some() {
            // The outer layer's span stays current, and calls go by that.
            open.finish();
            if self.extensions {
                let outer = Context::current().unwrap_or_default();
                request.extensions_mut().insert(outer);
            }
            return Exchange::untraced();
        }
        if forwards {
            self.capture(request.headers(), received.trusted, &mut open);
            self.gather_for_calls(live, request, &mut open);
        } else {
            self.start(live, request, &received, &mut open);
        }
        if self.extensions {
            request.extensions_mut().insert(Context::of(&open));
        }
        Exchange::new(open)
    }

    /// Reads the headers, decides, and starts the span, if there is to be one.
    fn start<B>(
        &self,
        live: &Live,
        request: &mut Request<B>,
        received: &Received,
        open: &mut OpenSpan,
    ) {
        let core = &*self.tracer.core;
        let forwarded = &mut open.inherited.forwarded.headers;
        let forwarded = received.outer.is_none().then_some(forwarded);
        let mut seen = HeaderValues::default();
        live.table
            .read_into(request.headers(), forwarded, &mut seen);
        let incoming = self.decide(live, &seen, request, received, open);
        if !received.excluded {
            core.start(open, received.outer.is_none());
        }
        let id = open.inherited.forwarded.request_id();
        let id = id.filter(|id| seen.tracing(TracingHeader::RequestId) != Some(id.as_header()));
        let new_id = id.map(RequestId::to_header);
        if new_id.is_some() {
            seen.set(TracingHeader::RequestId, new_id.as_ref());
        }
        open.exchange.echo = self.echo;
        if open.is_recorded() {
            open.exchange.method = request.method().clone();
            let inbound = Inbound {
                head: RequestHead::of(request),
                seen: &seen,
                incoming: &incoming,
                received,
            };
            open.exchange.grpc = self.tag(live, &inbound, open);
        }
        if let Some(id) = new_id {
            insert_if_room(request.headers_mut(), REQUEST_ID, id);
        }
        if open.is_recorded() {
            self.name(&RequestHead::of(request), open);
        }
        #[cfg(feature = "log-ids")]
        if let Some(context) = open.context() {
            open.set_log(&context);
        }
        if core.mode.server == Mode::RecordOnly && !received.excluded {
            // With the request id, which is there by now.
            self.capture(request.headers(), received.trusted, open);
            if !open.is_recorded() {
                // Calls are decided on by themselves.
                self.gather_for_calls(live, request, open);
            }
        } else if let (true, Some(context)) = (self.rewrite, open.context()) {
            // What is forwarded is on that request already.
            let forwarded = &open.inherited.forwarded;
            core.propagation
                .inject(&context, forwarded, request.headers_mut());
        }
    }

    /// Settles whom to believe, and removes what a stranger says about tracing.
    fn receive<B>(&self, request: &mut Request<B>, open: &mut OpenSpan) -> Received {
        let serving = scope::with(|outer| outer.serving).flatten();
        let trusted = match (serving, &self.trust) {
            // A layer around this one has judged, and removed what a stranger said.
            (Some(serving), _) => serving.trusted,
            (None, trust) => {
                trust.trusts_everyone() || {
                    let head = RequestHead::of(request);
                    trust.trusts(&head, || Some(self.peer(&head)?.ip()))
                }
            }
        };
        let mut dropped = None;
        if !trusted && serving.is_none() {
            dropped = self.dropped_trace(request.headers());
            self.disbelieve(request.headers_mut());
        }
        let excludes = |excluded: &Predicate| {
            let head = RequestHead::of(request);
            guarded(|| excluded(&head)).unwrap_or(false)
        };
        let excluded = self.excluded.iter().any(excludes);
        Received {
            trusted,
            dropped,
            outer: serving.and_then(|_| continue_outer(&self.tracer.core.propagation, open)),
            excluded,
        }
    }

    /// The trace that a stranger's headers name, where that is asked for.
    fn dropped_trace(&self, headers: &HeaderMap) -> Option<TraceId> {
        if !self.tag_dropped {
            return None;
        }
        let (incoming, _) = self.tracer.core.propagation.extract(headers);
        incoming.context().map(|context| context.trace_id())
    }

    /// Removes what a stranger says about tracing.
    fn disbelieve(&self, headers: &mut HeaderMap) {
        self.tracer.core.propagation.strip(headers);
        if !self.preserve_request_id {
            headers.remove(REQUEST_ID);
            return;
        }
        let id = headers.get(REQUEST_ID).and_then(RequestId::from_header);
        // A decision does not come along with the id, neither here nor where it is sent on to.
        if let Some(id) = id.filter(|id| id.trace_reason().is_some()) {
            insert_if_room(headers, REQUEST_ID, id.with_trace_reason(None).to_header());
        }
    }

    /// Has the request's own headers go on as they came, and nothing else.
    fn capture(&self, headers: &HeaderMap, trusted: bool, open: &mut OpenSpan) {
        open.inherited.outgoing = Outgoing::AsReceived;
        let propagation = &self.tracer.core.propagation;
        let forwarded = &mut open.inherited.forwarded;
        forwarded.clear();
        propagation.capture_into(headers, forwarded);
        if !trusted {
            propagation.remove_added(forwarded);
        }
    }

    /// Gathers what tags of CLIENT spans are made of, where no SERVER span is recorded.
    fn gather_for_calls<B>(&self, live: &Live, request: &Request<B>, open: &mut OpenSpan) {
        if !live.for_calls.is_empty() {
            let head = RequestHead::of(request);
            let seen = live.table.read(request.headers(), None);
            let found = &mut open.inherited.found;
            live.for_calls
                .gather(&head, &seen, self.tracer.core.max_tag_length(), found);
        }
    }

    /// Decides on context, sampling and request id, by the headers that were read.
    fn decide<B>(
        &self,
        live: &Live,
        seen: &HeaderValues<'_>,
        request: &Request<B>,
        received: &Received,
        open: &mut OpenSpan,
    ) -> Incoming {
        let propagation = &self.tracer.core.propagation;
        let inherited = &mut open.inherited;
        let incoming = match &received.outer {
            Some(_) => Incoming::default(),
            None => {
                let forwarded = &mut inherited.forwarded;
                self.extract(live, seen, request.headers(), received.trusted, forwarded)
            }
        };
        if inherited.forwarded.request_id().is_none() {
            inherited.forwarded.set_request_id(RequestId::random());
        }
        let context = match (received.excluded, &received.outer) {
            (false, None) => {
                let head = RequestHead::of(request);
                self.context(live, &incoming, &mut inherited.forwarded, head)
            }
            (false, Some(outer)) => outer.child(),
            (true, None) => {
                propagation.keep_traceparent(request.headers(), &mut inherited.forwarded);
                unchanged(self.tracer.core.ids, &incoming)
            }
            (true, Some(outer)) => *outer,
        };
        inherited.context = Some(context);
        if received.excluded {
            inherited.outgoing = Outgoing::SameContext;
        }
        incoming
    }

    /// What the request's headers say.
    fn extract(
        &self,
        live: &Live,
        seen: &HeaderValues<'_>,
        headers: &HeaderMap,
        trusted: bool,
        forwarded: &mut Forwarded,
    ) -> Incoming {
        let core = &*self.tracer.core;
        let incoming = core.propagation.interpret(seen, headers, forwarded);
        if !incoming.is_well_formed() {
            core.note_malformed(&incoming);
        }
        if trusted {
            return incoming;
        }
        core.propagation.remove_added(forwarded);
        // Not even what a stranger's id says by having no reason in it is taken over.
        let packs = live.sampler.is_by_request_id();
        if let Some(id) = forwarded.request_id().filter(|_| packs) {
            let id = id.clone().with_trace_reason(None);
            forwarded.set_request_id(id);
        }
        incoming
    }

    /// Whether the SERVER span takes its caller's id: a model that B3 alone has.
    fn joins(&self, incoming: &Incoming) -> bool {
        self.join && !matches!(incoming.origin(), None | Some(Format::W3c))
    }

    /// The SERVER span's context.
    fn context(
        &self,
        live: &Live,
        incoming: &Incoming,
        forwarded: &mut Forwarded,
        head: RequestHead<'_>,
    ) -> TraceContext {
        let core = &*self.tracer.core;
        let Some(caller) = incoming.context() else {
            return core.root(live, incoming, forwarded, Some(head));
        };
        let sampling = core.decide(live, caller.trace_id(), incoming, forwarded, Some(head));
        let caller = caller.with_sampling(sampling);
        if self.joins(incoming) {
            caller
        } else {
            caller.child()
        }
    }

    /// The tags of a span that is recorded; whether it is one of gRPC.
    fn tag(&self, live: &Live, inbound: &Inbound<'_>, open: &mut OpenSpan) -> Grpc {
        let core = &*self.tracer.core;
        let Inbound { head, seen, .. } = inbound;
        let Some((record, inherited)) = open.record_and_inherited() else {
            return Grpc::No;
        };
        let grpc = tag::is_grpc_request(seen);
        record.fields.kind = Some(Kind::Server);
        record.fields.shared = self.joins(inbound.incoming);
        record.fields.may_repeat_names |= live.collide;
        let tags = RequestTagSettings {
            component: &core.component,
            url_limits: core.limits,
            trusted: inbound.received.trusted,
            grpc,
        };
        core.names.add_request_tags(record, head, seen, &tags);
        if let Some(peer) = self.peer(head) {
            record.set_remote_address(Some(peer.ip()), Some(peer.port()));
            record.add_remote_address(StandardTag::PeerAddress);
        }
        live.tags.write(record, head, seen, None);
        let longest = record.max_tag_length();
        live.for_calls
            .gather(head, seen, longest, &mut inherited.found);
        if core.tag_malformed && !inbound.incoming.is_well_formed() {
            let malformed = inbound.incoming.malformed();
            let all: Vec<String> = malformed.map(|one| one.to_string()).collect();
            record.add_standard(StandardTag::MalformedHeaders, &all.join(", "));
        }
        if let Some(trace_id) = inbound.received.dropped {
            record.add_standard(StandardTag::DroppedTrace, &trace_id.to_string());
        }
        Grpc::requested(grpc)
    }

    /// The name of a span that is recorded.
    fn name(&self, head: &RequestHead<'_>, open: &mut OpenSpan) {
        if let (Grpc::Requested, Some(record)) = (open.exchange.grpc, open.record()) {
            record.set_name(&[tag::grpc_name(head.path())]);
        }
        #[cfg(feature = "axum")]
        if let Some(path) = head.extensions().get::<axum::extract::MatchedPath>() {
            open.set_route(path.as_str());
        }
        let name = self.name.as_ref();
        if let Some(name) = name.and_then(|name| guarded(|| name(head)).flatten()) {
            open.rename(&name);
        }
    }

    /// The peer's address. An IPv4-mapped one, which is how a socket of both families shows IPv4
    /// peers, is an IPv4 one.
    fn peer(&self, head: &RequestHead<'_>) -> Option<SocketAddr> {
        let peer = match &self.peer {
            Some(peer) => guarded(|| peer(head)).flatten(),
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
}

/// The SERVER context of a layer around this one, if that serves the request in this task:
/// its headers were read there. What is handed down is copied to `open`.
fn continue_outer(propagation: &Propagation, open: &mut OpenSpan) -> Option<TraceContext> {
    scope::with(|outer| {
        let excluded = outer.inherited.outgoing == Outgoing::SameContext;
        let continues = outer.serving.is_some() && !excluded;
        let context = outer.context().filter(|_| continues)?;
        open.inherited.inherit(&outer.inherited);
        if outer.inherited.outgoing == Outgoing::AsReceived {
            // What was captured there holds trace headers, which must not go on beside ours.
            open.inherited.forwarded = propagation.extract_captured(&outer.inherited.forwarded);
        }
        Some(context)
    })
    .flatten()
}

/// The context below an excluded request: the incoming one, or new ids that are not sampled.
fn unchanged(ids: crate::id::TraceIdKind, incoming: &Incoming) -> TraceContext {
    incoming.context().unwrap_or_else(|| {
        let sampling = match incoming.sampling() {
            Sampling::Defer => Sampling::Deny,
            decided => decided,
        };
        TraceContext::root_of(ids, sampling)
    })
}

impl<S: fmt::Debug> fmt::Debug for Server<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
