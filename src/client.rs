//! The client layer: starts the CLIENT span, injects, forwards.

use crate::{
    context::TraceContext,
    digits::whole,
    exchange::{Exchange, ResponseBody, ResponseFuture, Side},
    head::RequestHead,
    id::RequestId,
    propagation::{Forwarded, Incoming, REQUEST_ID, put},
    record::Kind,
    scope,
    span::{Below, Context, Open},
    tag::{self, Found, RequestTags},
    tracer::{Core, Direction, Live, Mode, Tracer},
};
use http::{HeaderMap, Request, Response};
use http_body::Body;
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
    hosts: Option<Vec<String>>,
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

    /// Propagates to these hosts only: `catalog`, or `.svc.cluster.local` for all that end so.
    /// From requests to any other host every tracing header is removed, so that ids and opaque
    /// headers do not leak to third parties; their CLIENT spans are made all the same.
    #[must_use]
    pub fn propagate_only_to(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let hosts = hosts
            .into_iter()
            .map(|host| host.into().to_ascii_lowercase());
        let hosts = hosts.collect();
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

/// What a request is sent from.
enum Parent {
    /// A span, or none at all: the request gets a CLIENT span.
    Span { local_root: bool },
    /// No spans are made here; the headers are on the request.
    Untraced,
}

impl Config {
    fn begin<B>(&self, request: &mut Request<B>) -> Exchange {
        let core = &*self.tracer.core;
        let mut open = scope::blank();
        let parent = self.join_parent(request, &mut open);
        let leaks = !self.propagates_to(request);
        if leaks {
            core.propagation.strip(request.headers_mut());
            request.headers_mut().remove(REQUEST_ID);
        }
        let method = request.method().clone();
        let Parent::Span { local_root } = parent else {
            // Nothing is recorded, and what is current stays so.
            open.finish();
            return Exchange::new(None, Side::Client, core.names, method);
        };
        core.start(&mut open, local_root);
        let grpc = tag::is_grpc(request.headers());
        self.describe(&mut open, &RequestHead::of(request), grpc);
        let mut exchange = Exchange::new(Some(open), Side::Client, core.names, method);
        exchange.grpc(grpc);
        exchange
    }

    /// Finds the parent, makes the CLIENT span's context and writes it to the request.
    ///
    /// The parent is the [`Context`] or [`TraceContext`] in the request's extensions; else the
    /// current one; else what the request's own headers say, where a handler copied them by hand;
    /// else there is none, and a new trace begins.
    fn join_parent<B>(&self, request: &mut Request<B>, open: &mut Open) -> Parent {
        let core = &*self.tracer.core;
        let extensions = request.extensions_mut();
        let ids = extensions.remove::<TraceContext>();
        let given = match (extensions.remove::<Context>(), ids) {
            (None, Some(ids)) => Some(Context::with_ids(ids)),
            (given, _) => given,
        };
        if let Some(mut parent) = given.and_then(Context::into_open) {
            let made_here = core.mode.client != Mode::ForwardOnly;
            if parent.forwarded.request_id().is_none() && made_here {
                parent.forwarded.set_request_id(RequestId::random());
            }
            let joined = join(core, &mut parent, request.headers_mut(), open);
            parent.finish();
            if let Some(joined) = joined {
                return joined;
            }
        } else {
            let headers = request.headers_mut();
            let joined = scope::with(|parent| join(core, parent, headers, open));
            if let Some(joined) = joined.flatten() {
                return joined;
            }
        }
        if core.mode.client == Mode::ForwardOnly {
            return Parent::Untraced;
        }
        let mut incoming = core
            .propagation
            .extract_into(request.headers(), &mut open.forwarded);
        if !incoming.is_well_formed() {
            core.note_malformed(&incoming);
        }
        if incoming.request_id().is_none() {
            // What is there cannot be kept, if anything is.
            request.headers_mut().remove(REQUEST_ID);
            incoming.set_request_id(RequestId::random());
        }
        let context = self.without_span(&mut incoming, RequestHead::of(request));
        if let Some(id) = incoming.request_id() {
            // One that the handler set may have been given a reason.
            if open.forwarded.request_id() != Some(id) {
                request.headers_mut().remove(REQUEST_ID);
                open.forwarded.set_request_id(id.clone());
            }
        }
        open.set_context(context);
        if core.mode.client == Mode::RecordOnly {
            if let Some(id) = open.forwarded.request_id() {
                put(request.headers_mut(), REQUEST_ID, id.to_header());
            }
        } else {
            core.propagation
                .inject(&context, &open.forwarded, request.headers_mut());
        }
        Parent::Span { local_root: true }
    }

    fn without_span(&self, incoming: &mut Incoming, head: RequestHead<'_>) -> TraceContext {
        let core = &*self.tracer.core;
        let Some(parent) = incoming.context() else {
            return core.root(Direction::Client, incoming, Some(head));
        };
        let sampling = core.decide(Direction::Client, parent.trace_id(), incoming, Some(head));
        parent.with_sampling(sampling).child()
    }

    fn propagates_to<B>(&self, request: &Request<B>) -> bool {
        let Some(hosts) = &self.hosts else {
            return true;
        };
        let authority = tag::authority(&RequestHead::of(request));
        let host = split_port(&authority).0.as_bytes();
        hosts.iter().map(String::as_bytes).any(|allowed| {
            let suffix = allowed.starts_with(b".") && host.len() > allowed.len();
            let end = if suffix {
                host.len() - allowed.len()
            } else {
                0
            };
            host[end..].eq_ignore_ascii_case(allowed)
        })
    }

    /// Name, tags and remote endpoint, if the span is recorded.
    fn describe(&self, open: &mut Open, head: &RequestHead<'_>, grpc: bool) {
        let core = &*self.tracer.core;
        let found = std::mem::take(&mut open.found);
        if let Some(record) = open.record() {
            record.kind = Some(Kind::Client);
            let authority = tag::authority(head);
            let (host, port) = split_port(&authority);
            let ip: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
            record.set_remote_service(self.remote_service.as_deref().unwrap_or(host));
            record.set_remote_address(ip, port);
            let tags = RequestTags {
                component: &core.component,
                limits: core.limits,
                request_id: head.headers().get(REQUEST_ID),
                client_trace_id: head.headers().get(crate::propagation::CLIENT_TRACE_ID),
                peer: None,
                trusted: false,
                grpc,
            };
            core.names.request(record, head, &tags);
            let live = core.live(Direction::Client);
            let live: &Live = &live;
            record.doubtful |= live.collide;
            for (name, value) in &live.tags.constant {
                record.custom(name, value);
            }
            for tag in &live.tags.headers {
                match tag.find(head) {
                    Found::Value(value) => record.custom(&tag.name, &value),
                    Found::Empty => {}
                    Found::Absent => {
                        let default = tag.default.as_deref().unwrap_or("");
                        record.custom(&tag.name, found.get(&tag.name).unwrap_or(default));
                    }
                }
            }
            if grpc {
                record.set_name(&[tag::grpc_name(head.path())]);
            }
            if let Some(route) = head.extensions().get::<Route>() {
                open.set_route(route.as_str());
            }
            if let Some(name) = self.name.as_ref().and_then(|name| name(head)) {
                open.rename(&name);
            }
        }
        open.found = found;
    }
}

/// Makes a child of `parent` and writes it to the headers; `None` where the parent is what the
/// headers say.
fn join(
    core: &Core,
    parent: &mut Open,
    headers: &mut HeaderMap,
    open: &mut Open,
) -> Option<Parent> {
    let mode = core.mode.client;
    if let (Below::Child, Some(context)) = (parent.below, parent.context()) {
        if mode != Mode::ForwardOnly {
            // Decided once for all the calls that are made below.
            parent.set_context(core.decided(context));
        }
    }
    let forwarded: &Forwarded = &parent.forwarded;
    match (parent.below, parent.context()) {
        (Below::AsItCame, _) | (_, None) => {
            core.propagation.forward_to(forwarded, headers);
            if parent.below == Below::AsItCame && mode != Mode::ForwardOnly {
                open.inherit_unseen(parent);
                return None;
            }
            Some(Parent::Untraced)
        }
        (Below::Unchanged, Some(context)) => {
            core.propagation.inject(&context, forwarded, headers);
            Some(Parent::Untraced)
        }
        (Below::Child, Some(context)) => {
            let child = context.child();
            let sent = match mode {
                Mode::Spans => &child,
                Mode::ForwardOnly | Mode::RecordOnly => &context,
            };
            core.propagation.inject(sent, forwarded, headers);
            if mode == Mode::ForwardOnly {
                return Some(Parent::Untraced);
            }
            open.set_context(child);
            open.inherit(parent);
            Some(Parent::Span { local_root: false })
        }
    }
}

/// `host:port` in two; an IPv6 address keeps its brackets.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.ends_with(']') => (host, whole(port)),
        _ => (authority, None),
    }
}

impl<S: fmt::Debug> fmt::Debug for Client<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::split_port;

    #[test]
    fn hosts_and_ports() {
        assert_eq!(split_port("catalog"), ("catalog", None));
        assert_eq!(split_port("catalog:80"), ("catalog", Some(80)));
        assert_eq!(split_port("[::1]:80"), ("[::1]", Some(80)));
        assert_eq!(split_port("[::1]"), ("[::1]", None));
        assert_eq!(split_port(""), ("", None));
    }
}
