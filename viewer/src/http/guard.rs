//! Who may ask: protects traces against pages from elsewhere that run in the same browser.

use super::reply::{Refusal, Reply, refusal};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
    },
    request::Parts,
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The page loads its own files and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Which hosts and origins are allowed.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    /// Names in lower case; `*` for all.
    pub(super) hosts: Vec<String>,
    /// Origins as browsers send them; `*` for all.
    pub(super) origins: Vec<String>,
    /// Whether every IP address is allowed as the host: for a server that listens on the network. A
    /// name that an attacker controls is not an address.
    pub(super) any_address: bool,
}

impl Guard {
    /// Refuses a request that a page from elsewhere may have sent.
    ///
    /// `takes_spans`: whether it is a POST to a collector. Unless a browser sent it, that may have any
    /// host, because some clients send another name: Envoy sends that of its cluster.
    pub(super) fn check(&self, head: &Parts, takes_spans: bool) -> Result<(), Refusal> {
        let Parts {
            method,
            uri,
            headers,
            ..
        } = head;
        if takes_spans && !is_of_browser(headers) {
            return Ok(());
        }
        let host = headers.get(HOST).map(HeaderValue::to_str);
        let host = match host {
            Some(Ok(host)) => Some(host),
            Some(Err(_)) => {
                return Err(refusal(
                    StatusCode::BAD_REQUEST,
                    "The header Host is not text.",
                ));
            }
            None => uri.authority().map(http::uri::Authority::as_str),
        };
        if let Some(host) = host {
            self.check_host(host)?;
        }
        if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
            return Ok(());
        }
        match headers.get(ORIGIN) {
            Some(origin) => self.check_origin(origin, host),
            None if is_cross_site(headers) => Err(cross_origin("another site")),
            None => Ok(()),
        }
    }

    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let name = without_port(host);
        if self.is_allowed_host(name) {
            return Ok(());
        }
        let sentence = format!(
            "The host {name:?} is not allowed, to protect against DNS rebinding. Allowed are \
             localhost and loopback addresses; allow others with --allow-host."
        );
        Err(refusal(StatusCode::FORBIDDEN, sentence))
    }

    fn is_allowed_host(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        if self.hosts.iter().any(|host| host == "*" || *host == name) {
            return true;
        }
        let v4 = name.parse::<Ipv4Addr>().map(IpAddr::V4);
        let v6 = name.trim_start_matches('[').trim_end_matches(']');
        let ip = v4.or_else(|_| v6.parse::<Ipv6Addr>().map(IpAddr::V6));
        ip.is_ok_and(|ip| self.any_address || ip.to_canonical().is_loopback())
    }

    fn check_origin(&self, origin: &HeaderValue, host: Option<&str>) -> Result<(), Refusal> {
        let origin = String::from_utf8_lossy(origin.as_bytes());
        let is_own = || {
            let (_, authority) = origin.split_once("://")?;
            Some(authority.eq_ignore_ascii_case(host?))
        };
        if self.is_allowed_origin(&origin) || is_own() == Some(true) {
            return Ok(());
        }
        Err(cross_origin(&origin))
    }

    fn is_allowed_origin(&self, origin: &str) -> bool {
        let mut allowed = self.origins.iter();
        allowed.any(|allowed| allowed == "*" || allowed.eq_ignore_ascii_case(origin))
    }

    /// Adds what every response says to browsers.
    pub(super) fn finish(&self, origin: Option<&HeaderValue>, reply: &mut Reply) {
        let headers = reply.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if self.origins.is_empty() {
            return;
        }
        headers.insert(VARY, HeaderValue::from_static("origin"));
        let allowed = |origin: &&HeaderValue| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| self.is_allowed_origin(origin))
        };
        if let Some(origin) = origin.filter(allowed) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let methods = HeaderValue::from_static("GET, POST");
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
            let names = HeaderValue::from_static("content-type, content-encoding, b3");
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
        }
    }
}

fn cross_origin(origin: &str) -> Refusal {
    let sentence = format!(
        "Requests from {origin} are not allowed, because any page in the same browser could send \
         them. Allow an origin with --allow-origin."
    );
    refusal(StatusCode::FORBIDDEN, sentence)
}

/// Browsers send `Origin` with every POST, to the page's own server too.
fn is_of_browser(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) || headers.contains_key("sec-fetch-site")
}

fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // In an IPv6 address without brackets, the last part is not a port.
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => {
            if port.bytes().all(|digit| digit.is_ascii_digit()) {
                name
            } else {
                host
            }
        }
        _ => host,
    }
}
