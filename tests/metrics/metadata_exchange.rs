//! Both layers exchange metadata with each other, and with no other host.

use crate::{
    common::{Script, drain, now},
    label, points, webapp,
};
use http::{HeaderMap, Request, Response};
use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, Tracer, TracerBuilder, Trust,
    metrics::{Metrics, Value, Workload},
    sample::Sampler,
};

const METADATA: &str = "x-envoy-peer-metadata";
const ID: &str = "x-envoy-peer-metadata-id";

fn catalog() -> Workload {
    let catalog = Workload::new("catalog").namespace("shop");
    catalog.label("app", "catalog").label("version", "v2")
}

/// Two services, without a network between them.
struct Shop {
    webapp: Metrics,
    catalog: Metrics,
    /// The headers that the handler of catalog has seen.
    handled: Arc<Mutex<HeaderMap>>,
    configure: fn(TracerBuilder) -> TracerBuilder,
}

impl Shop {
    fn new(configure: fn(TracerBuilder) -> TracerBuilder) -> Shop {
        Shop {
            webapp: Metrics::builder(webapp()).build(),
            catalog: Metrics::builder(catalog()).build(),
            handled: Arc::default(),
            configure,
        }
    }

    fn tracer(&self, metrics: &Metrics) -> Tracer {
        let mut builder = Tracer::builder("shop");
        for direction in [Direction::Server, Direction::Client] {
            builder = builder.metrics_for(direction, metrics);
        }
        (self.configure)(builder).build().unwrap()
    }

    /// Sends a request from webapp to catalog, and returns the headers that webapp gets.
    fn call(&self, trust: Trust, only_to: Option<&str>) -> HeaderMap {
        let handled = Arc::clone(&self.handled);
        let handler = service_fn(move |request: Request<()>| {
            handled.lock().unwrap().clone_from(request.headers());
            ready(Ok::<_, Infallible>(Response::new(Script::data("items"))))
        });
        let server = self.tracer(&self.catalog).server_layer().trust(trust);
        let mut client = self.tracer(&self.webapp).client_layer();
        if let Some(host) = only_to {
            client = client.propagate_only_to([host]);
        }
        let mut client = client.layer(server.layer(handler));
        let request = Request::get("http://catalog/items").body(()).unwrap();
        let mut response = now(client.call(request)).unwrap();
        drain(response.body_mut()).unwrap();
        response.headers().clone()
    }

    /// The value of a label in the report of each side.
    fn label(&self, name: &str) -> [String; 2] {
        [&self.webapp, &self.catalog].map(|metrics| {
            let points = points(metrics, "istio_requests_total");
            assert_eq!(points.len(), 1, "{points:?}");
            label(&points[0], name).to_owned()
        })
    }
}

fn has_metadata(headers: &HeaderMap) -> bool {
    headers.contains_key(METADATA) || headers.contains_key(ID)
}

/// Without one difference, Kiali would count the request twice.
#[test]
fn the_two_reports_of_a_request_agree() {
    let modes: [fn(TracerBuilder) -> TracerBuilder; 3] = [
        |builder| builder,
        |builder| builder.sampler(Sampler::never()),
        |builder| builder.mode(Mode::ForwardOnly),
    ];
    for configure in modes {
        let shop = Shop::new(configure);
        let answered = shop.call(Trust::everyone(), None);
        let points = points(&shop.webapp, "istio_requests_total");
        for (name, _) in points[0].labels.iter() {
            let [source, destination] = shop.label(name);
            match &**name {
                "reporter" => assert_ne!(source, destination),
                // A client does not have it, not even over TLS.
                "connection_security_policy" => {
                    assert_eq!([source, destination], ["unknown", "none"]);
                }
                _ => assert_eq!(source, destination, "{name}"),
            }
        }
        let labels = [
            "source_workload",
            "destination_workload",
            "destination_version",
        ];
        let labels = labels.map(|name| shop.label(name)[0].clone());
        assert_eq!(labels, ["webapp", "catalog", "v2"]);
        // Neither application sees the metadata.
        assert!(!has_metadata(&shop.handled.lock().unwrap()));
        assert!(!has_metadata(&answered));
    }
}

/// The client's proxy would add it behind the client, and the server's would read it from the wire.
#[test]
fn the_bytes_of_a_server_include_the_metadata_and_those_of_a_client_do_not() {
    let shop = Shop::new(|builder| builder);
    shop.call(Trust::everyone(), None);
    let bytes = |metrics: &Metrics| match &points(metrics, "istio_request_bytes")[0].value {
        Value::Histogram(histogram) => histogram.sum,
        other => panic!("{other:?}"),
    };
    // The node id alone has more than 20 bytes, the metadata several hundreds.
    let metadata = bytes(&shop.catalog) - bytes(&shop.webapp);
    assert!((300.0..700.0).contains(&metadata), "{metadata}");
}

#[test]
fn no_metadata_is_exchanged_with_an_untrusted_peer() {
    let shop = Shop::new(|builder| builder);
    shop.call(Trust::nobody(), None);
    assert!(!has_metadata(&shop.handled.lock().unwrap()));
    assert_eq!(shop.label("source_workload"), ["webapp", "unknown"]);
    assert_eq!(shop.label("destination_workload"), ["unknown", "catalog"]);
}

#[test]
fn no_metadata_is_exchanged_with_hosts_outside_of_the_allow_list() {
    let shop = Shop::new(|builder| builder);
    shop.call(Trust::everyone(), Some("payments"));
    assert_eq!(shop.label("source_workload"), ["webapp", "unknown"]);
    assert_eq!(shop.label("destination_workload"), ["unknown", "catalog"]);

    let shop = Shop::new(|builder| builder);
    shop.call(Trust::everyone(), Some("catalog"));
    assert_eq!(shop.label("source_workload"), ["webapp", "webapp"]);
}

/// Whether a client sends its metadata to a host, and whether it reads that of the response.
fn exchanged_with(metrics: &Metrics, host: &str) -> (bool, bool) {
    let tracer = Tracer::builder("shop").metrics(metrics).build().unwrap();
    let mut peer = tower_b3::metrics::PeerMetadata::default();
    peer.workload = "the-peer".to_owned();
    let metadata = peer.encode();
    let mut client = tracer
        .client_layer()
        .layer(service_fn(move |request: Request<()>| {
            let sent = request.headers().contains_key(METADATA);
            let mut response = Response::new(Script::default());
            response
                .headers_mut()
                .insert(METADATA, metadata.parse().unwrap());
            response.extensions_mut().insert(sent);
            ready(Ok::<_, Infallible>(response))
        }));
    let request = Request::get(format!("https://{host}/")).body(()).unwrap();
    let mut response = now(client.call(request)).unwrap();
    drain(response.body_mut()).unwrap();
    assert!(!has_metadata(response.headers()));
    let points = points(metrics, "istio_requests_total");
    let is_read = points
        .iter()
        .any(|point| label(point, "destination_workload") == "the-peer");
    (*response.extensions().get::<bool>().unwrap(), is_read)
}

#[test]
fn metadata_is_sent_to_all_hosts_or_only_to_possible_services() {
    for (host, may_be_service) in [
        ("catalog", true),
        ("catalog:8080", true),
        ("forum.blog", true),
        ("catalog.shop.svc.cluster.local.", true),
        ("10.1.2.3:80", true),
        ("api.stripe.com", false),
        ("10.1.2.4", false),
        ("[::1]:80", false),
        ("localhost:8080", false),
    ] {
        for workload in [webapp(), Workload::new("webapp")] {
            let builder = || {
                let builder = Metrics::builder(workload.clone());
                builder.service_of("10.1.2.3:80", "catalog.shop.svc.cluster.local")
            };
            let some = builder().build();
            assert_eq!(
                exchanged_with(&some, host),
                (may_be_service, may_be_service),
                "{host}"
            );
            // Again, with the host in the cache.
            assert_eq!(exchanged_with(&some, host).0, may_be_service, "{host}");
            let all = builder().send_metadata_to_all_hosts(true).build();
            assert_eq!(exchanged_with(&all, host), (true, true), "{host}");
            // With hosts above the limit.
            let few = builder().max_series(1).build();
            few.destination("first");
            few.destination("first.example.com");
            assert_eq!(exchanged_with(&few, host).0, may_be_service, "{host}");
        }
    }
}

#[test]
fn an_empty_host_header_is_ignored() {
    let metrics = Metrics::builder(webapp()).build();
    let tracer = Tracer::builder("shop").metrics(&metrics).build().unwrap();
    let mut client = tracer.client_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    }));
    let request = Request::get("http://catalog/").header("host", "");
    drop(now(client.call(request.body(()).unwrap())));
    let points = points(&metrics, "istio_requests_total");
    assert_eq!(label(&points[0], "destination_service_name"), "catalog");
}

#[test]
fn a_response_has_only_the_metadata_headers_of_the_request() {
    let metrics = Metrics::builder(webapp()).build();
    let tracer = Tracer::builder("shop").metrics(&metrics).build().unwrap();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    }));
    for (sent, expected) in [
        (&[][..], [false, false]),
        (&[METADATA], [true, false]),
        (&[ID], [false, true]),
        (&[METADATA, ID], [true, true]),
    ] {
        let mut request = Request::new(());
        for name in sent {
            request.headers_mut().insert(*name, "abc".parse().unwrap());
        }
        let mut response = now(server.call(request)).unwrap();
        drain(response.body_mut()).unwrap();
        let returned = [METADATA, ID].map(|name| response.headers().contains_key(name));
        assert_eq!(returned, expected, "{sent:?}");
    }
}
