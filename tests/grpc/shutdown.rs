//! The guide's server as a process, ended by a signal.

use crate::{
    cart::{Cart, text},
    client,
    common::TestTracer,
};
use std::{
    env,
    net::SocketAddr,
    process::{Command, Stdio},
};
use test_kit::{Process, ZipkinStub, eventually};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};
use tonic::transport::{Server, server::TcpIncoming};
use tower_b3::{Tracer, zipkin::ZipkinReporter};

/// Makes the test's own program the server; its value is Zipkin's URL.
const SERVER: &str = "TOWER_B3_GRPC_SERVER";

async fn serve(url: &str) {
    let zipkin = ZipkinReporter::builder(url).build().unwrap();
    let _flush_at_the_end = zipkin.guard();
    let tracer = Tracer::builder("cart").reporter(zipkin).build().unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let mut interrupt = signal(SignalKind::interrupt()).unwrap();
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    println!("listening on {};", incoming.local_addr().unwrap());
    Server::builder()
        .layer(tracer.server_layer())
        .add_service(Cart::default())
        .serve_with_incoming_shutdown(incoming, stop)
        .await
        .unwrap();
}

#[test]
fn a_server_flushes_on_a_signal() {
    let runtime = Runtime::new().unwrap();
    if let Ok(url) = env::var(SERVER) {
        return runtime.block_on(serve(&url));
    }
    for signal in ["TERM", "INT"] {
        let zipkin = ZipkinStub::start();
        let mut server = Command::new(env::current_exe().unwrap());
        server
            .args(["--exact", "shutdown::a_server_flushes_on_a_signal"])
            .args(["--nocapture", "--test-threads=1"])
            .env(SERVER, zipkin.url());
        let mut server = Process::spawn(server.stdout(Stdio::piped()).stderr(Stdio::piped()));
        let addr: SocketAddr = eventually("the server", || {
            let stdout = server.stdout();
            let (_, rest) = stdout.split_once("listening on ")?;
            rest.split_once(';')?.0.parse().ok()
        });
        runtime.block_on(async {
            let mut cart = client(&TestTracer::new(), addr);
            for _ in 0..3 {
                cart.get(text("hello")).await.unwrap();
            }
        });
        assert!(server.signal(signal).success(), "{server}");
        assert_eq!(zipkin.span_names(), ["shop.Cart/Get"; 3], "SIG{signal}");
    }
}
