//! Sends every case to both sides and collects the observations.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request};
use test_kit::backends::{Envoy, Http, eventually};
use tokio::time::timeout;
use tower::ServiceExt;
use tower_b3::Tracer;
use tower_b3::zipkin::ZipkinReporter;

use super::backend::{Answer, Backend, Collector};
use super::case::{Case, Client, case, fence};
use super::cases::cases;
use super::connect::{Sender, sender};
use super::envoy;
use super::observe::{Exchange, Fields, fields};
use super::service;
use super::setup::{ENVIRONMENT, HOST, SERVICE, Setup, Subject, Upstream, identity};
use super::setups::setups;
use crate::lab::Service;

const LIMIT: Duration = Duration::from_secs(10);
const SIDES: [&str; 2] = ["envoy", "ours"];

/// For each case, by name, the fields of Envoy and of tower-b3.
pub async fn all(dir: &Path) -> Vec<(String, Fields, Fields)> {
    let setups = setups();
    let cases = cases();
    for case in &cases {
        let known = setups.iter().any(|setup| setup.name == case.setup);
        assert!(known, "no setup for {}", case.name());
    }
    let lab = Lab::start(dir, &setups).await;
    let mut running = Vec::new();
    let mut seen = Vec::new();
    for setup in &setups {
        let subject = lab.subject(dir, setup).await;
        let listener = lab.envoy.listener(&format!("{} INBOUND", setup.name));
        let http2 = setup.upstream == Upstream::Http2;
        let clients = [listener, subject.addr].map(|addr| sender(addr, http2));
        running.push(subject);
        for case in cases.iter().filter(|case| case.setup == setup.name) {
            let envoy = lab.send(setup, "envoy", &clients[0], case).await;
            let ours = lab.send(setup, "ours", &clients[1], case).await;
            seen.push((setup, case, [envoy, ours]));
        }
        if setup.traces() {
            for (side, client) in SIDES.into_iter().zip(&clients) {
                lab.send(setup, side, client, &fence(setup.name)).await;
            }
        }
    }
    lab.everything_has_arrived(&setups).await;
    let fields_of = |(setup, case, exchanges): (&Setup, &Case, [Exchange; 2])| {
        let name = case.name();
        let [envoy, ours] = [0, 1].map(|side| {
            let spans = lab.collector.spans(&setup.path(SIDES[side]), &name);
            fields(case, &exchanges[side], &spans)
        });
        (name, envoy, ours)
    };
    seen.into_iter().map(fields_of).collect()
}

/// Sends the same request ids to Envoy and to a service, a few at a time, and returns the request
/// id and the decision that each sent upstream.
pub async fn decisions(dir: &Path, setup: Setup, ids: &[String]) -> [Vec<(String, String)>; 2] {
    let setups = [setup];
    let lab = Lab::start(dir, &setups).await;
    let setup = &setups[0];
    let subject = lab.subject(dir, setup).await;
    let listener = lab.envoy.listener(&format!("{} INBOUND", setup.name));
    let mut decided = Vec::new();
    for addr in [listener, subject.addr] {
        lab.backend.expect(Answer::Ok);
        let client = &sender(addr, false);
        let requests = ids.iter().map(|id| async move {
            let case = case(setup.name, "decision").request_id(id.clone());
            assert_eq!(request(client, &case).await.0, 200);
        });
        let requests = stream::iter(requests).buffer_unordered(16);
        requests.collect::<Vec<()>>().await;
        let text = |headers: &HeaderMap, name| {
            let value = headers.get(name).expect("is sent on");
            value.to_str().expect("visible ASCII").to_owned()
        };
        let sent_on = lab.backend.received();
        let pairs = sent_on
            .iter()
            .map(|headers| (text(headers, "x-request-id"), text(headers, "x-b3-sampled")));
        let mut pairs: Vec<_> = pairs.collect();
        pairs.sort();
        decided.push(pairs);
    }
    decided.try_into().expect("two sides")
}

struct Lab {
    http: Http,
    envoy: Envoy,
    backend: Backend,
    collector: Collector,
    /// An address on which nothing listens.
    refused: SocketAddr,
}

/// A running service under test; it stops when this is dropped.
struct Running {
    addr: SocketAddr,
    _process: Option<Service>,
}

impl Lab {
    async fn start(dir: &Path, setups: &[Setup]) -> Lab {
        let (http, backend) = (Http::default(), Backend::start().await);
        let collector = Collector::start().await;
        let refused = closed_port();
        let config = envoy::bootstrap(setups, backend.addr(), refused, collector.addr(), dir);
        let envoy = Envoy::run(dir, &http, "envoy", &config.to_string(), &ENVIRONMENT).await;
        Lab {
            http,
            envoy,
            backend,
            collector,
            refused,
        }
    }

    async fn subject(&self, dir: &Path, setup: &Setup) -> Running {
        let collector = format!("http://{}{}", self.collector.addr(), setup.path("ours"));
        match &setup.subject {
            Subject::Webapp(flags) => {
                let tags = setup.webapp_tags();
                let tags = tags.iter().flat_map(|tag| ["--tag", tag]);
                let args: Vec<&str> = tags.chain(flags.iter().copied()).collect();
                self.webapp(dir, setup, &collector, &args).await
            }
            Subject::Documents(percent) => {
                let document = dir.join(format!("{}.yaml", setup.name));
                let text = setup.document(*percent).to_string();
                fs::write(&document, text).expect("a document");
                let path = document.to_str().expect("a path");
                self.webapp(dir, setup, &collector, &["--config", path])
                    .await
            }
            Subject::Layers {
                tracer,
                server,
                retries,
            } => {
                let reporter = ZipkinReporter::builder(&collector).build().expect("a URL");
                let identity = identity();
                let builder = Tracer::builder(identity.service_name())
                    .identity(identity)
                    .tags(setup.tracer_tags());
                let tracer = tracer(builder.reporter(reporter)).build();
                let tracer = tracer.expect("a tracer");
                let layer = server(tracer.server_layer());
                Running {
                    addr: service::start(&tracer, layer, self.backend.addr(), *retries).await,
                    _process: None,
                }
            }
        }
    }

    async fn webapp(&self, dir: &Path, setup: &Setup, collector: &str, args: &[&str]) -> Running {
        let catalog = match setup.upstream {
            Upstream::Refused => self.refused,
            _ => self.backend.addr(),
        };
        let catalog = format!("http://{catalog}");
        let args = [&["--catalog", &catalog, "--service", SERVICE], args].concat();
        let dir = dir.join(setup.name);
        fs::create_dir_all(&dir).expect("a directory for the output");
        let process = Service::webapp(&dir, collector, &args, &ENVIRONMENT).await;
        Running {
            addr: process.addr(),
            _process: Some(process),
        }
    }

    async fn send(&self, setup: &Setup, side: &str, client: &Sender, case: &Case) -> Exchange {
        self.backend.expect(case.answer);
        let answer = async {
            let answer = timeout(LIMIT, request(client, case)).await;
            Some(answer.unwrap_or_else(|_| panic!("{} at {side}: no answer", case.name())))
        };
        let answer = match case.client {
            Client::HangsUp => tokio::select! {
                answer = answer => panic!("{} at {side}: an answer: {answer:?}", case.name()),
                () = self.asked() => None,
            },
            Client::Reads | Client::HangsUpInBody => answer.await,
        };
        if case.client != Client::Reads {
            // There is no response to wait for, so wait for the spans.
            self.spans(setup, side, case).await;
        }
        Exchange {
            answer,
            upstream: self.backend.received(),
        }
    }

    /// Waits until the backend has the request.
    async fn asked(&self) {
        let asked = async || match self.backend.received().is_empty() {
            true => Err("nothing".to_owned()),
            false => Ok(()),
        };
        eventually("the request upstream", LIMIT, asked).await;
    }

    /// Waits for the SERVER and the CLIENT span of a case.
    async fn spans(&self, setup: &Setup, side: &str, case: &Case) {
        let (path, name) = (setup.path(side), case.name());
        let what = format!("two spans of {name:?} at {path}");
        eventually(&what, LIMIT, async || {
            match self.collector.spans(&path, &name).len() {
                2.. => Ok(()),
                few => Err(format!("{few}")),
            }
        })
        .await;
    }

    async fn everything_has_arrived(&self, setups: &[Setup]) {
        // tower-b3 sends spans in order: once the last case's spans have arrived, so have all
        // others.
        for setup in setups.iter().filter(|setup| setup.traces()) {
            for side in SIDES {
                self.spans(setup, side, &fence(setup.name)).await;
            }
        }
        eventually("all spans of Envoy", LIMIT, async || {
            let sent = self.envoy.stat(&self.http, "tracing.zipkin.spans_sent");
            let (sent, arrived) = (sent.await?, self.collector.count("/envoy/") as u64);
            match sent == arrived {
                true => Ok(()),
                false => Err(format!("{arrived} of {sent}")),
            }
        })
        .await;
    }
}

/// Freed at once. If another process takes the port before the test ends, the test fails.
fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address")
}

async fn request(client: &Sender, case: &Case) -> (u16, HeaderMap) {
    let mut request = Request::builder()
        .method(case.method)
        .uri(format!("http://{HOST}{}", case.path))
        .header("x-case", case.name());
    for (name, value) in &case.headers {
        request = request.header(*name, value.as_bytes());
    }
    let request = request.body(Full::from(case.body));
    let request = request.expect("a well-formed request");
    let answer = client.clone().oneshot(request).await;
    let answer = answer.unwrap_or_else(|error| panic!("{}: {error}", case.name()));
    let (head, mut body) = answer.into_parts();
    while let Some(frame) = body.frame().await {
        let over = frame.is_err() || case.client == Client::HangsUpInBody;
        if over {
            break;
        }
    }
    (head.status.as_u16(), head.headers)
}
