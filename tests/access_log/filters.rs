//! Filters of Istio's configuration, in CEL.

use crate::configured::written;

/// The lines of one exchange of each direction, with this filter.
fn kept(expression: &str) -> String {
    let text = format!(
        "
accessLogFile: DIR/log
accessLogFormat: '%REQ(:PATH)%'
---
apiVersion: telemetry.istio.io/v1
kind: Telemetry
metadata: {{ name: filtered, namespace: istio-system }}
spec:
  accessLogging:
  - providers: [{{ name: envoy }}]
    filter: {{ expression: {expression:?} }}
"
    );
    written(&text, &["log"]).remove(0)
}

#[test]
fn an_exchange_for_which_the_filter_is_true_has_a_line() {
    let both = "/called\n/served\n";
    for (expression, expected) in [
        ("response.code >= 400", ""),
        ("response.code < 400", both),
        ("request.url_path == '/called'", "/called\n"),
        ("request.host.startsWith('catalog')", "/called\n"),
        ("request.method == 'GET' && response.flags == 0", both),
        ("'x-request-id' in request.headers", both),
        ("'x-none' in request.headers", ""),
        ("request.headers['x-request-id'] != ''", both),
        ("request.headers['x-none'] == 'a'", ""),
        ("request.headers['x-tenant'] == 'a,b'", "/served\n"),
        ("connection.mtls", ""),
        ("!connection.mtls", both),
        ("response.code_details == 'via_upstream'", both),
        ("request.duration < duration('1h')", both),
        // It has no meaning, so it is not true.
        ("request.method", ""),
    ] {
        assert_eq!(kept(expression), expected, "{expression}");
    }
}

#[test]
fn a_filter_that_cannot_be_parsed_leaves_out_the_log() {
    assert_eq!(kept("response.code >="), "");
}
