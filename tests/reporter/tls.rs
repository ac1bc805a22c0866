//! Reporters to `https` URLs.

use super::{LONG, assert_adds_up, quick, quick_options, report, span, untraced::assert_untraced};
use bytes::Bytes;
use http::{Request, Response, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{
    collections::BTreeSet,
    convert::Infallible,
    env,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{PrivateKeyDer, pem::PemObject},
        server::WebPkiClientVerifier,
    },
};
use tower_b3::{
    report::{BatchReporter, HttpOptions, HttpSender, Reporter, Stats},
    zipkin::JsonEncoder,
};

/// A certificate authority of the test.
pub struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority {
            certificate,
            issuer: Issuer::new(params, key),
        }
    }

    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// A certificate for this name, with its key.
    fn certify(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// TLS for a server on 127.0.0.1 with these protocols, which requires certificates of `clients`.
    pub fn server(&self, clients: Option<&Authority>, protocols: &[&str]) -> TlsAcceptor {
        let (certificate, key) = self.certify("127.0.0.1");
        let provider = Arc::new(ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let config = match clients {
            None => config.with_no_client_auth(),
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(clients.certificate.der().clone()).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                config.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let mut config = config
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| (*name).into()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

#[derive(Debug, Default)]
struct Seen {
    versions: Vec<Version>,
    heads: Vec<http::HeaderMap>,
    ids: BTreeSet<String>,
    connections: usize,
    /// The number of client certificates of each request.
    certificates: Vec<usize>,
}

/// A collector on 127.0.0.1.
struct Server {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    fn start(authority: &Authority, clients: Option<&Authority>, protocols: &[&str]) -> Server {
        let acceptor = authority.server(clients, protocols);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let serving = Arc::clone(&seen);
        thread::spawn(move || {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(serve(listener, acceptor, serving));
        });
        Server { url, seen }
    }

    fn seen<T>(&self, look: impl FnOnce(&Seen) -> T) -> T {
        look(&self.seen.lock().unwrap())
    }
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, seen: Arc<Mutex<Seen>>) {
    listener.set_nonblocking(true).unwrap();
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            // A client that does not trust the server closes the connection.
            let Ok(stream) = acceptor.accept(stream).await else {
                return;
            };
            let certificates = stream.get_ref().1.peer_certificates().map_or(0, <[_]>::len);
            seen.lock().unwrap().connections += 1;
            let service = hyper::service::service_fn(|request: Request<hyper::body::Incoming>| {
                let seen = Arc::clone(&seen);
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let spans: Vec<serde_json::Value> = serde_json::from_slice(&body).unwrap();
                    let mut seen = seen.lock().unwrap();
                    seen.versions.push(parts.version);
                    seen.heads.push(parts.headers);
                    seen.certificates.push(certificates);
                    let ids = spans
                        .iter()
                        .map(|span| span["id"].as_str().unwrap().to_owned());
                    seen.ids.extend(ids);
                    let mut response = Response::new(Full::<Bytes>::default());
                    *response.status_mut() = http::StatusCode::ACCEPTED;
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

/// Asserts that a span is dropped, and returns the counts.
fn assert_dropped(reporter: &tower_b3::zipkin::ZipkinReporter, server: &Server) -> Stats {
    reporter.report(span("get"));
    assert!(reporter.flush(LONG));
    let stats = reporter.stats();
    assert_adds_up(&stats);
    assert_eq!(stats.dropped.retries_exhausted, 1, "{stats:?}");
    server.seen(|seen| assert_eq!(seen.ids.len(), 0));
    stats
}

#[test]
fn a_configured_authority_is_trusted() {
    let authority = Authority::new();
    let server = Server::start(&authority, None, &["h2", "http/1.1"]);
    let https = || HttpOptions::new(&server.url);
    let options = || quick_options().request_timeout(LONG);
    let no_retry = || options().retry_for(Duration::ZERO);
    let stranger = quick(https()).options(no_retry()).build().unwrap();
    let error = assert_dropped(&stranger, &server).last_error.unwrap();
    assert!(error.message.contains("UnknownIssuer"), "{error:?}");
    assert!(error.message.contains("certificate"), "{error:?}");
    let other = Authority::new();
    let stranger = quick(https().ca_certificate(other.pem()));
    let stranger = stranger.options(no_retry()).build().unwrap();
    assert_dropped(&stranger, &server);

    let both = other.pem() + &authority.pem();
    let zipkin = quick(https().ca_certificate(both)).options(options());
    let zipkin = zipkin.build().unwrap();
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        ids.extend(report(&zipkin, "get", 10));
        assert!(zipkin.flush(LONG));
    }
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.last_error), (50, None));
    server.seen(|seen| {
        assert_eq!(seen.ids, ids);
        assert_eq!(seen.connections, 1);
        assert!(
            seen.versions
                .iter()
                .all(|version| *version == Version::HTTP_2)
        );
        assert_untraced(&seen.heads[0]);
    });
}

#[test]
fn http_1_is_used_if_the_server_has_nothing_else() {
    for protocols in [&["http/1.1"][..], &[]] {
        let authority = Authority::new();
        let server = Server::start(&authority, None, protocols);
        let https = HttpOptions::new(&server.url).ca_certificate(authority.pem());
        let sender = HttpSender::new(https).unwrap();
        let reporter = BatchReporter::builder(JsonEncoder, sender).build().unwrap();
        let ids = report(&reporter, "get", 10);
        assert!(reporter.flush(LONG));
        assert_eq!(reporter.stats().sent, 10);
        server.seen(|seen| {
            assert_eq!(seen.ids, ids);
            assert!(
                seen.versions
                    .iter()
                    .all(|version| *version == Version::HTTP_11)
            );
        });
    }
}

#[test]
fn a_client_certificate_is_presented_on_request() {
    let (authority, clients) = (Authority::new(), Authority::new());
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let server = Server::start(&authority, Some(&clients), protocols);
        let https = || HttpOptions::new(&server.url).ca_certificate(authority.pem());
        let options = || quick_options().request_timeout(LONG);
        let nobody = quick(https()).options(options().retry_for(Duration::ZERO));
        let nobody = nobody.build().unwrap();
        let error = assert_dropped(&nobody, &server).last_error.unwrap();
        assert!(!error.message.is_empty());
        let (certificate, key) = clients.certify("orders");
        let https = https().client_certificate(certificate.pem(), key.serialize_pem());
        let zipkin = quick(https).options(options()).build().unwrap();
        let ids = report(&zipkin, "get", 10);
        assert!(zipkin.flush(LONG));
        assert_eq!(zipkin.stats().sent, 10, "{:?}", zipkin.stats());
        server.seen(|seen| {
            assert_eq!(seen.ids, ids);
            assert!(seen.certificates.iter().all(|shown| *shown == 1));
        });
    }
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let server = Server::start(&authority, None, &[]);
    let https = HttpOptions::new(server.url.replace("127.0.0.1", "localhost"));
    let options = quick_options()
        .request_timeout(LONG)
        .retry_for(Duration::ZERO);
    let zipkin = quick(https.ca_certificate(authority.pem())).options(options);
    let error = assert_dropped(&zipkin.build().unwrap(), &server)
        .last_error
        .unwrap();
    assert!(error.message.contains("not valid for name"), "{error:?}");
}

#[test]
#[cfg(feature = "otlp")]
fn the_otlp_reporter_takes_certificates() {
    let authority = Authority::new();
    let (certificate, key) = authority.certify("orders");
    let https = HttpOptions::new("https://127.0.0.1:9")
        .ca_certificate(authority.pem())
        .client_certificate(certificate.pem(), key.serialize_pem());
    let builder = tower_b3::otlp::OtlpReporter::builder(https);
    builder.build().unwrap().shutdown(Duration::ZERO);
}

#[test]
fn an_invalid_certificate_is_a_build_error() {
    let https = || HttpOptions::new("https://127.0.0.1:9");
    let authority = Authority::new();
    let (certificate, key) = authority.certify("orders");
    let (_, other) = authority.certify("orders");
    let (pem, key, other) = (
        certificate.pem(),
        key.serialize_pem(),
        other.serialize_pem(),
    );
    let broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let cut = "-----BEGIN CERTIFICATE-----\nZm9v\n";
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nZm9v\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let not_der = "-----BEGIN CERTIFICATE-----\nZm9v\n-----END CERTIFICATE-----\n";
    for (options, start) in [
        (
            https().ca_certificate("x"),
            "ca_certificate: no certificate in PEM",
        ),
        (https().ca_certificate(broken), "ca_certificate: not PEM: "),
        (
            https().ca_certificate(cut),
            "ca_certificate: not PEM: a section has no end",
        ),
        (
            https().client_certificate(pem.clone(), encrypted),
            "client_certificate: the private key is encrypted, which is not supported",
        ),
        (
            https().ca_certificate(not_der),
            "ca_certificate: not the certificate of an authority: ",
        ),
        (
            https().client_certificate("x", key.clone()),
            "client_certificate: no certificate in PEM",
        ),
        (
            https().client_certificate(pem.clone(), pem.clone()),
            "client_certificate: no private key in PEM",
        ),
        (
            https().client_certificate(pem.clone(), other),
            "client_certificate: ",
        ),
    ] {
        let error = quick(options).build().unwrap_err().to_string();
        assert!(error.starts_with(start), "{error}");
    }
    let fine = quick(https().client_certificate(pem, key)).build().unwrap();
    fine.shutdown(Duration::ZERO);
}

/// In a process of its own, since it changes the environment.
#[test]
fn unreadable_system_authorities_are_logged() {
    const CHILD: &str = "TOWER_B3_AUTHORITIES";
    if env::var_os(CHILD).is_some() {
        super::log::start();
        HttpSender::new("http://127.0.0.1:9").unwrap();
        assert_eq!(super::log::lines("").len(), 0);
        HttpSender::new("https://127.0.0.1:9").unwrap();
        let lines = super::log::lines("/no/such/authorities.pem");
        assert_eq!(lines.len(), 1, "{lines:?}");
        let start = "WARN cannot read certificates that the system trusts: ";
        assert!(lines[0].starts_with(start), "{lines:?}");
        return;
    }
    let test = "tls::unreadable_system_authorities_are_logged";
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .env(CHILD, "")
        .env("SSL_CERT_FILE", "/no/such/authorities.pem")
        .env_remove("SSL_CERT_DIR")
        .status();
    assert!(status.unwrap().success());
}
