//! A host with a port, alone or as a part of a URL.

use crate::{digits::parse_digits, hosts};
use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Why a host and a port cannot be used. The text does not show them: if they come from a URL,
/// that may contain a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressError {
    Character,
    NotAscii,
    Credentials,
    NoHost,
    Host,
    Brackets,
    Ipv6,
    Zone,
    Ipv4,
    EmptyPort,
    NoPort,
    Port,
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressError::Character => "a space or a control character in the URL",
            AddressError::NotAscii => {
                "a character that is not ASCII: encode a host in Punycode, a path with percent signs"
            }
            AddressError::Credentials => "credentials in the URL",
            AddressError::NoHost => "no host",
            AddressError::Host => "the host is not a name or an IP address",
            AddressError::Brackets => "an IPv6 address needs brackets, as in [::1]:9411",
            AddressError::Ipv6 => "the text in brackets is not an IPv6 address",
            AddressError::Zone => "an IPv6 address with a zone, which is not supported",
            AddressError::Ipv4 => "the host ends in a number but is not an IPv4 address",
            AddressError::EmptyPort => "a colon after the host but no port",
            AddressError::NoPort => "no port after the host",
            AddressError::Port => "the port is not a number from 1 to 65535",
        })
    }
}

/// Checks a host with an optional port.
#[cfg(any(feature = "config", feature = "http"))]
pub(crate) fn check_authority(authority: &str) -> Result<(), AddressError> {
    check_host_and_port(authority, false)
}

/// Checks a host with a port.
#[cfg(any(feature = "config", feature = "kafka"))]
pub(crate) fn check_address(address: &str) -> Result<(), AddressError> {
    check_host_and_port(address, true)
}

fn check_host_and_port(text: &str, port_needed: bool) -> Result<(), AddressError> {
    check_characters(text)?;
    if text.contains('@') {
        return Err(AddressError::Credentials);
    }
    let (host, port) = split(text)?;
    check_host(host)?;
    match port {
        Some("") => Err(AddressError::EmptyPort),
        Some(port) => match parse_digits::<u16>(port) {
            Some(1..) => Ok(()),
            _ => Err(AddressError::Port),
        },
        None if port_needed => Err(AddressError::NoPort),
        None => Ok(()),
    }
}

/// The host, and the text after a colon if there is one.
fn split(authority: &str) -> Result<(&str, Option<&str>), AddressError> {
    let end = if authority.starts_with('[') {
        authority.find(']').map(|at| at + 1)
    } else {
        Some(authority.find(':').unwrap_or(authority.len()))
    };
    let (host, rest) = authority.split_at(end.ok_or(AddressError::Ipv6)?);
    match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => Err(AddressError::Brackets),
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(AddressError::Host),
    }
}

/// Checks a host name or an IP address; IPv6 must be in brackets.
fn check_host(host: &str) -> Result<(), AddressError> {
    if let Some(ip) = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']')) {
        return match ip.parse::<Ipv6Addr>() {
            Ok(_) => Ok(()),
            Err(_) if ip.contains('%') => Err(AddressError::Zone),
            Err(_) => Err(AddressError::Ipv6),
        };
    }
    if matches!(host, "" | ".") {
        return Err(AddressError::NoHost);
    }
    let name = hosts::name(host).ok_or(AddressError::Host)?;
    // The system's resolver reads `010.0.0.1` as 8.0.0.1, and `127.1` and `0x7f000001` as 127.0.0.1.
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last
        .get(..2)
        .is_some_and(|start| start.eq_ignore_ascii_case("0x"));
    let number = hex || last.bytes().all(|byte| byte.is_ascii_digit());
    if number && host.parse::<Ipv4Addr>().is_err() {
        return Err(AddressError::Ipv4);
    }
    Ok(())
}

pub(super) fn check_characters(text: &str) -> Result<(), AddressError> {
    if !text.is_ascii() {
        Err(AddressError::NotAscii)
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Err(AddressError::Character)
    } else {
        Ok(())
    }
}

#[cfg(all(test, any(feature = "config", feature = "kafka")))]
mod tests {
    use super::*;

    #[test]
    fn an_address_must_have_a_host_and_a_port() {
        for address in ["zipkin:9411", "[::1]:1", "10.0.0.1:65535"] {
            assert_eq!(check_address(address), Ok(()), "{address}");
        }
        assert_eq!(check_address("zipkin"), Err(AddressError::NoPort));
        assert_eq!(check_address("[::1]"), Err(AddressError::NoPort));
        assert_eq!(check_address("zipkin:"), Err(AddressError::EmptyPort));
        assert_eq!(check_address("zipkin:9411/"), Err(AddressError::Port));
        assert_eq!(check_address("http://zipkin"), Err(AddressError::Port));
    }
}
