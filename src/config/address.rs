//! The parts of URLs that documents write in their own way: `$(HOST_IP)`, hosts without a port, and
//! paths without a slash. [`endpoint`](super::endpoint) puts them together.

use super::proxy::HOST_IP;
use crate::{
    config_error::ConfigError,
    url::{self, AddressError},
};
use std::net::Ipv6Addr;

/// Zipkin's port, if a bootstrap names only a host.
const ZIPKIN_PORT: u16 = 9411;

/// A path with a slash at its beginning.
pub(super) fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

/// An IP address as it is written in a URL.
fn in_url(ip: String) -> String {
    match ip.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{ip}]"),
        Err(_) => ip,
    }
}

/// The address, with Zipkin's port if it has none.
pub(super) fn with_port(host: &str) -> String {
    match url::check_address(host) {
        Ok(()) => host.to_owned(),
        Err(_) => format!("{host}:{ZIPKIN_PORT}"),
    }
}

/// The address, with the IP address of the node from the environment if it begins with `$(HOST_IP)`.
pub(super) fn with_host_ip(address: &str) -> Result<String, ConfigError> {
    let Some(rest) = address.strip_prefix(HOST_IP) else {
        return Ok(address.to_owned());
    };
    let error = |reason: String| ConfigError::new("tracing.zipkin.address", reason);
    let ip = std::env::var("HOST_IP")
        .map_err(|_| error(format!("{HOST_IP} is not set in the environment")))?;
    at_host(ip, rest).map_err(|reason| error(format!("{HOST_IP} from the environment: {reason}")))
}

/// The address with this IP address in place of `$(HOST_IP)`.
fn at_host(ip: String, rest: &str) -> Result<String, AddressError> {
    let address = format!("{}{rest}", in_url(ip));
    url::check_address(&address).map(|()| address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_gets_brackets() {
        assert_eq!(in_url("10.1.2.3".to_owned()), "10.1.2.3");
        assert_eq!(in_url("fd00::1".to_owned()), "[fd00::1]");
        assert_eq!(in_url("node-1".to_owned()), "node-1");
    }

    #[test]
    fn host_ip_must_be_a_host_and_nothing_more() {
        let at = |ip: &str| at_host(ip.to_owned(), ":9411");
        assert_eq!(at("10.1.2.3"), Ok("10.1.2.3:9411".to_owned()));
        assert_eq!(at("fd00::1"), Ok("[fd00::1]:9411".to_owned()));
        for wrong in [
            "",
            "evil.example/",
            "evil.example?",
            "10.1.2.3:80",
            "a@b",
            "a\n",
        ] {
            assert!(at(wrong).is_err(), "{wrong}");
        }
    }
}
