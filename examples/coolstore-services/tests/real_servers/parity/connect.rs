//! A client that connects to a fixed address, whatever the URL is.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::Full;
use hyper::Uri;
use hyper::body::{Body, Incoming};
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tower::service_fn;
use tower::util::BoxCloneSyncService;

pub type Sender = BoxCloneSyncService<Request<Full<Bytes>>, Response<Incoming>, Error>;

pub fn sender(addr: SocketAddr, http2: bool) -> Sender {
    sender_of(addr, http2)
}

/// The same for other bodies.
pub fn sender_of<B>(
    addr: SocketAddr,
    http2: bool,
) -> BoxCloneSyncService<Request<B>, Response<Incoming>, Error>
where
    B: Body<Data: Send, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
    B: Send + Unpin + 'static,
{
    let connect = service_fn(move |_: Uri| {
        let stream =
            async move { Ok::<_, io::Error>(TokioIo::new(TcpStream::connect(addr).await?)) };
        stream.boxed()
    });
    let client = Client::builder(TokioExecutor::new());
    BoxCloneSyncService::new(client.clone().http2_only(http2).build(connect))
}
