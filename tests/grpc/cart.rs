//! A service of all four kinds of method, and its client: what tonic's code generator would write.

use futures_util::{
    Stream, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use http::uri::PathAndQuery;
use std::{
    convert::Infallible,
    future::pending,
    sync::Arc,
    task::{Context, Poll},
};
use tokio::sync::Notify;
use tonic::{
    Code, Request, Response, Status, Streaming, body::Body, client, server, transport::Channel,
};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};
use tower_b3::TracedClient;

#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

pub fn text(text: &str) -> Text {
    let text = text.to_owned();
    Text { text }
}

type Texts = BoxStream<'static, Result<Text, Status>>;

fn codec() -> ProstCodec<Text, Text> {
    ProstCodec::default()
}

/// `shop.Cart`, whose messages say what it does.
#[derive(Clone, Default)]
pub struct Cart {
    /// Notified of every call that is left hanging.
    pub hangs: Arc<Notify>,
    /// The service that `more` calls.
    pub stock: Option<CartClient>,
}

impl Cart {
    async fn get(self, asked: Request<Text>) -> Result<Response<Text>, Status> {
        let asked = asked.into_inner().text;
        let (what, more) = asked.split_once(' ').unwrap_or((&asked, ""));
        match what {
            "fail" => Err(Status::new(
                Code::from(more.parse().unwrap_or(0)),
                "as asked: 7 %",
            )),
            "panic" => panic!("expected"),
            "hang" => {
                self.hangs.notify_one();
                pending().await
            }
            "ids" => Ok(Response::new(current())),
            _ => Ok(Response::new(Text { text: asked })),
        }
    }

    async fn list(self, asked: Request<Text>) -> Result<Response<Texts>, Status> {
        let asked = asked.into_inner().text;
        let parts = ["one", "two"].map(|part| Ok(text(part)));
        let parts = stream::iter(parts);
        let then: Texts = match &*asked {
            "fail" => once(async { Err(Status::data_loss("the rest is lost")) }),
            "hang" => once(async move {
                self.hangs.notify_one();
                pending().await
            }),
            "ids" => once(async { Ok(current()) }),
            "more" => once(async move {
                let Some(mut stock) = self.stock else {
                    return Err(Status::unavailable("no stock"));
                };
                let _looking = tower_b3::span("look");
                Ok(stock.get(text("ids")).await?.into_inner())
            }),
            _ => stream::empty().boxed(),
        };
        Ok(Response::new(parts.chain(then).boxed()))
    }

    async fn add(self, items: Request<Streaming<Text>>) -> Result<Response<Text>, Status> {
        let mut items = items.into_inner();
        let mut all = Vec::new();
        while let Some(item) = items.message().await? {
            all.push(item.text);
        }
        tower_b3::tag("cart.items", all.len().to_string());
        Ok(Response::new(text(&all.join("+"))))
    }

    async fn talk(self, words: Request<Streaming<Text>>) -> Result<Response<Texts>, Status> {
        let words = words.into_inner();
        let said = words.map(|word| {
            tower_b3::annotate("a word");
            word.map(|word| text(&format!("{}?", word.text)))
        });
        Ok(Response::new(said.boxed()))
    }
}

/// The ids of the current context.
fn current() -> Text {
    let current = tower_b3::current();
    text(&current.map_or("none".to_owned(), |ids| {
        format!("{}-{}", ids.trace_id(), ids.span_id())
    }))
}

fn once(item: impl Future<Output = Result<Text, Status>> + Send + 'static) -> Texts {
    stream::once(item).boxed()
}

impl server::NamedService for Cart {
    const NAME: &'static str = "shop.Cart";
}

impl Service<http::Request<Body>> for Cart {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let cart = self.clone();
        Box::pin(async move {
            let mut grpc = server::Grpc::new(codec());
            Ok(match request.uri().path() {
                "/shop.Cart/Get" => {
                    grpc.unary(service_fn(move |asked| cart.clone().get(asked)), request)
                        .await
                }
                "/shop.Cart/List" => {
                    let list = service_fn(move |asked| cart.clone().list(asked));
                    grpc.server_streaming(list, request).await
                }
                "/shop.Cart/Add" => {
                    let add = service_fn(move |items| cart.clone().add(items));
                    grpc.client_streaming(add, request).await
                }
                "/shop.Cart/Talk" => {
                    let talk = service_fn(move |words| cart.clone().talk(words));
                    grpc.streaming(talk, request).await
                }
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

/// The client of `shop.Cart`.
#[derive(Clone)]
pub struct CartClient {
    grpc: client::Grpc<TracedClient<Channel>>,
}

impl CartClient {
    /// Over a channel with the layer around it. The layer sees the host of the origin; the
    /// channel then replaces it with its own.
    pub fn new(channel: TracedClient<Channel>, origin: http::Uri) -> CartClient {
        let grpc = client::Grpc::with_origin(channel, origin);
        CartClient { grpc }
    }

    async fn ready(&mut self) -> Result<(), Status> {
        let ready = self.grpc.ready().await;
        ready.map_err(|error| Status::unavailable(error.to_string()))
    }

    /// A unary call of this path.
    pub async fn call(
        &mut self,
        path: &'static str,
        request: Request<Text>,
    ) -> Result<Response<Text>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(path);
        self.grpc.unary(request, path, codec()).await
    }

    pub async fn get(&mut self, asked: Text) -> Result<Response<Text>, Status> {
        self.call("/shop.Cart/Get", Request::new(asked)).await
    }

    pub async fn list(&mut self, asked: Text) -> Result<Streaming<Text>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.Cart/List");
        let response = self
            .grpc
            .server_streaming(Request::new(asked), path, codec());
        response.await.map(Response::into_inner)
    }

    pub async fn add(
        &mut self,
        items: impl Stream<Item = Text> + Send + 'static,
    ) -> Result<Response<Text>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.Cart/Add");
        self.grpc
            .client_streaming(Request::new(items), path, codec())
            .await
    }

    pub async fn talk(
        &mut self,
        words: impl Stream<Item = Text> + Send + 'static,
    ) -> Result<Streaming<Text>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static("/shop.Cart/Talk");
        let response = self.grpc.streaming(Request::new(words), path, codec());
        response.await.map(Response::into_inner)
    }
}
