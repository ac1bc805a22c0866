//! The client layer: starts the CLIENT span, injects, forwards.

mod join;

use crate::{
    direction::Direction,
    exchange::{Exchange, ResponseBody, ResponseFuture},
    head::RequestHead,
    hosts::{self, Hosts},
    id::RequestId,
    propagation::{HeaderValues, REQUEST_ID, TracingHeader, TracingHeaderSet, insert_if_room},
    record::{Kind, SpanBuffer},
    scope,
    span::{Grpc, Inherited, OpenSpan, Side},
    tag::{self, FallbackValues, RequestTagSettings},
    tracer::{Live, Tracer},
    user_code::guarded,
};
use http::{HeaderMap, Request, Response};
use http_body::Body;
use join::{Carried, Sent};
use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc, task::Poll};
use tower_layer::Layer;
use tower_service::Service;

impl Tracer {
    /// The layer for services that send requests: an HTTP client, a gRPC channel.
    ///
    /// The parent of a CLIENT span is the [`Context`] or [`TraceContext`] in the outgoing request's
    /// extensions; else the task's current one; else what the request's own headers say, where a
    /// handler copied them by hand; else there is none, and a new trace begins. The span is called
    /// `{METHOD} {route}` where a [`Route`] is in the extensions, and else `{METHOD}`: names are
    /// for grouping, and a path is not.
    ///
    /// Under a retry layer each attempt is a span of its own, and where nothing is current a trace of
    /// its own: see [`guide::retries`](crate::guide::retries). Put the layer outside a buffer, whose
    /// worker is another task, where nothing is current.
    ///
    /// It goes around any service that takes [`http::Request`]s. For a `reqwest::Client` see the
    /// module `reqwest`, behind the feature of that name; for tonic, [`guide::grpc`](crate::guide::grpc).
    pub fn client_layer(&self) -> ClientLayer {
        ClientLayer {
            config: Arc::new(Config {
                tracer: self.clone(),
                remote_service: None,
                hosts: None,
                name: None,
            }),
        }
    }
}

/// The template of an outgoing request's path, for the name of its CLIENT span: put it into the
/// request's extensions. Without it the span is called by its method alone.
///
/// ```
/// use tower_b3::Route;
///
/// let mut request = http::Request::get("http://catalog/items/7").body(()).unwrap();
/// request.extensions_mut().insert(Route::new("/items/{id}"));
/// // The span is called `GET /items/{id}`.
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route(Cow<'static, str>);

impl Route {
    /// A template, such as `/items/{id}`.
    pub fn new(template: impl Into<Cow<'static, str>>) -> Route {
        Route(template.into())
    }

    /// The template.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

type NameOf = Arc<dyn Fn(&RequestHead<'_>) -> Option<Cow<'static, str>> + Send + Sync>;

/// Makes [`Client`]s. From [`Tracer::client_layer`].
#[derive(Clone)]
pub struct ClientLayer {
    config: Arc<Config>,
}

#[derive(Clone)]
struct Config {
    tracer: Tracer,
    remote_service: Option<Cow<'static, str>>,
    hosts: Option<Hosts>,
    name: Option<NameOf>,
}

impl ClientLayer {
    fn with(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(Arc::make_mut(&mut self.config));
        self
    }

    /// The name of the service that is called, for the spans' remote endpoint. Default: the host.
    #[must_use]
    pub fn remote_service(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        self.with(|config| config.remote_service = Some(name))
    }

    /// Propagates to these hosts only: `catalog`, `10.0.0.1`, `fd00::1`, or `.svc.cluster.local` for
    /// all names that end so. Case, ports, and a dot at the end of a name make no difference. The
    /// host is that of the URI; where the request has a header `host` too, that must be in the list
    /// as well. An entry that is not a host, or has a port, stands for no host, and is logged. From
    /// requests to any other host every tracing header is removed, so that ids and opaque
    /// headers do not leak to third parties; their CLIENT spans are made all the same.
    #[must_use]
    pub fn propagate_only_to(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let hosts = Hosts::new(hosts);
        self.with(|config| config.hosts = Some(hosts))
    }

    /// Names CLIENT spans; `None` leaves the name as it would be.
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
}

impl<S> Layer<S> for ClientLayer {
    type Service = Client<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Client {
            inner,
            config: Arc::clone(&self.config),
        }
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer")
            .field("remote_service", &self.config.remote_service)
            .finish_non_exhaustive()
    }
}

/// A client with a CLIENT span around each request. From [`Tracer::client_layer`].
#[derive(Clone)]
pub struct Client<S> {
    inner: S,
    config: Arc<Config>,
}

impl<S, B, R> Service<Request<B>> for Client<S>
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
        let mut exchange = self.config.begin(&mut request);
        let inner = {
            let _entered = scope::enter(&mut exchange.open);
            self.inner.call(request)
        };
        ResponseFuture::new(inner, exchange)
    }
}

impl Config {
    fn begin<B>(&self, request: &mut Request<B>) -> Exchange {
        let core = &*self.tracer.core;
        let propagates = self
            .hosts
            .as_ref()
            .is_none_or(|hosts| hosts.hold(&RequestHead::of(request)));
        let sent = self.join_parent(request, propagates);
        if !propagates {
            core.propagation.strip(request.headers_mut());
            request.headers_mut().remove(REQUEST_ID);
        }
        let Sent::Span {
            mut open,
            local_root,
            carried,
        } = sent
        else {
            // Nothing is recorded, and what is current stays so.
            return Exchange::untraced();
        };
        core.start(&mut open, local_root);
        if open.is_recorded() {
            open.exchange.side = Side::Client;
            open.exchange.method = request.method().clone();
            open.exchange.grpc = self.tag_and_write(request, carried, &mut open);
            self.name(&RequestHead::of(request), &mut open);
        } else {
            let there = core.propagation.tracing_headers(request.headers());
            self.write(carried, there, &open.inherited, request.headers_mut());
        }
        Exchange::new(open)
    }

    /// Tags a span that is recorded, and writes to the request what it carries; whether it is one
    /// of gRPC.
    fn tag_and_write<B>(
        &self,
        request: &mut Request<B>,
        carried: Carried,
        open: &mut OpenSpan,
    ) -> Grpc {
        let core = &*self.tracer.core;
        let live = core.live(Direction::Client);
        // Tags are made of the request as it is sent. Most tell nothing of what is written to it
        // but the request id, so that one pass over its headers is enough for both.
        let written_first = live.tags_tell_context || !open.inherited.forwarded.headers.is_empty();
        if written_first {
            let there = core.propagation.tracing_headers(request.headers());
            self.write(carried, there, &open.inherited, request.headers_mut());
        }
        let head = RequestHead::of(request);
        let mut seen = HeaderValues::default();
        live.table.read_into(head.headers(), None, &mut seen);
        let there = seen.tracing_headers();
        let Some((record, inherited)) = open.record_and_inherited() else {
            return Grpc::No;
        };
        if !there.contains(TracingHeader::RequestId) && carried != Carried::Nothing {
            let id = inherited.forwarded.request_id().map(RequestId::as_header);
            seen.set(TracingHeader::RequestId, id);
        }
        let grpc = self.tag(&live, &head, &seen, &inherited.found, record);
        if !written_first {
            self.write(carried, there, inherited, request.headers_mut());
        }
        grpc
    }

    /// Writes to a request what it carries.
    fn write(
        &self,
        carried: Carried,
        there: TracingHeaderSet,
        inherited: &Inherited,
        headers: &mut HeaderMap,
    ) {
        let forwarded = &inherited.forwarded;
        match (carried, &inherited.context) {
            (Carried::RequestId, _) => {
                if let Some(id) = forwarded.request_id() {
                    insert_if_room(headers, REQUEST_ID, id.to_header());
                }
            }
            (Carried::Context, Some(context)) => {
                let propagation = &self.tracer.core.propagation;
                propagation.inject_replacing(there, context, forwarded, headers);
            }
            (Carried::Nothing, _) | (Carried::Context, None) => {}
        }
    }

    /// The tags and the remote endpoint of a span that is recorded; whether it is one of gRPC.
    fn tag<'a>(
        &self,
        live: &Live,
        head: &RequestHead<'a>,
        seen: &HeaderValues<'a>,
        fallbacks: &FallbackValues,
        record: &mut SpanBuffer,
    ) -> Grpc {
        let core = &*self.tracer.core;
        let grpc = tag::is_grpc_request(seen);
        record.fields.kind = Some(Kind::Client);
        record.fields.may_repeat_names |= live.collide;
        let tags = RequestTagSettings {
            component: &core.component,
            url_limits: core.limits,
            trusted: false,
            grpc,
        };
        let authority = core.names.add_request_tags(record, head, seen, &tags);
        self.set_remote_endpoint(record, &authority);
        live.tags.write(record, head, seen, Some(fallbacks));
        if grpc {
            record.set_name(&[tag::grpc_name(head.path())]);
        }
        Grpc::requested(grpc)
    }

    /// The name of a span that is recorded.
    fn name(&self, head: &RequestHead<'_>, open: &mut OpenSpan) {
        if let Some(route) = head.extensions().get::<Route>() {
            open.set_route(route.as_str());
        }
        let name = self.name.as_ref();
        if let Some(name) = name.and_then(|name| guarded(|| name(head)).flatten()) {
            open.rename(&name);
        }
    }

    fn set_remote_endpoint(&self, record: &mut SpanBuffer, authority: &str) {
        let (host, port) = hosts::split_port(authority);
        let ip = hosts::address(host);
        match (&self.remote_service, ip) {
            (Some(service), _) => record.set_remote_service(service),
            // One that is written as an IPv6 address.
            (None, Some(ip @ IpAddr::V4(_))) if host.starts_with('[') => {
                record.set_remote_service(&ip.to_string())
            }
            (None, _) => record.set_remote_service(host.strip_suffix('.').unwrap_or(host)),
        }
        record.set_remote_address(ip, port);
    }
}

impl<S: fmt::Debug> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
