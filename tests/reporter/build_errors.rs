//! Options that are refused when a reporter is built.

use crate::{LONG, quick, quick_options};
use std::time::Duration;
use tower_b3::{
    report::{HttpOptions, HttpSender, MessageBody, TowerSender},
    zipkin::{ZipkinReporter, ZipkinReporterBuilder},
};

#[track_caller]
fn assert_refused(builder: ZipkinReporterBuilder, expected: &str) {
    assert_eq!(builder.build().unwrap_err().to_string(), expected);
}

#[test]
fn an_invalid_url_is_refused_with_the_reason() {
    for (url, expected) in [
        ("", "url: empty"),
        (
            "/api/v2/spans",
            "url: no scheme: it must start with http:// or https://",
        ),
        (
            "zipkin",
            "url: no scheme: it must start with http:// or https://",
        ),
        ("http://", "url: no host"),
        ("http://:9411/", "url: no host"),
        (
            "http://zipkin:+9411/",
            "url: the port is not a number from 1 to 65535",
        ),
        (
            "http://zipkin:65536/",
            "url: the port is not a number from 1 to 65535",
        ),
        (
            "http://[::1]94:11/",
            "url: the host is not a name or an IP address",
        ),
        ("http://zipkin:", "url: a colon after the host but no port"),
        ("ftp://zipkin/", "url: the scheme is neither http nor https"),
        #[cfg(not(feature = "tls"))]
        ("https://zipkin/", "url: https needs the feature tls"),
        (
            "http://me:secret@zipkin/",
            "url: credentials in the URL: use the option basic",
        ),
    ] {
        assert_refused(quick(url), expected);
    }
}

#[test]
fn an_invalid_header_is_refused_with_the_reason() {
    let http = || HttpOptions::new("http://127.0.0.1:9");
    for (options, expected) in [
        (
            http().header("a b", "c"),
            "header: \"a b\" is not a valid header name",
        ),
        (
            http().header("key", "a\nb"),
            "header: the value of key is not allowed in HTTP",
        ),
        (http().header("B3", "1"), "header: b3 is set by the sender"),
        (
            http().header("X-B3-Sampled", "1"),
            "header: x-b3-sampled is set by the sender",
        ),
        (
            http().header("traceparent", "00"),
            "header: traceparent is set by the sender",
        ),
        (http().bearer(""), "bearer: the token is empty"),
        (
            http().bearer("a\nb"),
            "bearer: not allowed in an HTTP header",
        ),
        (
            http().basic("a:b", "c"),
            "basic: the user name must not contain a colon",
        ),
    ] {
        assert_refused(quick(options), expected);
    }
}

#[test]
fn an_invalid_batch_option_is_refused_with_the_reason() {
    let zero = Duration::ZERO;
    for (options, expected) in [
        (
            quick_options().queue_limit(0),
            "queue_limit: must be at least 1",
        ),
        (
            quick_options().queue_bytes(0),
            "queue_bytes: must be at least 1",
        ),
        (
            quick_options().message_limit(0),
            "message_limit: must be at least 1",
        ),
        (
            quick_options().max_age(zero),
            "max_age: must be longer than zero",
        ),
        (
            quick_options().request_timeout(zero),
            "request_timeout: must be longer than zero",
        ),
        (
            quick_options().backoff(zero, LONG),
            "backoff: must be longer than zero",
        ),
        (
            quick_options().backoff(LONG, zero),
            "backoff: the maximum must not be shorter than the minimum",
        ),
        (
            quick_options().thread_name("a\0b"),
            "thread_name: must not contain NUL",
        ),
    ] {
        let builder = quick("http://127.0.0.1:9").options(options);
        assert_refused(builder, expected);
    }
}

/// An HTTP client would read each of these as another destination, such as the default port.
#[test]
fn an_ambiguous_url_is_refused_by_every_constructor() {
    let service = || {
        ::tower::service_fn(async |_: http::Request<MessageBody>| {
            Ok::<_, std::io::Error>(http::Response::new(
                http_body_util::Empty::<bytes::Bytes>::new(),
            ))
        })
    };
    let running = quick("http://127.0.0.1:9".to_owned()).build().unwrap();
    for url in [
        "http://127.0.0.1:94110/api/v2/spans",
        "https://127.0.0.1:94110/api/v2/spans",
        "http://zipkin:/",
        "http://zipkin:0/",
        "http://zipkin:+80/",
        "http://me:hunter2@zipkin/",
        "http://me:hunter2/x@zipkin/",
        "http://zipkin/#hunter2",
        "http://[fe80::1%25eth0]:9411/",
        "http://zip kin/",
        "http://zipkin.süd/",
        "http://127.1:9411/",
        "unix:/run/hunter2.sock",
    ] {
        let http = || HttpOptions::new(url).bearer("s3cret");
        let zipkin = || ZipkinReporter::builder(http());
        #[cfg(feature = "otlp")]
        let otlp = || tower_b3::otlp::OtlpReporter::builder(http());
        #[cfg(feature = "otlp")]
        let grpc = || otlp().protocol(tower_b3::otlp::Protocol::Grpc);
        let errors = [
            zipkin().build().map(drop),
            running.redirect(zipkin()),
            HttpSender::new(url).map(drop),
            TowerSender::new(url, service()).map(drop),
            #[cfg(feature = "otlp")]
            otlp().build().map(drop),
            #[cfg(feature = "otlp")]
            grpc().build().map(drop),
        ];
        for error in errors {
            let error = error.expect_err(url);
            assert_eq!(error.field(), "url", "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
