//! `Viewer`: the store and everything that reads from it or writes to it.

use super::{
    Body, events::MOST_CLIENTS, guard::Guard, page::Page, quota::Quota, read::QUERIES_AT_ONCE,
    receive::Held, router,
};
use crate::{
    reporter::ViewerReporter,
    store::{Limits, Store},
};
use bytes::Buf;
use http::{Request, Response};
use std::{
    convert::Infallible,
    fmt::Display,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, OnceLock, atomic::AtomicU64},
    task::{Context, Poll},
};
use tokio::sync::Semaphore;
use tower_service::Service;

/// How many bytes of responses are in memory at once, over all requests.
const MOST_RESPONSES: usize = 256 << 20;

/// A collector of traces with a page. Clones share the same traces.
#[derive(Debug, Clone)]
pub struct Viewer {
    pub(super) shared: Arc<Shared>,
}

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) guard: Guard,
    pub(super) page: Page,
    pub(super) strict_trace_id: bool,
    pub(super) held: Held,
    /// Responses that are being sent.
    pub(super) responses: Arc<Quota>,
    pub(super) queries: Arc<Semaphore>,
    pub(super) rejected_posts: AtomicU64,
    pub(super) event_clients: Arc<Semaphore>,
    /// The addresses that it listens on: the main one, and that for OTLP.
    pub(super) addresses: OnceLock<(SocketAddr, Option<SocketAddr>)>,
}

/// Settings of a [`Viewer`].
#[derive(Debug, Clone, Default)]
pub struct ViewerBuilder {
    limits: Limits,
    guard: Guard,
    page: Page,
    strict_trace_id: bool,
}

/// A [`Service`] that responds to all paths of the [`Viewer`]; see [`Viewer::service`].
#[derive(Debug, Clone)]
pub struct ViewerService {
    shared: Arc<Shared>,
}

impl Default for Viewer {
    fn default() -> Viewer {
        Viewer::builder().build()
    }
}

impl Viewer {
    /// Starts with the default settings.
    pub fn builder() -> ViewerBuilder {
        ViewerBuilder::default()
    }

    /// The service: the page, its API, Zipkin's API and the collectors. Mount it in a server, or
    /// [`serve`](super::serve) it. It has to run in a Tokio runtime.
    pub fn service(&self) -> ViewerService {
        ViewerService {
            shared: Arc::clone(&self.shared),
        }
    }

    /// A reporter that puts spans into the store without HTTP.
    pub fn reporter(&self) -> ViewerReporter {
        ViewerReporter::new(Arc::clone(&self.shared.store))
    }

    /// The traces.
    pub fn store(&self) -> &Arc<Store> {
        &self.shared.store
    }

    /// Says on which addresses it is served: the main one, and that for OTLP. The page shows them.
    pub fn set_addresses(&self, listen: SocketAddr, otlp: Option<SocketAddr>) {
        // The first call counts: an address does not change.
        let _ = self.shared.addresses.set((listen, otlp));
    }
}

impl ViewerBuilder {
    /// How much the store holds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The path at which the service is mounted, such as `/_traces`. Default: none. The service works
    /// whether or not the server removes it from the paths of requests.
    #[must_use]
    pub fn mounted_at(mut self, path: &str) -> Self {
        path.trim_end_matches('/').clone_into(&mut self.page.prefix);
        self
    }

    /// Allows requests to this host, without a port, beside `localhost` and loopback addresses; `*`
    /// allows all. Otherwise a page from elsewhere could read traces by DNS rebinding.
    #[must_use]
    pub fn allow_host(mut self, host: &str) -> Self {
        self.guard.hosts.push(host.to_ascii_lowercase());
        self
    }

    /// Allows requests to any IP address as the host, for a server that listens on the network.
    #[must_use]
    pub fn allow_any_address(mut self) -> Self {
        self.guard.any_address = true;
        self
    }

    /// Allows pages of this origin to send spans and to read traces: `https://shop.test`. `*` allows
    /// all.
    #[must_use]
    pub fn allow_origin(mut self, origin: &str) -> Self {
        self.guard.origins.push(origin.to_owned());
        self
    }

    /// In Zipkin's API, tells 64-bit trace ids from 128-bit ids that end in the same digits. Default:
    /// they match, because some services truncate ids. On the page they always match.
    #[must_use]
    pub fn strict_trace_id(mut self, strict: bool) -> Self {
        self.strict_trace_id = strict;
        self
    }

    /// Serves the page's files from this directory instead of the embedded ones, for work on the
    /// page.
    #[must_use]
    pub fn page_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.page.directory = Some(directory.into());
        self
    }

    /// Makes the viewer.
    pub fn build(self) -> Viewer {
        Viewer {
            shared: Arc::new(Shared {
                store: Arc::new(Store::new(self.limits)),
                guard: self.guard,
                page: self.page,
                strict_trace_id: self.strict_trace_id,
                held: Held::default(),
                responses: Quota::new(MOST_RESPONSES),
                queries: Arc::new(Semaphore::new(QUERIES_AT_ONCE)),
                rejected_posts: AtomicU64::new(0),
                event_clients: Arc::new(Semaphore::new(MOST_CLIENTS)),
                addresses: OnceLock::new(),
            }),
        }
    }
}

impl<B> Service<Request<B>> for ViewerService
where
    B: http_body::Body<Data: Buf + Send, Error: Display + Send> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move { Ok(router::respond(&shared, request).await) })
    }
}
