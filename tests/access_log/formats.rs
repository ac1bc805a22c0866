//! Formats: what is accepted, and what the errors say.

use crate::{
    common::get,
    log::{Logged, empty},
};
use proptest::prelude::*;
use tower_b3::access_log::{AccessLogFormat, JsonFormat};

#[track_caller]
fn error(format: &str) -> String {
    AccessLogFormat::text(format).unwrap_err().to_string()
}

#[test]
fn errors_name_the_operator_and_the_reason() {
    assert_eq!(error(""), "the format is empty");
    assert_eq!(
        error("50% of %PROTOCOL%"),
        "\"% of %PROTOCOL%\" does not start with an operator such as %PROTOCOL% or %REQ(header):20%; \
         write %% for a single %"
    );
    assert_eq!(error("%UNKNOWN%"), "%UNKNOWN% is not known here");
    assert_eq!(error("%UNKNOWN(x)%"), "%UNKNOWN% is not known here");
    assert_eq!(
        error("%REQUEST_DURATION%"),
        "%REQUEST_DURATION% is not supported: the layers do not see when the body of a request ends"
    );
    assert_eq!(
        error("%UPSTREAM_REMOTE_ADDRESS%"),
        "%UPSTREAM_REMOTE_ADDRESS% is not supported: a service has no upstream as a proxy has"
    );
    assert_eq!(
        error("%PROTOCOL:3%"),
        "%PROTOCOL% takes neither an argument nor a length"
    );
    assert_eq!(
        error("%PROTOCOL(x)%"),
        "%PROTOCOL% takes neither an argument nor a length"
    );
}

#[test]
fn an_object_has_a_name_only_once() {
    let inner = JsonFormat::object([("b", true), ("a", false), ("b", true)]);
    let error = AccessLogFormat::json(JsonFormat::object([("outer", inner)])).unwrap_err();
    assert_eq!(error.to_string(), "the name \"b\" is in an object twice");
}

#[test]
fn errors_name_the_argument_and_what_is_allowed() {
    let header = "a header name, or two names separated by `?`";
    assert_eq!(error("%REQ%"), format!("%REQ% needs an argument: {header}"));
    assert_eq!(
        error("%RESP()%"),
        format!("%RESP% needs an argument: {header}")
    );
    assert_eq!(
        error("%REQ(a?b?c)%"),
        format!("%REQ%: \"a?b?c\" is not {header}")
    );
    assert_eq!(
        error("%REQ(a b)%"),
        format!("%REQ%: \"a b\" is not {header}")
    );
    assert_eq!(
        error("%GRPC_STATUS(X)%"),
        "%GRPC_STATUS%: \"X\" is not CAMEL_STRING, SNAKE_STRING or NUMBER"
    );
    assert_eq!(
        error("%START_TIME:3%"),
        "%START_TIME% takes no maximum length"
    );
    assert!(
        error("%START_TIME(%n)%").starts_with("%START_TIME%: \"%n\" is not a time format of %Y")
    );
    assert!(error("%COMMON_DURATION(A:B)%").contains("\"A:B\" is not two of DS_RX_BEG"));
    assert!(error("%PATH(X)%").contains("\"X\" is not WQ or NQ"));
    assert!(error("%ENVIRONMENT%").contains("needs an argument"));
    // What Envoy calls an incorrect configuration.
    for text in ["%REQ(a%", "%REQ(x):x%", "%req(x)%", "%", "%REQ(x)", "% %"] {
        assert!(
            error(text).contains("does not start with an operator"),
            "{text}"
        );
    }
}

/// Envoy 1.40 accepts each of these, and has a value or `-` for it.
#[test]
fn an_argument_may_contain_percent_signs_and_parentheses() {
    let logged = Logged::text("%START_TIME(%%)% %START_TIME()))% a%%b %REQ(x-a):0%|");
    let line = logged.serve(get("/", "x-a: a"), empty);
    assert_eq!(line, "% )) a%b |");
}

proptest! {
    #[test]
    fn any_text_is_a_format_or_an_error(text in "([%():?A-Z_a-z0-9 ]|%REQ\\(x-a\\)|%PROTOCOL%|%%){0,30}") {
        let _ = AccessLogFormat::text(text);
    }

    /// A format of whole operators and text is written in its order.
    #[test]
    fn parts_are_written_in_their_order(
        parts in prop::collection::vec(prop_oneof![
            "[a-z \"]{1,5}".prop_map(|text| (text.clone(), text)),
            Just(("%%".to_owned(), "%".to_owned())),
            Just(("%RESPONSE_CODE%".to_owned(), "200".to_owned())),
            Just(("%REQ(X-None)%".to_owned(), "-".to_owned())),
            (0_usize..9).prop_map(|length| {
                (format!("%REQ(x-none?X-Value):{length}%"), "value"[..length.min(5)].to_owned())
            }),
        ], 1..12),
    ) {
        let (format, expected): (Vec<String>, Vec<String>) = parts.into_iter().unzip();
        let logged = Logged::text(&format.concat());
        let line = logged.serve(get("/", "x-value: value"), empty);
        prop_assert_eq!(line, expected.concat());
    }
}
