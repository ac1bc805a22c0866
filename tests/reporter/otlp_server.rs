//! A scripted OTLP collector, over HTTP and gRPC.

use bytes::Bytes;
use futures_util::future::Either;
use http::{HeaderMap, HeaderValue, Request, Response, Version, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    future::pending,
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    thread,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Notify,
};

/// What to do with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    Accept,
    /// Accepts the message except for this many spans, with this reason.
    AcceptBut(i64, &'static str),
    /// A gRPC error in the headers, without a body.
    Error(u16, &'static str),
    /// A gRPC error in the trailers, after a body.
    LateError(u16, &'static str),
    /// Any other response: status, content type, body.
    Http(u16, &'static str, &'static [u8]),
    /// A response head, and nothing more.
    Head,
    /// A response head, then a reset of the stream.
    HeadAndReset,
    /// A reset of the stream; in HTTP/1, the connection is closed.
    Reset,
    /// The connection is closed.
    HangUp,
    /// No response.
    Silence,
    /// No response, and no more reading from the connection.
    Dead,
    /// Reports an invalid argument if a span has this name; accepts the message otherwise.
    RejectNamed(&'static str),
    /// Reports that the message is too large if it has more bytes; accepts it otherwise.
    RejectOver(usize),
}

#[derive(Debug)]
pub struct Seen {
    pub version: Version,
    pub path: String,
    pub headers: HeaderMap,
    /// The body as it was received.
    pub body: Bytes,
}

#[derive(Default)]
struct State {
    script: VecDeque<Reply>,
    otherwise: Option<Reply>,
    seen: Vec<Arc<Seen>>,
    /// The ids of the accepted spans, and how often each was accepted.
    accepted: BTreeMap<String, usize>,
    connections: usize,
}

#[derive(Clone)]
pub struct Server {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

/// Plain TCP or TLS.
#[cfg(feature = "tls")]
pub type Acceptor = tokio_rustls::TlsAcceptor;
#[cfg(not(feature = "tls"))]
#[derive(Clone)]
pub enum Acceptor {}

impl Server {
    /// A server that replies by the script, and then always with the last reply.
    pub fn start(script: impl IntoIterator<Item = Reply>, otherwise: Reply) -> Server {
        Server::start_at("127.0.0.1:0".parse().unwrap(), script, otherwise, None)
    }

    pub fn start_at(
        address: SocketAddr,
        script: impl IntoIterator<Item = Reply>,
        otherwise: Reply,
        tls: Option<Acceptor>,
    ) -> Server {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let state = State {
            script: script.into_iter().collect(),
            otherwise: Some(otherwise),
            ..State::default()
        };
        let server = Server {
            address: listener.local_addr().unwrap(),
            state: Arc::new(Mutex::new(state)),
        };
        let serving = server.clone();
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(serving.accept(listener, tls));
        });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    pub fn seen(&self) -> Vec<Arc<Seen>> {
        self.with(|state| state.seen.clone())
    }

    pub fn accepted(&self) -> BTreeMap<String, usize> {
        self.with(|state| state.accepted.clone())
    }

    pub fn connections(&self) -> usize {
        self.with(|state| state.connections)
    }

    async fn accept(self, listener: TcpListener, tls: Option<Acceptor>) {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (server, tls) = (self.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => server.serve(stream).await,
                    #[cfg(feature = "tls")]
                    Some(tls) => {
                        // The client has refused the connection.
                        if let Ok(stream) = tls.accept(stream).await {
                            server.serve(stream).await;
                        }
                    }
                    #[cfg(not(feature = "tls"))]
                    Some(never) => match never {},
                }
            });
        }
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        self.with(|state| state.connections += 1);
        let (hang_up, die) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let service = hyper::service::service_fn(|request| {
            let (server, hang_up, die) = (self.clone(), Arc::clone(&hang_up), Arc::clone(&die));
            async move { server.answer(request, &hang_up, &die).await }
        });
        let builder = auto::Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        tokio::select! {
            _ = &mut connection => {}
            () = hang_up.notified() => {}
            // The connection is kept open without being read.
            () = die.notified() => pending().await,
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        hang_up: &Notify,
        die: &Notify,
    ) -> io::Result<Response<UnsyncBoxBody<Bytes, io::Error>>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let grpc = head.headers[CONTENT_TYPE] == "application/grpc";
        let message = match grpc {
            false => match head.headers.get("content-encoding") {
                Some(_) => super::unzip(&body).into(),
                None => body.clone(),
            },
            true => {
                let (prefix, message) = body.split_at(5);
                let len = u32::from_be_bytes(prefix[1..].try_into().unwrap());
                assert_eq!(message.len(), len as usize);
                match prefix[0] {
                    0 => body.slice(5..),
                    _ => super::unzip(message).into(),
                }
            }
        };
        let bytes = message.len();
        let message = ExportTraceServiceRequest::decode(message).unwrap();
        let resources = message.resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
        let reply = self.with(|state| {
            state.seen.push(Arc::new(Seen {
                version: head.version,
                path: head.uri.path().to_owned(),
                headers: head.headers,
                body,
            }));
            let next = state.script.pop_front();
            next.or_else(|| state.otherwise.clone()).unwrap()
        });
        let error = |code| match (grpc, code) {
            (true, 3) => Reply::Error(3, "bad span"),
            (true, code) => Reply::Error(code, "grpc: received message larger than max (2 vs. 1)"),
            (false, 3) => Reply::Http(400, "application/x-protobuf", b"\x08\x03\x12\x08bad span"),
            (false, _) => Reply::Http(413, "text/plain", b""),
        };
        let reply = match reply {
            Reply::RejectNamed(name) if spans.iter().any(|span| span.name == name) => error(3),
            Reply::RejectOver(most) if bytes > most => error(8),
            Reply::RejectNamed(_) | Reply::RejectOver(_) => Reply::Accept,
            reply => reply,
        };
        let ok = (0, "");
        let (body, (code, message)) = match reply {
            Reply::Accept | Reply::AcceptBut(..) => {
                let mut response = ExportTraceServiceResponse::default();
                let mut rejected = 0;
                if let Reply::AcceptBut(rejected_spans, reason) = reply {
                    rejected = rejected_spans as usize;
                    response.partial_success = Some(ExportTracePartialSuccess {
                        rejected_spans,
                        error_message: reason.to_owned(),
                    });
                }
                self.with(|state| {
                    for span in spans.iter().skip(rejected) {
                        let id = span.span_id.iter().map(|byte| format!("{byte:02x}"));
                        *state.accepted.entry(id.collect()).or_default() += 1;
                    }
                });
                (response.encode_to_vec(), ok)
            }
            Reply::LateError(code, message) => (Vec::new(), (code, message)),
            Reply::Error(code, message) => {
                let body = Full::default().map_err(|never: Infallible| match never {});
                let mut response = Response::new(body.boxed_unsync());
                *response.headers_mut() = status(code, message);
                return Ok(response);
            }
            Reply::Http(status, content_type, body) => {
                let body = Full::from(body).map_err(|never: Infallible| match never {});
                let mut response = Response::new(body.boxed_unsync());
                *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
                let content_type = HeaderValue::from_static(content_type);
                response.headers_mut().insert(CONTENT_TYPE, content_type);
                return Ok(response);
            }
            Reply::Head | Reply::HeadAndReset => {
                let then = match reply {
                    Reply::Head => Either::Left(pending()),
                    _ => Either::Right(async { Err(io::ErrorKind::Other.into()) }),
                };
                let body = http_body_util::StreamBody::new(futures_util::stream::once(then));
                return Ok(Response::new(BodyExt::boxed_unsync(body)));
            }
            Reply::Reset => return Err(io::ErrorKind::Other.into()),
            Reply::HangUp => {
                hang_up.notify_one();
                pending().await
            }
            Reply::Silence => pending().await,
            Reply::Dead => {
                die.notify_one();
                pending().await
            }
            Reply::RejectNamed(_) | Reply::RejectOver(_) => unreachable!(),
        };
        let (content_type, body) = match grpc {
            false => ("application/x-protobuf", body),
            true => {
                let mut prefixed = vec![0];
                prefixed.extend((body.len() as u32).to_be_bytes());
                prefixed.extend(body);
                ("application/grpc", prefixed)
            }
        };
        let body = Full::<Bytes>::from(body).map_err(|never: Infallible| match never {});
        let body = match grpc {
            false => body.boxed_unsync(),
            true => {
                let trailers = status(code, message);
                body.with_trailers(async { Some(Ok(trailers)) })
                    .boxed_unsync()
            }
        };
        let mut response = Response::new(body);
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        Ok(response)
    }
}

fn status(code: u16, message: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", code.into());
    if !message.is_empty() {
        headers.insert("grpc-message", HeaderValue::from_static(message));
    }
    headers
}
