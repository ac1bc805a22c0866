//! A network in CIDR notation: parsing, and whether it contains an address.
//!
//! Used by [`TrustedNetworks`](super::TrustedNetworks).

use crate::{digits::parse_digits, printable::quoted};
use std::{fmt, net::IpAddr};

/// All addresses that start with the same bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    prefix_length: u8,
}

impl Network {
    /// Parses `10.0.0.0/8`, or a single address.
    pub(super) fn parse(text: &str) -> Result<Network, ParseNetworkError> {
        let error = |reason| ParseNetworkError {
            network: text.to_owned(),
            reason,
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| error(Reason::Address))?;
        let max = bits(address);
        let prefix_length = match prefix {
            None => max,
            Some(prefix) => parse_digits(prefix)
                .filter(|&length| length <= max)
                .ok_or(error(Reason::Prefix { max }))?,
        };
        // An IPv4-mapped address is kept as IPv4, without the 96 bits in front of it.
        let canonical = address.to_canonical();
        let mapped_bits = max - bits(canonical);
        Ok(Network {
            address: canonical,
            prefix_length: prefix_length
                .checked_sub(mapped_bits)
                .ok_or(error(Reason::MappedPrefix))?,
        })
    }

    /// Returns whether the network contains this address, which is not IPv4-mapped.
    pub(super) fn contains(self, ip: IpAddr) -> bool {
        let host_bits = u32::from(bits(self.address) - self.prefix_length);
        let difference = match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => u128::from(own.to_bits() ^ ip.to_bits()),
            (IpAddr::V6(own), IpAddr::V6(ip)) => own.to_bits() ^ ip.to_bits(),
            _ => return false,
        };
        // Shifting by 128 is `None`: no bit of the address counts.
        difference.checked_shr(host_bits).unwrap_or(0) == 0
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// A text is not a network. The error names the text and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseNetworkError {
    network: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Address,
    Prefix { max: u8 },
    MappedPrefix,
}

impl fmt::Display for ParseNetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}: ", quoted(&self.network))?;
        match self.reason {
            Reason::Address => {
                f.write_str("not an IP address, alone or with a prefix as in 10.0.0.0/8")
            }
            Reason::Prefix { max } => write!(f, "the prefix is not a number from 0 to {max}"),
            Reason::MappedPrefix => {
                f.write_str("the prefix of an IPv4-mapped address is not a number from 96 to 128")
            }
        }
    }
}

impl std::error::Error for ParseNetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_the_addresses_with_its_prefix() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.0/8", "10.0.0.0", "9.255.255.255"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            // Bits after the prefix do not count.
            ("10.1.2.3/8", "10.9.9.9", "11.1.2.3"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00::/8", "fdff:ffff::1", "fe00::"),
            ("2001:db8::/32", "2001:db8:ffff::", "2001:db9::"),
            ("::1/128", "::1", "::2"),
            ("::1", "::1", "::2"),
            ("::/0", "ffff::", "10.0.0.1"),
            ("::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0"),
            ("::ffff:0.0.0.0/96", "10.1.2.3", "::1"),
            ("::ffff:10.1.2.3", "10.1.2.3", "10.1.2.4"),
        ] {
            let parsed = Network::parse(network).unwrap();
            assert!(
                parsed.contains(inside.parse().unwrap()),
                "{network} {inside}"
            );
            assert!(
                !parsed.contains(outside.parse().unwrap()),
                "{network} {outside}"
            );
        }
    }

    #[test]
    fn errors_name_the_network_and_the_reason() {
        let address = "not an IP address, alone or with a prefix as in 10.0.0.0/8";
        let prefix = |max| format!("the prefix is not a number from 0 to {max}");
        for (network, reason) in [
            ("", address.to_owned()),
            ("/8", address.to_owned()),
            ("10.0.0/8", address.to_owned()),
            ("010.0.0.0/8", address.to_owned()),
            (" 10.0.0.0/8", address.to_owned()),
            ("[fd00::]/8", address.to_owned()),
            ("fe80::1%eth0/64", address.to_owned()),
            ("localhost", address.to_owned()),
            ("10.0.0.0/", prefix(32)),
            ("10.0.0.0/33", prefix(32)),
            ("10.0.0.0/256", prefix(32)),
            ("10.0.0.0/+8", prefix(32)),
            ("10.0.0.0/-8", prefix(32)),
            ("10.0.0.0/255.0.0.0", prefix(32)),
            ("10.0.0.0/8/8", prefix(32)),
            ("fd00::/129", prefix(128)),
            (
                "::ffff:10.0.0.0/8",
                "the prefix of an IPv4-mapped address is not a number from 96 to 128".to_owned(),
            ),
        ] {
            let error = Network::parse(network).unwrap_err().to_string();
            assert_eq!(error, format!("network {network:?}: {reason}"));
        }
    }
}
