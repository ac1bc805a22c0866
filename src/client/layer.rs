//! `ClientLayer` and its settings, as users see them. What a setting does is in the other files.

use super::{service::TracedClient, settings::ClientSettings};
use crate::{head::RequestHead, hosts::Hosts, tracer::Tracer};
use std::{borrow::Cow, fmt, sync::Arc};
use tower_layer::Layer;

impl Tracer {
    /// Returns the layer for services that send requests: an HTTP client, a gRPC channel.
    ///
    /// The parent of a CLIENT span is the first of these that exists:
    ///
    /// 1. the [`RequestContext`](crate::RequestContext) or [`TraceContext`](crate::TraceContext) in the extensions of
    ///    the outgoing request,
    /// 2. the current span of the task,
    /// 3. the context in the headers of the outgoing request, copied there by a handler.
    ///
    /// Otherwise the span is the root of a new trace. The span is named `{METHOD} {route}` if the
    /// extensions have a [`RouteTemplate`](crate::RouteTemplate), and `{METHOD}` otherwise. The path is
    /// not in the name, because names are for grouping.
    ///
    /// Inside of a retry layer, each attempt has its own span, and its own trace if no span is current:
    /// see [`guide::retries`](crate::guide::retries). Put the layer outside of a buffer: the buffer's
    /// worker is another task, where no span is current.
    ///
    /// The layer fits any service that takes [`http::Request`]s. For a `reqwest::Client`, see the module
    /// `reqwest` behind the feature of that name; for tonic, see [`guide::grpc`](crate::guide::grpc).
    pub fn client_layer(&self) -> ClientLayer {
        ClientLayer {
            settings: Arc::new(ClientSettings {
                tracer: self.clone(),
                remote_service: None,
                propagate_only_to: None,
                name_with: None,
            }),
        }
    }
}

/// Makes [`TracedClient`]s. From [`Tracer::client_layer`].
#[derive(Clone)]
#[must_use = "a layer does nothing until it is added to a service"]
pub struct ClientLayer {
    settings: Arc<ClientSettings>,
}

impl ClientLayer {
    fn with(mut self, change: impl FnOnce(&mut ClientSettings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Sets the name of the service that is called, for the remote endpoint of the spans. Default: the
    /// host.
    pub fn remote_service(self, name: impl Into<Cow<'static, str>>) -> Self {
        let name = name.into();
        self.with(|settings| settings.remote_service = Some(name))
    }

    /// Propagates trace headers to these hosts only: `catalog`, `10.0.0.1`, `fd00::1`, or
    /// `.svc.cluster.local` for all names with this suffix. Case, ports and a trailing dot are ignored.
    ///
    /// The host is that of the URI. If the request has a header `host` too, that host must be in the
    /// list as well. An entry that is not a host, or has a port, matches no host, and is logged. From
    /// requests to any other host, every tracing header is removed, so that ids and opaque headers do
    /// not leak to third parties. Their CLIENT spans are still made.
    pub fn propagate_only_to(self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let hosts = Hosts::new(hosts);
        self.with(|settings| settings.propagate_only_to = Some(hosts))
    }

    /// Names CLIENT spans. If the function returns `None`, the span has its default name.
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
}

impl<S> Layer<S> for ClientLayer {
    type Service = TracedClient<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TracedClient {
            inner,
            settings: Arc::clone(&self.settings),
        }
    }
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer")
            .field("remote_service", &self.settings.remote_service)
            .finish_non_exhaustive()
    }
}
