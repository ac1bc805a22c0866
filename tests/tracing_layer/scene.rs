use crate::common::SpanCollector;
use http::{Request, Response};
use std::{cell::RefCell, convert::Infallible, sync::LazyLock};
use tokio::runtime::Builder;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Tracer, TracingLayer, sample::Sampler};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::layer::SubscriberExt;

/// A tracer, and a subscriber with the layer.
pub struct Scene {
    pub spans: SpanCollector,
    pub tracer: Tracer,
    pub dispatch: Dispatch,
}

/// As long as there is one subscriber only, `tracing` registers a span's place in the code with the
/// thread's current subscriber, and within a subscriber there is none: the place is then off for good.
static SECOND: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(tracing_subscriber::registry()));

thread_local! {
    static DEFAULT: RefCell<Option<dispatcher::DefaultGuard>> = const { RefCell::new(None) };
}

impl Scene {
    pub fn new() -> Scene {
        Scene::with(Sampler::always(), |_| TracingLayer::new())
    }

    pub fn with(sampler: Sampler, layer: impl FnOnce(&Tracer) -> TracingLayer) -> Scene {
        LazyLock::force(&SECOND);
        let spans = SpanCollector::new();
        let tracer = spans.builder("shop").sampler(sampler).build().unwrap();
        let subscriber = tracing_subscriber::registry().with(layer(&tracer));
        Scene {
            dispatch: Dispatch::new(subscriber),
            spans,
            tracer,
        }
    }

    /// Runs the closure with the subscriber, in no request.
    pub fn outside<R>(&self, work: impl FnOnce() -> R) -> R {
        dispatcher::with_default(&self.dispatch, work)
    }

    /// The same in a span `request`.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        self.outside(|| self.tracer.span("request").in_scope(work))
    }

    /// Runs the future in a request to a server of several threads, all of which have the subscriber.
    pub fn serve<F>(&self, handler: fn(Tracer) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (dispatch, ending) = (self.dispatch.clone(), self.dispatch.clone());
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .on_thread_start(move || DEFAULT.set(Some(dispatcher::set_default(&dispatch))))
            .build()
            .unwrap();
        let tracer = self.tracer.clone();
        let service = self.tracer.server_layer().layer(service_fn({
            move |_: Request<()>| {
                let handler = handler(tracer.clone());
                async move {
                    tokio::spawn(tower_b3::in_current_context(async {}))
                        .await
                        .unwrap();
                    handler.await;
                    Ok::<_, Infallible>(Response::new(String::new()))
                }
            }
        }));
        let request = Request::get("/cart").body(()).unwrap();
        dispatcher::with_default(&ending, || {
            drop(runtime.block_on(service.oneshot(request)).unwrap());
        });
    }
}

/// Sends a request through a client layer, and pauses before the answer.
pub async fn call(tracer: &Tracer, path: &str) {
    let client = tracer
        .client_layer()
        .layer(service_fn(|_: Request<()>| async {
            tokio::task::yield_now().await;
            Ok::<_, Infallible>(Response::new(String::new()))
        }));
    let route = tower_b3::RouteTemplate::new(path.to_owned());
    let request = Request::get(format!("http://catalog{path}")).extension(route);
    drop(client.oneshot(request.body(()).unwrap()).await.unwrap());
}
