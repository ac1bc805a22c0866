//! Properties of any URL of a reporter, and of any header of its requests.

use http::Uri;
use tower_b3::report::{HttpOptions, HttpSender, Sender, TowerSender};

/// Input: a URL, and below it a header's name and value.
pub fn url(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let mut lines = input.split('\n');
    let mut next = || lines.next().unwrap_or_default();
    let (url, name, value) = (next(), next(), next());

    // The error does not show a password.
    let secret = url.replacen('@', ":hunter2@", 1);
    if let Err(error) = TowerSender::new(&secret, ()) {
        let error = error.to_string();
        assert!(error.len() < 200, "{error}");
        assert!(
            url.contains("hunter2") || !error.contains("hunter2"),
            "{error}"
        );
    }
    let Ok(sender) = HttpSender::new(url) else {
        return;
    };
    let destination = sender.destination();
    let uri: Uri = destination.parse().unwrap();
    let authority = uri.authority().unwrap();
    assert!(!authority.as_str().contains('@'));
    assert!(!authority.host().is_empty());
    // A port in the URL is the port that is connected to.
    let after = authority.as_str().strip_prefix(authority.host()).unwrap();
    let port = after
        .strip_prefix(':')
        .map(|port| port.trim_start_matches('0'));
    let connected = authority.port_u16().map(|port| port.to_string());
    assert_eq!(port, connected.as_deref(), "{destination}");
    assert_ne!(connected.as_deref(), Some("0"));

    let again = HttpSender::new(&destination).unwrap();
    assert_eq!(again.destination(), destination);
    let options = || HttpOptions::new(&destination);
    for options in [
        options().header(name, value),
        options().bearer(value),
        options().basic(name, value),
    ] {
        let _ = format!("{options:?}");
        let _ = TowerSender::new(options, ());
    }
}
