//! A scripted OTLP collector, over HTTP and gRPC.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Version, header::CONTENT_TYPE};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
    },
    trace::v1::Span,
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
    ) -> io::Result<HttpResponse> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let is_grpc = head.headers[CONTENT_TYPE] == "application/grpc";
        let message = message(is_grpc, &head.headers, &body);
        let bytes = message.len();
        let message = ExportTraceServiceRequest::decode(message).unwrap();
        let resources = message.resource_spans.into_iter();
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        let spans: Vec<_> = scopes.flat_map(|scope| scope.spans).collect();
        let reply = self.next_reply(Seen {
            version: head.version,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
        });
        let reply = match reply {
            Reply::RejectNamed(name) if spans.iter().any(|span| span.name == name) => {
                bad_span(is_grpc)
            }
            Reply::RejectOver(max) if bytes > max => too_large(is_grpc),
            Reply::RejectNamed(_) | Reply::RejectOver(_) => Reply::Accept,
            reply => reply,
        };
        match reply {
            Reply::Accept => Ok(self.accepted_response(is_grpc, &spans, None)),
            Reply::AcceptBut(rejected, reason) => {
                Ok(self.accepted_response(is_grpc, &spans, Some((rejected, reason))))
            }
            Reply::LateError(code, message) => {
                Ok(response(is_grpc, Vec::new(), status(code, message)))
            }
            Reply::Error(code, message) => Ok(error_in_headers(code, message)),
            Reply::Http(status, content_type, body) => Ok(Response::builder()
                .status(status)
                .header(CONTENT_TYPE, content_type)
                .body(full(Bytes::from_static(body)))
                .unwrap()),
            Reply::Head => Ok(head_then(pending())),
            Reply::HeadAndReset => Ok(head_then(async { Err(io::ErrorKind::Other.into()) })),
            Reply::Reset => Err(io::ErrorKind::Other.into()),
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
        }
    }

    fn next_reply(&self, seen: Seen) -> Reply {
        self.with(|state| {
            state.seen.push(Arc::new(seen));
            let next = state.script.pop_front();
            next.or_else(|| state.otherwise.clone()).unwrap()
        })
    }

    /// Accepts the spans, except for the first ones if some are rejected.
    fn accepted_response(
        &self,
        is_grpc: bool,
        spans: &[Span],
        rejected: Option<(i64, &'static str)>,
    ) -> HttpResponse {
        let skipped = rejected.map_or(0, |(spans, _)| spans as usize);
        self.with(|state| {
            for span in spans.iter().skip(skipped) {
                let id = span.span_id.iter().map(|byte| format!("{byte:02x}"));
                *state.accepted.entry(id.collect()).or_default() += 1;
            }
        });
        let message = ExportTraceServiceResponse {
            partial_success: rejected.map(|(rejected_spans, reason)| ExportTracePartialSuccess {
                rejected_spans,
                error_message: reason.to_owned(),
            }),
        };
        response(is_grpc, message.encode_to_vec(), status(0, ""))
    }
}

type HttpBody = UnsyncBoxBody<Bytes, io::Error>;
type HttpResponse = Response<HttpBody>;

/// The message in a body, decompressed.
fn message(is_grpc: bool, headers: &HeaderMap, body: &Bytes) -> Bytes {
    if !is_grpc {
        return match headers.get("content-encoding") {
            Some(_) => super::unzip(body).into(),
            None => body.clone(),
        };
    }
    let (prefix, message) = body.split_at(5);
    let length = u32::from_be_bytes(prefix[1..].try_into().unwrap());
    assert_eq!(message.len(), length as usize);
    match prefix[0] {
        0 => body.slice(5..),
        _ => super::unzip(message).into(),
    }
}

fn bad_span(is_grpc: bool) -> Reply {
    match is_grpc {
        true => Reply::Error(3, "bad span"),
        false => Reply::Http(400, "application/x-protobuf", b"\x08\x03\x12\x08bad span"),
    }
}

fn too_large(is_grpc: bool) -> Reply {
    match is_grpc {
        true => Reply::Error(8, "grpc: received message larger than max (2 vs. 1)"),
        false => Reply::Http(413, "text/plain", b""),
    }
}

fn error_in_headers(code: u16, message: &'static str) -> HttpResponse {
    let mut response = Response::new(full(Bytes::new()));
    *response.headers_mut() = status(code, message);
    response
}

fn full(bytes: Bytes) -> HttpBody {
    let body = Full::new(bytes).map_err(|never: Infallible| match never {});
    body.boxed_unsync()
}

/// A response head; the body is this future.
fn head_then(
    frame: impl Future<Output = io::Result<Frame<Bytes>>> + Send + 'static,
) -> HttpResponse {
    let body = StreamBody::new(futures_util::stream::once(frame));
    Response::new(BodyExt::boxed_unsync(body))
}

/// A response with this message, and in gRPC with these trailers.
fn response(is_grpc: bool, message: Vec<u8>, trailers: HeaderMap) -> HttpResponse {
    let (content_type, body) = match is_grpc {
        false => ("application/x-protobuf", full(message.into())),
        true => {
            let mut prefixed = vec![0];
            prefixed.extend((message.len() as u32).to_be_bytes());
            prefixed.extend(message);
            let body = full(prefixed.into());
            let body = body.with_trailers(async { Some(Ok(trailers)) });
            ("application/grpc", body.boxed_unsync())
        }
    };
    let mut response = Response::new(body);
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

fn status(code: u16, message: &'static str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", code.into());
    if !message.is_empty() {
        headers.insert("grpc-message", HeaderValue::from_static(message));
    }
    headers
}
