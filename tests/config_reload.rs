//! A configuration that changes while the service runs: `Tracer::reconfigure`, and `ConfigFile::watch`,
//! which reads its file once a second.

#[path = "common/mod.rs"]
mod common;

use common::{Script, SpanCollector, TestTracer, drain, get, now};
use http::{Request, Response};
use std::{
    fs,
    future::ready,
    path::{Path, PathBuf},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};
use test_kit::log::LogBuffer;
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    config::{ConfigFile, TracingConfig, Watch, Workload},
    istio::Identity,
    record::SpanRecord,
    sample::Sampler,
    tags::Tag,
};

/// More than enough for the thread that reads the file once a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file in a directory of its own, which is removed at the end.
struct Document {
    dir: PathBuf,
}

impl Document {
    fn new(name: &str, text: &str) -> Document {
        let dir = std::env::temp_dir().join(format!("tower-b3-{name}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let document = Document { dir };
        document.write(text);
        document
    }

    fn path(&self) -> PathBuf {
        self.dir.join("tracing.yaml")
    }

    /// Replaces the file in one step, as the kubelet does.
    fn write(&self, text: &str) {
        let new = self.dir.join("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.path()).unwrap();
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

#[track_caller]
fn eventually<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None if Instant::now() > deadline => panic!("not in time: {what}"),
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// One log for the process, because each file is watched on a thread of its own.
fn log() -> LogBuffer {
    static LOG: OnceLock<LogBuffer> = std::sync::OnceLock::new();
    LOG.get_or_init(|| {
        let log = LogBuffer::default();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(log.clone())
            .init();
        log
    })
    .clone()
}

/// The SERVER span of a request with these headers, if it is sampled.
fn served(tracer: &Tracer, spans: &SpanCollector, lines: &str) -> Option<SpanRecord> {
    let service =
        service_fn(|_: Request<()>| ready(Ok::<_, &'static str>(Response::new(Script::default()))));
    let mut service = tracer.server_layer().layer(service);
    let mut response = now(service.call(get("/", lines))).unwrap();
    drain(response.body_mut()).unwrap();
    drop(response);
    spans.take_all().pop()
}

fn tag(span: &SpanRecord, name: &str) -> Option<String> {
    span.tag(name).map(|value| value.into_owned())
}

fn watch(test: &TestTracer, path: &Path) -> Watch {
    let file = ConfigFile::open(path).unwrap();
    file.watch(&test.tracer).unwrap()
}

const FIRST: &str = "tracing: { sampling: 100, customTags: { a: { literal: { value: first } } } }";

#[test]
fn a_changed_file_changes_sampling_and_tags() {
    let log = log();
    let document = Document::new("follow", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let test = TestTracer::of(|builder| {
        let identity = Identity::from_vars(|_| None).label("app", "webapp");
        let builder = builder.tag(Tag::literal("code", "stays"));
        builder.identity(identity).config(&config)
    });
    let watch = watch(&test, &document.path());
    let span = served(&test.tracer, &test.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("first"));

    document.write("tracing: { sampling: 100, customTags: { a: { literal: { value: second } } } }");
    eventually("the second tag", || {
        let span = served(&test.tracer, &test.spans, "").unwrap();
        assert_eq!(tag(&span, "code").as_deref(), Some("stays"));
        let service = tag(&span, "istio.canonical_service");
        assert_eq!(service.as_deref(), Some("webapp"));
        (tag(&span, "a").as_deref() == Some("second")).then_some(())
    });

    // A file that cannot be used changes nothing, and is logged once.
    document.write("tracing: { sampling: 1000 }");
    let path = document.path();
    let wrong = format!(
        "tracing configuration not reloaded: {}: `tracing.sampling`: 1000 is not a percentage",
        path.display()
    );
    eventually("the error", || log.lines_with(&wrong).pop());
    assert!(served(&test.tracer, &test.spans, "").is_some());
    fs::remove_file(&path).unwrap();
    let gone = format!("tracing configuration not reloaded: {}: ", path.display());
    eventually("the file's absence", || {
        (log.lines_with(&gone).len() == 2).then_some(())
    });
    assert!(served(&test.tracer, &test.spans, "").is_some());

    document.write("tracing: { sampling: 0 }");
    eventually("no more spans", || {
        served(&test.tracer, &test.spans, "")
            .is_none()
            .then_some(())
    });
    assert_eq!(log.lines_with(&gone).len(), 2);

    // Dropping the watch waits for its thread, so the file is not read after it.
    drop(watch);
    document.write(FIRST);
    assert!(served(&test.tracer, &test.spans, "").is_none());
}

#[test]
fn changes_that_need_a_restart_are_logged() {
    let log = log();
    let document = Document::new("restart", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let test = TestTracer::of(|builder| builder.config(&config));
    let _watch = watch(&test, &document.path());
    document.write("tracing:\n- disableSpanReporting: true\n  enableIstioTags: false");
    let path = document.path();
    let changed = format!(
        "reloaded from {}; changes that need a restart: ",
        path.display()
    );
    let line = eventually("the line", || log.lines_with(&changed).pop());
    let pending = "restart: mode, istio.* tags";
    assert!(line.ends_with(pending), "{line}");
    // The percentage does change: it is 1 % now, which does not sample this id.
    let id = "x-request-id: 0000270f-0000-4000-8000-000000000000";
    assert!(served(&test.tracer, &test.spans, id).is_none());
}

#[test]
fn code_overrides_a_changed_configuration() {
    let config = TracingConfig::from_yaml(FIRST).unwrap();
    let test = TestTracer::of(|builder| {
        let tag = Tag::literal("a", "mine");
        builder.config(&config).sampler(Sampler::always()).tag(tag)
    });
    let changed = "tracing: { sampling: 0, customTags: { b: { literal: { value: new } } } }";
    let changed = TracingConfig::from_yaml(changed).unwrap();
    test.tracer.reconfigure(&changed).unwrap();
    let span = served(&test.tracer, &test.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("mine"));
    assert_eq!(tag(&span, "b").as_deref(), Some("new"));

    let unsupported = TracingConfig::from_yaml("tracing: { datadog: {} }").unwrap();
    let error = test
        .tracer
        .reconfigure(&unsupported.strict(true))
        .unwrap_err();
    assert!(error.to_string().contains("datadog"), "{error}");
    let span = served(&test.tracer, &test.spans, "").unwrap();
    assert_eq!(tag(&span, "b").as_deref(), Some("new"));
}

#[test]
fn code_overrides_a_configuration_that_is_applied_later() {
    let test = TestTracer::of(|builder| {
        let tag = Tag::literal("a", "mine");
        builder.sampler(Sampler::always()).tag(tag)
    });
    let changed = "tracing: { sampling: 0, customTags: { a: { literal: { value: theirs } } } }";
    let changed = TracingConfig::from_yaml(changed).unwrap();
    test.tracer.reconfigure(&changed).unwrap();
    let span = served(&test.tracer, &test.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("mine"));
}

#[test]
fn pending_changes_and_the_current_collector_are_logged() {
    let log = log();
    let sent_to = |port: u16| format!("tracing: {{ zipkin: {{ address: '127.0.0.1:{port}' }} }}");
    let otlp = |port: u16, percent: u8| {
        format!(
            "extensionProviders: [{{ name: o, opentelemetry: {{ service: localhost, port: {port} }} }}]\n\
             defaultProviders: {{ tracing: [o] }}\n\
             defaultConfig: {{ tracing: {{ sampling: {percent} }} }}"
        )
    };
    let document = Document::new("waits", &sent_to(1));
    let file = ConfigFile::open(document.path()).unwrap();
    let reporter = file.config().reporter().unwrap().unwrap();
    let test = TestTracer::of(|builder| builder.config(file.config()));
    let watch = file.reporter(reporter.clone()).watch(&test.tracer).unwrap();
    let path = document.path();
    for (port, percent) in [(2, 5), (3, 6)] {
        document.write(&otlp(port, percent));
        let still = format!("cannot send spans to http://localhost:{port}:");
        let line = eventually("the line", || log.lines_with(&still).pop());
        let old = "spans are still sent to http://127.0.0.1:1/api/v2/spans:";
        assert!(line.contains(old), "{line}");
        let reloaded = format!("reloaded from {}", path.display());
        let times = usize::from(percent - 4);
        let lines = eventually("the line", || {
            Some(log.lines_with(&reloaded)).filter(|lines| lines.len() == times)
        });
        let pending = "changes that need a restart: header formats";
        assert!(lines[times - 1].ends_with(pending), "{lines:?}");
    }
    // The tracer was built with this configuration, so nothing is pending any longer.
    document.write(&sent_to(1));
    let all_reloaded = format!("tracing configuration reloaded from {}", path.display());
    eventually("the line", || {
        let mut lines = log.lines_with(&all_reloaded).into_iter();
        lines.find(|line| line.ends_with(&all_reloaded))
    });
    drop(watch);
    reporter.shutdown(Duration::from_secs(1));
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_the_file_does_not_block() {
    let log = log();
    let document = Document::new("pipe", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let test = TestTracer::of(|builder| builder.config(&config));
    let watch = watch(&test, &document.path());
    fs::remove_file(document.path()).unwrap();
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(document.path()).status().unwrap().success());
    let warning = format!("{}: not a regular file", document.path().display());
    eventually("the line", || log.lines_with(&warning).pop());
    drop(watch);
}

#[test]
fn a_provider_misconfigured_for_another_workload_is_no_error() {
    let text = "
extensionProviders: [ { name: faulty, zipkin: { service: zipkin } } ]
---
kind: Telemetry
metadata: { namespace: shop }
spec:
  selector: { matchLabels: { app: catalog } }
  tracing: [ { providers: [ { name: faulty } ] } ]
---
kind: Telemetry
metadata: { namespace: shop }
spec: { tracing: [ { randomSamplingPercentage: 7 } ] }
";
    let document = Document::new("faulty", text);
    let of = |app: &str| {
        let workload = Workload::new("shop").label("app", app);
        ConfigFile::open(document.path()).and_then(|file| file.for_workload(workload))
    };
    let webapp = of("webapp").unwrap();
    assert_eq!(webapp.config().sampling(Direction::Server), 7.0);
    let error = of("catalog").unwrap_err().to_string();
    assert!(
        error.contains("`extensionProviders[0].zipkin`: missing field `port`"),
        "{error}"
    );
    // Without a workload all documents count.
    let all = ConfigFile::open(document.path()).unwrap();
    assert!(Tracer::builder("a").config(all.config()).build().is_err());
    assert!(all.over(TracingConfig::default()).is_err());
}

#[test]
fn secrets_in_a_file_are_not_shown() {
    let text = "extensionProviders: [{ name: o, opentelemetry: { service: c, port: 1, http: \
        { headers: [{ name: authorization, value: Bearer hunter2 }] } } }]";
    let document = Document::new("secrets", text);
    let file = ConfigFile::open(document.path()).unwrap();
    assert!(!format!("{file:?}").contains("hunter2"), "{file:?}");
}

/// A kubelet may write the documents before the certificates.
#[test]
#[cfg(feature = "tls")]
fn renewed_certificates_are_reloaded_with_the_file() {
    let log = log();
    let document = Document::new("certificates", FIRST);
    let ca = document.dir.join("ca.pem");
    let authority = || {
        let params = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    let to = |port: u16| {
        format!(
            "tracing: {{ zipkin: {{ address: '127.0.0.1:{port}' }}, \
             tlsSettings: {{ mode: SIMPLE, caCertificates: '{}' }} }}",
            ca.display()
        )
    };
    fs::write(&ca, authority()).unwrap();
    document.write(&to(1));
    let file = ConfigFile::open(document.path()).unwrap();
    let reporter = file.config().reporter().unwrap().unwrap();
    let tracer = Tracer::builder("a").config(file.config());
    let tracer = tracer.reporter(reporter.clone()).build().unwrap();
    let _watch = file.reporter(reporter).watch(&tracer).unwrap();

    let renewed = |port: u16| {
        let url = format!("https://127.0.0.1:{port}/api/v2/spans");
        let reloaded = format!("reloaded the certificates for {url}");
        eventually("renewed certificates", || log.lines_with(&reloaded).pop());
    };
    let refused = |port: u16, reason: &str| {
        let refused = format!("spans are still sent to https://127.0.0.1:{port}/api/v2/spans: ");
        eventually("a refusal", || {
            let mut lines = log.lines_with(&refused).into_iter();
            lines.find(|line| line.contains(reason))
        });
    };
    fs::write(&ca, authority()).unwrap();
    renewed(1);

    fs::remove_file(&ca).unwrap();
    document.write(&to(2));
    refused(1, "ca.pem: No such file");
    fs::write(&ca, authority()).unwrap();
    let moved = "spans are now sent to https://127.0.0.1:2/api/v2/spans";
    eventually("the new collector", || log.lines_with(moved).pop());

    fs::write(&ca, "nothing").unwrap();
    refused(2, "ca_certificate: no certificate in PEM");
    fs::write(&ca, authority()).unwrap();
    renewed(2);
}
