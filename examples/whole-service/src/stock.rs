//! The gRPC service `shop.Stock`: its messages, its server and its client. tonic's code generator would
//! write this file from a `.proto` file.

use futures_util::future::BoxFuture;
use http::uri::{PathAndQuery, Uri};
use std::{
    convert::Infallible,
    task::{Context, Poll},
};
use tonic::{
    Request, Response, Status, body::Body, client, codegen::Service, server, transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::service_fn;
use tower_b3::TracedClient;

const RESERVE: &str = "/shop.Stock/Reserve";

/// Asks for one item.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Wanted {
    /// The item.
    #[prost(string, tag = "1")]
    pub item: String,
}

/// One item is reserved.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Reserved {
    /// How many are left.
    #[prost(uint32, tag = "1")]
    pub left: u32,
}

/// What a server of `shop.Stock` does.
pub trait Stock: Clone + Send + Sync + 'static {
    /// Reserves one item.
    fn reserve(
        self,
        wanted: Wanted,
    ) -> impl Future<Output = Result<Reserved, Status>> + Send + 'static;
}

/// `shop.Stock` as a service for tonic's server.
#[derive(Clone)]
pub struct StockServer<S>(pub S);

impl<S> server::NamedService for StockServer<S> {
    const NAME: &'static str = "shop.Stock";
}

impl<S: Stock> Service<http::Request<Body>> for StockServer<S> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let stock = self.0.clone();
        let reserve = service_fn(move |wanted: Request<Wanted>| {
            let reserved = stock.clone().reserve(wanted.into_inner());
            async { reserved.await.map(Response::new) }
        });
        Box::pin(async move {
            if request.uri().path() != RESERVE {
                return Ok(Status::unimplemented("").into_http());
            }
            let mut grpc = server::Grpc::new(ProstCodec::default());
            Ok(grpc.unary(reserve, request).await)
        })
    }
}

/// A client of `shop.Stock`.
#[derive(Clone)]
pub struct StockClient(client::Grpc<TracedClient<Channel>>);

impl StockClient {
    /// A client over a channel to `origin`.
    pub fn with_origin(channel: TracedClient<Channel>, origin: Uri) -> StockClient {
        StockClient(client::Grpc::with_origin(channel, origin))
    }

    /// Reserves one item.
    ///
    /// # Errors
    ///
    /// The status that the server answers, or that its failure to answer becomes.
    pub async fn reserve(&mut self, item: &str) -> Result<Reserved, Status> {
        let ready = self.0.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))?;
        let item = item.to_owned();
        let wanted = Request::new(Wanted { item });
        let path = PathAndQuery::from_static(RESERVE);
        let reserved = self.0.unary(wanted, path, ProstCodec::default()).await?;
        Ok(reserved.into_inner())
    }
}
