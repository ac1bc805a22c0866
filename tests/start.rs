//! From a URL, a file or the environment to a running tracer in one call.
#![cfg(feature = "zipkin")]

use std::time::Duration;
use test_kit::ZipkinStub;
use tower_b3::{
    StartError, Tracer,
    report::{BatchOptions, InMemoryReporter},
    zipkin::ZipkinReporter,
};

/// More than enough for a thread that looks once a second.
const LONG: Duration = Duration::from_secs(20);

/// A reporter whose spans stay in the queue until they are asked for.
fn slow_reporter(zipkin: &ZipkinStub) -> ZipkinReporter {
    let options = BatchOptions::new().max_age(Duration::from_secs(3600));
    let builder = ZipkinReporter::builder(zipkin.url()).options(options);
    builder.build().unwrap()
}

#[test]
fn queued_spans_are_sent_when_the_running_tracer_is_dropped() {
    let zipkin = ZipkinStub::start();
    let tracing = Tracer::builder("webapp").start(slow_reporter(&zipkin));
    let tracing = tracing.unwrap();
    let clone = tracing.tracer().clone();
    drop(tracing.span("reconcile"));
    drop(tracing);
    assert_eq!(zipkin.span_names(), ["reconcile"]);
    drop(clone.span("late"));
    assert_eq!(zipkin.span_names(), ["reconcile"]);
}

#[test]
fn a_tracer_starts_with_a_zipkin_url() {
    let zipkin = ZipkinStub::start();
    let tracing = Tracer::builder("webapp").start_zipkin(zipkin.url());
    let tracing = tracing.unwrap();
    drop(tracing.span("reconcile"));
    let report = tracing.shutdown(LONG).unwrap();
    assert_eq!((report.lost, report.stats.sent), (0, 1));
    assert_eq!(zipkin.span_names(), ["reconcile"]);
}

#[test]
fn a_shutdown_that_takes_too_long_returns_what_is_lost() {
    let unanswered = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", unanswered.local_addr().unwrap());
    let tracing = Tracer::builder("webapp").start_zipkin(url).unwrap();
    drop(tracing.span("reconcile"));
    let report = tracing.shutdown(Duration::from_millis(50)).unwrap();
    assert_eq!(report.lost, 1);
}

#[test]
fn errors_say_what_cannot_be_used() {
    let error = Tracer::builder("webapp").start_zipkin("zipkin:9411");
    let error = error.unwrap_err();
    assert!(matches!(error, StartError::Reporter(_)), "{error:?}");
    assert!(error.to_string().starts_with("url: "), "{error}");
    let error = Tracer::builder(" ").start_zipkin("http://127.0.0.1:9");
    let error = error.unwrap_err();
    assert!(matches!(error, StartError::Build(_)), "{error:?}");
}

/// The builder's reporter gets the spans; the other one is only ended.
#[test]
fn a_reporter_of_the_builder_stays() {
    let (zipkin, spans) = (ZipkinStub::start(), InMemoryReporter::default());
    let builder = Tracer::builder("webapp").reporter(spans.clone());
    let tracing = builder.start(slow_reporter(&zipkin)).unwrap();
    drop(tracing.span("reconcile"));
    drop(tracing);
    assert_eq!(spans.take().len(), 1);
    assert_eq!(zipkin.span_names(), [""; 0]);
}

#[cfg(feature = "config")]
mod from_documents {
    use super::*;
    use std::{fs, path::PathBuf, thread, time::Instant};
    use test_kit::log;
    use tower_b3::{
        config::{ConfigFile, TracingConfig},
        sample::Sampler,
        tags::Tag,
    };

    /// A file that is removed at the end.
    struct Document(PathBuf);

    impl Document {
        fn new(name: &str, text: &str) -> Document {
            let file = format!("tower-b3-start-{name}-{}.yaml", std::process::id());
            let document = Document(std::env::temp_dir().join(file));
            document.write(text);
            document
        }

        fn write(&self, text: &str) {
            let new = self.0.with_extension("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, &self.0).unwrap();
        }
    }

    impl Drop for Document {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    fn reporting_to(zipkin: &ZipkinStub) -> String {
        let address = zipkin.url().trim_start_matches("http://");
        let address = address.trim_end_matches("/api/v2/spans");
        format!("tracing: {{ sampling: 100, zipkin: {{ address: '{address}' }} }}")
    }

    #[track_caller]
    fn eventually(what: &str, condition: impl Fn() -> bool) {
        let deadline = Instant::now() + LONG;
        while !condition() {
            assert!(Instant::now() < deadline, "not in time: {what}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    #[test]
    fn a_file_starts_a_tracer_that_reports_follows_the_file_and_flushes() {
        let (first, second) = (ZipkinStub::start(), ZipkinStub::start());
        let document = Document::new("reload", &reporting_to(&first));
        let file = ConfigFile::open(&document.0).unwrap();
        let tracing = file.start("webapp").unwrap();
        drop(tracing.span("first"));
        assert!(tracing.flush(LONG));
        assert_eq!(first.span_names(), ["first"]);

        document.write(&reporting_to(&second));
        eventually("the second collector", || {
            drop(tracing.span("again"));
            assert!(tracing.flush(LONG));
            !second.span_names().is_empty()
        });
        drop(tracing.span("last"));
        drop(tracing);
        assert!(second.span_names().contains(&"last".to_owned()));
    }

    #[test]
    fn a_configuration_starts_a_tracer() {
        let zipkin = ZipkinStub::start();
        let config = TracingConfig::from_yaml(&reporting_to(&zipkin)).unwrap();
        let tracing = config.start("webapp".to_owned()).unwrap();
        drop(tracing.span("reconcile"));
        drop(tracing);
        assert_eq!(zipkin.span_names(), ["reconcile"]);
    }

    #[test]
    fn settings_of_the_builder_override_the_file() {
        let zipkin = ZipkinStub::start();
        let document = Document::new("override", &reporting_to(&zipkin));
        let builder = Tracer::builder("webapp")
            .sampler(Sampler::never())
            .tag(Tag::literal("team", "shop"));
        let tracing = ConfigFile::open(&document.0).unwrap().start(builder);
        let tracing = tracing.unwrap();
        drop(tracing.span("reconcile"));
        let report = tracing.shutdown(LONG).unwrap();
        assert_eq!(report.stats.finished, 0);

        let spans = InMemoryReporter::default();
        let builder = Tracer::builder("webapp").reporter(spans.clone());
        let tracing = ConfigFile::open(&document.0).unwrap().start(builder);
        let tracing = tracing.unwrap();
        drop(tracing.span("reconcile"));
        assert!(tracing.reporter().is_none());
        assert_eq!(spans.take().len(), 1);
    }

    #[test]
    fn a_configuration_without_a_collector_starts_and_says_so() {
        log::start();
        let config = TracingConfig::from_yaml(
            "{ tracing: { sampling: 100 }, defaultProviders: { tracing: [] } }",
        );
        let tracing = config.unwrap().start("webapp").unwrap();
        assert!(tracing.reporter().is_none());
        drop(tracing.span("reconcile"));
        assert!(tracing.shutdown(LONG).is_none());
        let lines = log::lines("spans are dropped, because there is no collector: ");
        assert_eq!(lines.len(), 1, "{lines:?}");
    }

    #[test]
    fn errors_of_a_file_name_it() {
        let missing = ConfigFile::open("/nowhere/tracing.yaml").unwrap_err();
        assert!(missing.to_string().starts_with("/nowhere/tracing.yaml: "));
        let document = Document::new("invalid", "tracing: { sampling: many }");
        let invalid = ConfigFile::open(&document.0).unwrap_err().to_string();
        let path = document.0.display();
        assert!(
            invalid.starts_with(&format!("{path}: `tracing.sampling`")),
            "{invalid}"
        );
        let document = Document::new("url", "tracing: { zipkin: { address: 'zipkin:+80' } }");
        let file = ConfigFile::open(&document.0);
        let error = file.map_err(StartError::from);
        let error = error.and_then(|file| file.start("webapp")).unwrap_err();
        assert!(matches!(error, StartError::Build(_)), "{error:?}");
    }
}
