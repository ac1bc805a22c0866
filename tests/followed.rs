//! Configuration from the environment, and from a file that changes while the service runs.

#[path = "common/mod.rs"]
mod common;

use common::{Lab, Script, Spans, drain, get, now};
use http::{Request, Response};
use std::{
    collections::HashMap,
    fs,
    future::ready,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, Tracer,
    config::{Collector, ConfigFile, TracingConfig, Workload},
    istio::Identity,
    propagation::Format,
    record::SpanRecord,
    sample::Sampler,
    tag::Tag,
};
use tracing_subscriber::fmt::MakeWriter;

/// For the thread that looks at the file once a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// `NAME=value` lines as an environment.
fn environment(lines: &str) -> Result<TracingConfig, String> {
    let pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
    let all: HashMap<&str, &str> = pairs.collect();
    let config = TracingConfig::from_vars(|name| all.get(name).map(|value| (*value).to_owned()));
    config.map_err(|error| error.to_string())
}

fn zipkin(url: &str) -> Collector {
    Collector::Zipkin(url.to_owned())
}

#[test]
fn an_empty_environment_changes_nothing() {
    let config = environment("PROXY_CONFIG=").unwrap();
    assert_eq!(config, TracingConfig::default());
    assert_eq!(config.sampling(Direction::Server), 100.0);
    assert_eq!(config.service_name(), None);
    assert!(matches!(config.collector().unwrap(), Collector::None(_)));
    let tracer = Tracer::builder("shop").config(&config).build().unwrap();
    assert_eq!(
        format!("{tracer:?}"),
        format!("{:?}", Tracer::builder("shop").build().unwrap())
    );
}

#[test]
fn a_proxy_config_stands_over_opentelemetrys_variables() {
    let config = environment(
        r#"PROXY_CONFIG={"tracing":{"sampling":10,"zipkin":{"address":"zipkin.istio-system:9411"}},"serviceCluster":"webapp.prod"}
        OTEL_TRACES_SAMPLER=always_on
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://elsewhere/spans
        OTEL_SERVICE_NAME=named"#,
    )
    .unwrap();
    assert_eq!(config.sampling(Direction::Server), 10.0);
    let to = zipkin("http://zipkin.istio-system:9411/api/v2/spans");
    assert_eq!(config.collector().unwrap(), to);
    assert_eq!(config.service_name(), Some("named"));
    let identity = config.identify(Identity::from_vars(|_| None));
    assert_eq!(identity.service_name(), "webapp.prod");
}

#[test]
fn what_a_proxy_config_leaves_open_the_other_variables_say() {
    let config = environment(
        "PROXY_CONFIG={}\nOTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25\n\
        OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
    )
    .unwrap();
    assert_eq!(config.sampling(Direction::Client), 25.0);
    let to = Collector::Otlp("http://collector:4318/v1/traces".to_owned());
    assert_eq!(config.collector().unwrap(), to);
    // In a mesh, without anybody who says otherwise.
    let mesh = environment("PROXY_CONFIG={}").unwrap();
    assert_eq!(mesh.sampling(Direction::Server), 1.0);
}

#[test]
fn documents_stand_over_the_environment() {
    let environment = environment(
        "OTEL_TRACES_SAMPLER=always_on\nOTEL_SDK_DISABLED=true\n\
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://elsewhere/spans",
    )
    .unwrap();
    let documents = "tracing:\n- randomSamplingPercentage: 5\n  disableSpanReporting: false";
    let documents = TracingConfig::from_yaml(documents).unwrap();
    let config = documents.over(environment.clone());
    assert_eq!(config.sampling(Direction::Server), 5.0);
    assert_eq!(config.mode(Direction::Server), Mode::Spans);
    assert_eq!(
        config.collector().unwrap(),
        zipkin("http://elsewhere/spans")
    );
    // Where they say nothing of it, it is off.
    let silent = TracingConfig::from_yaml("tracing: { sampling: 5 }").unwrap();
    let config = silent.over(environment);
    assert_eq!(config.mode(Direction::Server), Mode::ForwardOnly);
    assert_eq!(config.mode(Direction::Client), Mode::ForwardOnly);
}

#[test]
fn propagators_are_formats() {
    let config = environment("OTEL_PROPAGATORS=tracecontext,b3").unwrap();
    let tracer = Tracer::builder("shop").config(&config).build().unwrap();
    let mut headers = http::HeaderMap::new();
    let context = tower_b3::TraceContext::root(tower_b3::Sampling::Accept);
    let nothing = tower_b3::propagation::Forwarded::default();
    tracer
        .propagation()
        .inject(&context, &nothing, &mut headers);
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["b3", "traceparent"]);
    // Code wins.
    let written = tower_b3::propagation::Propagation::default().formats([Format::B3Single]);
    let builder = Tracer::builder("shop").propagation(written);
    let tracer = builder.config(&config).build().unwrap();
    headers.clear();
    tracer
        .propagation()
        .inject(&context, &nothing, &mut headers);
    assert_eq!(headers.len(), 1);
}

#[test]
fn errors_name_the_variable() {
    for (lines, expected) in [
        (
            r#"PROXY_CONFIG={"tracing":{"sampling":101}}"#,
            "PROXY_CONFIG: tracing.sampling: 101 is not a percentage from 0 to 100",
        ),
        ("PROXY_CONFIG=[]", "PROXY_CONFIG: a list, not a mapping"),
        (
            "OTEL_TRACES_SAMPLER_ARG=-0\nOTEL_TRACES_SAMPLER=traceidratio",
            "OTEL_TRACES_SAMPLER_ARG: \"-0\" is not a number from 0 to 1",
        ),
        (
            "OTEL_TRACES_SAMPLER_ARG=2\nOTEL_TRACES_SAMPLER=traceidratio",
            "OTEL_TRACES_SAMPLER_ARG: \"2\" is not a number from 0 to 1",
        ),
    ] {
        assert_eq!(environment(lines).unwrap_err(), expected);
    }
}

/// A file that is removed with its directory.
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

    /// Whole or not at all, as the kubelet does it.
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
    let end = Instant::now() + PATIENCE;
    loop {
        match look() {
            Some(found) => return found,
            None if Instant::now() > end => panic!("not in time: {what}"),
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// The lines logged by threads that are not the test's own.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines(&self, words: &str) -> Vec<String> {
        let log = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = log.lines().filter(|line| line.contains(words));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

/// One for the process: the file is followed on a thread of its own.
fn log() -> Log {
    static LOG: std::sync::OnceLock<Log> = std::sync::OnceLock::new();
    LOG.get_or_init(|| {
        let log = Log::default();
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(log.clone())
            .init();
        log
    })
    .clone()
}

/// The tags of the SERVER span of a request with these headers, if it is sampled.
fn served(tracer: &Tracer, spans: &Spans, lines: &str) -> Option<SpanRecord> {
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

fn followed(lab: &Lab, path: &Path) -> tower_b3::config::Watch {
    let file = ConfigFile::open(path).unwrap();
    file.watch(&lab.tracer).unwrap()
}

const FIRST: &str = "tracing: { sampling: 100, customTags: { a: { literal: { value: first } } } }";

#[test]
fn a_file_changes_sampling_and_tags() {
    let log = log();
    let document = Document::new("follow", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let lab = Lab::of(|builder| {
        let identity = Identity::from_vars(|_| None).label("app", "webapp");
        let builder = builder.tag(Tag::literal("code", "stays"));
        builder.identity(identity).config(&config)
    });
    let watch = followed(&lab, &document.path());
    let span = served(&lab.tracer, &lab.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("first"));

    document.write("tracing: { sampling: 100, customTags: { a: { literal: { value: second } } } }");
    eventually("the second tag", || {
        let span = served(&lab.tracer, &lab.spans, "").unwrap();
        assert_eq!(tag(&span, "code").as_deref(), Some("stays"));
        let service = tag(&span, "istio.canonical_service");
        assert_eq!(service.as_deref(), Some("webapp"));
        (tag(&span, "a").as_deref() == Some("second")).then_some(())
    });

    // What cannot be followed changes nothing, and is said once.
    document.write("tracing: { sampling: 1000 }");
    let path = document.path();
    let wrong = format!(
        "tracing stays as it is: {}: tracing.sampling: 1000 is not a percentage",
        path.display()
    );
    eventually("the error", || log.lines(&wrong).pop());
    assert!(served(&lab.tracer, &lab.spans, "").is_some());
    fs::remove_file(&path).unwrap();
    let gone = format!("tracing stays as it is: {}: ", path.display());
    eventually("the file's absence", || {
        (log.lines(&gone).len() == 2).then_some(())
    });
    assert!(served(&lab.tracer, &lab.spans, "").is_some());

    document.write("tracing: { sampling: 0 }");
    eventually("no more spans", || {
        served(&lab.tracer, &lab.spans, "").is_none().then_some(())
    });
    assert_eq!(log.lines(&gone).len(), 2);

    // It is followed until the watch is dropped, which waits for the thread.
    drop(watch);
    document.write(FIRST);
    assert!(served(&lab.tracer, &lab.spans, "").is_none());
}

#[test]
fn what_needs_a_restart_is_said() {
    let log = log();
    let document = Document::new("restart", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let lab = Lab::of(|builder| builder.config(&config));
    let _watch = followed(&lab, &document.path());
    document.write("tracing:\n- disableSpanReporting: true\n  enableIstioTags: false");
    let path = document.path();
    let changed = format!("{} has changed; until a restart", path.display());
    let line = eventually("the line", || log.lines(&changed).pop());
    let parts = "stay as they are: who makes spans, the tags istio.*";
    assert!(line.ends_with(parts), "{line}");
    // Sampling is 1 % by now, whoever makes the spans: this id is not among them.
    let id = "x-request-id: 0000270f-0000-4000-8000-000000000000";
    assert!(served(&lab.tracer, &lab.spans, id).is_none());
}

#[test]
fn code_stands_over_what_changes() {
    let config = TracingConfig::from_yaml(FIRST).unwrap();
    let lab = Lab::of(|builder| {
        let tag = Tag::literal("a", "mine");
        builder.config(&config).sampler(Sampler::always()).tag(tag)
    });
    let changed = "tracing: { sampling: 0, customTags: { b: { literal: { value: new } } } }";
    let changed = TracingConfig::from_yaml(changed).unwrap();
    lab.tracer.reconfigure(&changed).unwrap();
    let span = served(&lab.tracer, &lab.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("mine"));
    assert_eq!(tag(&span, "b").as_deref(), Some("new"));

    let unsupported = TracingConfig::from_yaml("tracing: { datadog: {} }").unwrap();
    let error = lab
        .tracer
        .reconfigure(&unsupported.strict(true))
        .unwrap_err();
    assert!(error.to_string().contains("datadog"), "{error}");
    let span = served(&lab.tracer, &lab.spans, "").unwrap();
    assert_eq!(tag(&span, "b").as_deref(), Some("new"));
}

#[test]
fn code_stands_over_documents_that_come_later_alone() {
    let lab = Lab::of(|builder| {
        let tag = Tag::literal("a", "mine");
        builder.sampler(Sampler::always()).tag(tag)
    });
    let changed = "tracing: { sampling: 0, customTags: { a: { literal: { value: theirs } } } }";
    let changed = TracingConfig::from_yaml(changed).unwrap();
    lab.tracer.reconfigure(&changed).unwrap();
    let span = served(&lab.tracer, &lab.spans, "").unwrap();
    assert_eq!(tag(&span, "a").as_deref(), Some("mine"));
}

#[test]
fn what_waits_for_a_restart_and_where_spans_go_is_said_as_it_is() {
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
    let lab = Lab::of(|builder| builder.config(file.config()));
    let watch = file.reporter(reporter.clone()).watch(&lab.tracer).unwrap();
    let path = document.path();
    for (port, percent) in [(2, 5), (3, 6)] {
        document.write(&otlp(port, percent));
        let still = format!("spans cannot go to http://localhost:{port}:");
        let line = eventually("the line", || log.lines(&still).pop());
        let old = "spans still go to http://127.0.0.1:1/api/v2/spans:";
        assert!(line.contains(old), "{line}");
        let said = format!("{} has changed", path.display());
        let times = usize::from(percent - 4);
        let lines = eventually("the line", || {
            Some(log.lines(&said)).filter(|lines| lines.len() == times)
        });
        let waiting = "until a restart these stay as they are: the formats of headers";
        assert!(lines[times - 1].ends_with(waiting), "{lines:?}");
    }
    // As the tracer was built: nothing waits any longer.
    document.write(&sent_to(1));
    let said = format!("{} has changed, and tracing with it", path.display());
    eventually("the line", || log.lines(&said).pop());
    drop(watch);
    reporter.shutdown(Duration::from_secs(1));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_waited_for() {
    let log = log();
    let document = Document::new("pipe", FIRST);
    let config = TracingConfig::from_file(document.path()).unwrap();
    let lab = Lab::of(|builder| builder.config(&config));
    let watch = followed(&lab, &document.path());
    fs::remove_file(document.path()).unwrap();
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(document.path()).status().unwrap().success());
    let said = format!("{}: not a regular file", document.path().display());
    eventually("the line", || log.lines(&said).pop());
    drop(watch);
}

#[test]
fn what_is_wrong_for_another_workload_is_not_ones_own_fault() {
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
        error.contains("extensionProviders[0].zipkin: no port"),
        "{error}"
    );
    // Where it is not known whose it is, it counts.
    let all = ConfigFile::open(document.path()).unwrap();
    assert!(Tracer::builder("a").config(all.config()).build().is_err());
    assert!(all.over(TracingConfig::default()).is_err());
}

#[test]
fn secrets_are_not_shown() {
    let config = environment(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318\n\
        OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20hunter2",
    )
    .unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("authorization"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    for name in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    ] {
        let error = environment(&format!("{name}=https://me:hunter2@collector/x")).unwrap_err();
        let reason = "credentials in the URL: OTLP takes them in OTEL_EXPORTER_OTLP_HEADERS";
        assert_eq!(error, format!("{name}: {reason}"));
    }
    let text = "extensionProviders: [{ name: o, opentelemetry: { service: c, port: 1, http: \
        { headers: [{ name: authorization, value: Bearer hunter2 }] } } }]";
    let document = Document::new("secrets", text);
    let file = ConfigFile::open(document.path()).unwrap();
    assert!(!format!("{file:?}").contains("hunter2"), "{file:?}");
}

#[test]
fn a_reporter_goes_where_the_documents_say_or_stays() {
    let to = |address: &str| {
        TracingConfig::from_yaml(&format!(
            "tracing: {{ zipkin: {{ address: '{address}' }} }}"
        ))
        .unwrap()
    };
    let reporter = to("127.0.0.1:1").reporter().unwrap().unwrap();
    reporter.redirect(&to("127.0.0.1:2")).unwrap();
    let nowhere = TracingConfig::from_yaml("tracing: { sampling: 1 }").unwrap();
    let error = reporter.redirect(&nowhere).unwrap_err().to_string();
    assert!(error.contains("no document says where spans go"), "{error}");
    let otlp = environment("OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3").unwrap();
    let error = reporter.redirect(&otlp).unwrap_err().to_string();
    assert_eq!(
        error,
        "spans cannot go to http://127.0.0.1:3/v1/traces: the format of the spans cannot be \
         changed while the reporter runs"
    );
    reporter.shutdown(Duration::from_secs(1));

    // Over HTTP or gRPC, OTLP is one format.
    let reporter = otlp.reporter().unwrap().unwrap();
    let grpc = environment(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:3\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc",
    );
    reporter.redirect(&grpc.unwrap()).unwrap();
    let error = reporter.redirect(&to("127.0.0.1:2")).unwrap_err();
    assert!(error.to_string().contains("cannot be changed"), "{error}");
    reporter.shutdown(Duration::from_secs(1));
}

/// Both come up in the order in which a kubelet may write them: the documents first.
#[test]
#[cfg(feature = "tls")]
fn certificates_are_followed_with_the_documents() {
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
        let said = format!("the certificates for {url} were read again");
        eventually("renewed certificates", || log.lines(&said).pop());
    };
    let refused = |port: u16, reason: &str| {
        let said = format!("spans still go to https://127.0.0.1:{port}/api/v2/spans: ");
        eventually("a refusal", || {
            let mut lines = log.lines(&said).into_iter();
            lines.find(|line| line.contains(reason))
        });
    };
    fs::write(&ca, authority()).unwrap();
    renewed(1);

    fs::remove_file(&ca).unwrap();
    document.write(&to(2));
    refused(1, "ca.pem: No such file");
    fs::write(&ca, authority()).unwrap();
    let moved = "spans go to https://127.0.0.1:2/api/v2/spans";
    eventually("the new place", || log.lines(moved).pop());

    fs::write(&ca, "nothing").unwrap();
    refused(2, "ca_certificate: no certificate in PEM");
    fs::write(&ca, authority()).unwrap();
    renewed(2);
}
