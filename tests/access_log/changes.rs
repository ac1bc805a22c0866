//! What a configuration changes in a tracer that runs, and which logs it leaves out.

use crate::{
    common::{Script, TestTracer, drain, get, now},
    configured::{Files, exchange, written},
    log::PATIENCE,
};
use http::{Request, Response};
use std::{convert::Infallible, fs, future::ready};
use test_kit::{eventually, log};
use tower::{Layer, Service, service_fn};
use tower_b3::config::ConfigFile;

#[test]
fn a_configuration_changes_the_log_of_a_running_tracer() {
    let files = Files::new();
    let test = TestTracer::new();
    let with = |text: &str| {
        test.tracer.reconfigure(&files.config(text)).unwrap();
        exchange(&test.tracer, &files, &["a", "b"])
    };
    assert_eq!(with("sampling: 100"), ["", ""]);
    let first = with("accessLogFile: DIR/a\naccessLogFormat: '%REQ(:PATH)%'");
    assert_eq!(first, ["/called\n/served\n", ""]);
    let second = with("accessLogFile: DIR/b\naccessLogFormat: '%RESPONSE_CODE%'");
    assert_eq!(second, ["/called\n/served\n", "200\n200\n"]);
    let broken = files.config("accessLogFile: DIR/missing/a");
    let strict = test.tracer.reconfigure(&broken.clone().strict(true));
    let error = strict.unwrap_err().to_string();
    assert!(error.starts_with("access log file "), "{error}");
    let third = exchange(&test.tracer, &files, &["b"]);
    assert_eq!(third, ["200\n200\n200\n200\n"]);
    // Otherwise it is logged, and there is no log.
    log::start();
    test.tracer.reconfigure(&broken).unwrap();
    assert!(!log::lines("missing/a").is_empty());
    assert_eq!(exchange(&test.tracer, &files, &["b"]), third);
    assert_eq!(with("sampling: 100")[1], third[0]);
    test.spans.take_all();
}

#[test]
fn the_log_follows_a_file() {
    let files = Files::new();
    let path = files.0.join("config.yaml");
    let write = |format: &str| {
        let text = files.text(&format!(
            "accessLogFile: DIR/log\naccessLogFormat: '{format}'"
        ));
        fs::write(&path, text).unwrap();
    };
    write("%REQ(:PATH)%");
    let file = ConfigFile::open(&path).unwrap();
    let test = TestTracer::of(|tracer| tracer.config(file.config()));
    let _watch = file.watch(&test.tracer).unwrap();
    assert_eq!(
        exchange(&test.tracer, &files, &["log"]),
        ["/called\n/served\n"]
    );
    write("changed %REQ(:PATH)%");
    eventually("the new format", || {
        let log = &exchange(&test.tracer, &files, &["log"])[0];
        log.ends_with("changed /called\nchanged /served\n")
            .then_some(())
    });
    test.spans.take_all();
}

#[test]
fn a_format_that_cannot_be_used_leaves_out_its_log_alone() {
    log::start();
    let labels = "extensionProviders: [{ name: log, envoyFileAccessLog: { path: DIR/a, logFormat: { labels: { a: '%FILTER_CHAIN_NAME%' } } } }, { name: text, envoyFileAccessLog: { path: DIR/b, logFormat: { text: '%REQ(:PATH)%' } } }]\ndefaultProviders: { accessLogging: [log, text] }";
    let mesh = |format: &str| format!("accessLogFile: DIR/a\naccessLogFormat: '{format}'");
    for (text, operator, expected) in [
        (mesh("%DYNAMIC_METADATA(a:b)%"), "DYNAMIC_METADATA", ""),
        (mesh("%VIRTUAL_CLUSTER_NAME%"), "VIRTUAL_CLUSTER_NAME", ""),
        (labels.to_owned(), "FILTER_CHAIN_NAME", "/called\n/served\n"),
    ] {
        assert_eq!(written(&text, &["a", "b"]), ["", expected]);
        let lines = log::lines(operator);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("ERROR access log: "), "{lines:?}");
        let files = Files::new();
        let config = files.config(&text);
        let test = TestTracer::new();
        test.tracer.reconfigure(&config).unwrap();
        assert_eq!(exchange(&test.tracer, &files, &["a"]), [""]);
        test.spans.take_all();
        let error = test.tracer.reconfigure(&config.strict(true)).unwrap_err();
        assert!(error.to_string().contains(operator), "{error}");
    }
}

#[test]
fn an_exchange_in_flight_has_its_line_in_the_output_it_began_with() {
    let files = Files::new();
    let config = |name: &str| files.config(&format!("accessLogFile: DIR/{name}"));
    let test = TestTracer::of(|tracer| tracer.config(&config("a")));
    let mut server = test
        .tracer
        .server_layer()
        .layer(service_fn(|_: Request<()>| {
            test.tracer.reconfigure(&config("b")).unwrap();
            ready(Ok::<_, Infallible>(Response::new(Script::default())))
        }));
    let mut response = now(server.call(get("/in/flight", ""))).unwrap();
    drain(response.body_mut()).unwrap();
    assert!(test.tracer.flush(PATIENCE));
    assert_eq!(files.read("a").lines().count(), 1);
    assert_eq!(files.read("b"), "");
    assert_eq!(test.tracer.access_log_stats().written, 1);
    for name in ["b", "c", "d"] {
        test.tracer.reconfigure(&config(name)).unwrap();
        // The thread of the first output ends, and its counts stay.
        assert_eq!(test.tracer.access_log_stats().written, 1);
    }
    test.spans.take_all();
}
