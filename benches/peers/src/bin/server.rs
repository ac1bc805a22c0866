//! hyper's HTTP/1 server on loopback, on one thread, with a peer's server layer around a handler
//! with a small response: see `wrk.sh`.
//!
//! ```text
//! server PEER SCENARIO PORT
//! server --list               the peers that make spans
//! ```

use bytes::Bytes;
use http::{Request, Response};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use peers::{Flush, PEERS, REPORTED, Scenario, Visitor, with_peer};
use std::{convert::Infallible, error::Error, sync::atomic::Ordering::Relaxed};
use tokio::{net::TcpListener, runtime, signal::ctrl_c, task::LocalSet};
use tower::Service;

struct Serve {
    port: u16,
}

impl Visitor<Incoming> for Serve {
    type Out = ();

    fn visit<S, RB>(self, service: S, flush: Flush)
    where
        S: Service<Request<Incoming>, Response = Response<RB>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
    {
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let serve = async move {
            let listener = TcpListener::bind(("127.0.0.1", self.port)).await;
            let listener = listener.expect("a free port");
            eprintln!("ready");
            let accept = async {
                while let Ok((stream, _)) = listener.accept().await {
                    // Nagle's algorithm would add latency that hides the layer's.
                    stream.set_nodelay(true).expect("a TCP stream");
                    let service = TowerToHyperService::new(service.clone());
                    let connection =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    tokio::task::spawn_local(connection);
                }
            };
            tokio::select! {
                () = accept => {}
                _ = ctrl_c() => {}
            }
            flush();
            println!("{}", REPORTED.load(Relaxed));
        };
        LocalSet::new().block_on(&runtime.expect("a runtime"), serve);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--list"] => {
            let tracing = PEERS.iter().filter(|peer| peer.traces);
            tracing.for_each(|peer| println!("{}", peer.name));
        }
        [peer, scenario, port] => {
            let scenario = Scenario::parse(scenario).expect("a scenario");
            let port = port.parse().expect("a port");
            with_peer(peer, scenario, Serve { port });
        }
        _ => panic!("usage: server PEER SCENARIO PORT | server --list"),
    }
}
