use crate::{digits::whole, printable::quoted};
use std::{fmt, net::IpAddr};

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    /// How many bits count, from the first.
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, or an address alone.
    pub(super) fn parse(text: &str) -> Result<Network, NetworkError> {
        let flawed = |flaw| NetworkError {
            entry: text.to_owned(),
            flaw,
        };
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| flawed(Flaw::Address))?;
        let bits = bits(address);
        let prefix = match prefix {
            None => bits,
            Some(prefix) => read_prefix(prefix, bits).ok_or(flawed(Flaw::Prefix(bits)))?,
        };
        let canonical = address.to_canonical();
        let mapped = bits - self::bits(canonical);
        Ok(Network {
            address: canonical,
            prefix: prefix.checked_sub(mapped).ok_or(flawed(Flaw::Mapped))?,
        })
    }

    /// Whether the address, which is not an IPv4-mapped one, is in the network.
    pub(super) fn contains(self, ip: IpAddr) -> bool {
        let rest = u32::from(bits(self.address) - self.prefix);
        let differ = match (self.address, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => u128::from(own.to_bits() ^ ip.to_bits()),
            (IpAddr::V6(own), IpAddr::V6(ip)) => own.to_bits() ^ ip.to_bits(),
            _ => return false,
        };
        // Nothing is left of 128 bits that are all shifted out.
        differ.checked_shr(rest).unwrap_or(0) == 0
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn read_prefix(text: &str, most: u8) -> Option<u8> {
    whole(text).filter(|&prefix| prefix <= most)
}

/// A network cannot be read: which, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkError {
    entry: String,
    flaw: Flaw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Address,
    /// With the most that it can be.
    Prefix(u8),
    Mapped,
}

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "network {}: ", quoted(&self.entry))?;
        match self.flaw {
            Flaw::Address => {
                f.write_str("not an IP address, nor one with a prefix as in 10.0.0.0/8")
            }
            Flaw::Prefix(most) => write!(f, "the prefix is not a number from 0 to {most}"),
            Flaw::Mapped => f.write_str("the prefix of an IPv4-mapped address is less than 96"),
        }
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_what_begins_with_its_bits() {
        for (network, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.0/8", "10.0.0.0", "9.255.255.255"),
            ("172.16.0.0/12", "172.31.255.255", "172.32.0.0"),
            ("192.0.2.128/25", "192.0.2.255", "192.0.2.127"),
            ("192.0.2.7/32", "192.0.2.7", "192.0.2.6"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            // What comes after the prefix does not count.
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
    fn errors_name_the_entry_and_the_reason() {
        let address = "not an IP address, nor one with a prefix as in 10.0.0.0/8";
        let prefix = |most| format!("the prefix is not a number from 0 to {most}");
        for (entry, reason) in [
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
                "the prefix of an IPv4-mapped address is less than 96".to_owned(),
            ),
        ] {
            let error = Network::parse(entry).unwrap_err().to_string();
            assert_eq!(error, format!("network {entry:?}: {reason}"));
        }
    }
}
