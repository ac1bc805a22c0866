//! tonic's server and channel with the layers around them, over real connections.

#[path = "../common/mod.rs"]
mod common;

mod calls;
mod cart;
mod endings;
mod errors;
#[cfg(all(unix, feature = "zipkin"))]
mod shutdown;

use cart::{Cart, CartClient};
use common::TestTracer;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::sync::Notify;
use tonic::transport::{
    Channel, Server,
    server::{TcpConnectInfo, TcpIncoming},
};
use tower::ServiceBuilder;
use tower_b3::{ServerLayer, record::SpanRecord};

/// A channel with a layer around it, to a server with another one.
struct Shop {
    called: TestTracer,
    served: TestTracer,
    addr: SocketAddr,
    cart: CartClient,
    hangs: Arc<Notify>,
}

impl Shop {
    async fn open() -> Shop {
        Shop::of(Server::builder(), None).await
    }

    async fn of(server: Server, stock: Option<CartClient>) -> Shop {
        let (called, served) = (TestTracer::new(), TestTracer::new());
        let cart = Cart {
            hangs: Arc::default(),
            stock,
        };
        let hangs = Arc::clone(&cart.hangs);
        let addr = serve(server, served.tracer.server_layer(), cart);
        let cart = client(&called, addr);
        Shop {
            called,
            served,
            addr,
            cart,
            hangs,
        }
    }

    /// The CLIENT span and the SERVER span of one call, which are parent and child.
    async fn spans(&self) -> [SpanRecord; 2] {
        let called = self.called.spans.wait_one().await;
        let served = self.served.spans.wait_one().await;
        assert_eq!(served.trace_id(), called.trace_id());
        assert_eq!(served.parent_id(), Some(called.id()));
        [called, served]
    }
}

/// A server with the layer around all its services.
fn serve(server: Server, layer: ServerLayer, cart: Cart) -> SocketAddr {
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let addr = incoming.local_addr().unwrap();
    let layer = layer.peer_address(|head| {
        let info = head.extensions().get::<TcpConnectInfo>()?;
        info.remote_addr()
    });
    let server = server.layer(layer).add_service(cart);
    tokio::spawn(async move { server.serve_with_incoming(incoming).await.unwrap() });
    addr
}

fn client(test: &TestTracer, addr: SocketAddr) -> CartClient {
    let origin: http::Uri = format!("http://{addr}").parse().unwrap();
    let channel = Channel::builder(origin.clone());
    let channel = channel
        .connect_timeout(Duration::from_secs(10))
        .connect_lazy();
    let channel = ServiceBuilder::new()
        .layer(test.tracer.client_layer())
        .service(channel);
    CartClient::new(channel, origin)
}
