//! Writing numbers and addresses as text without allocating. Used by the encoders.

use std::{io::Write, net::IpAddr};

/// Appends a number in decimal.
#[inline]
pub(crate) fn write_number(number: u64, to: &mut Vec<u8>) {
    to.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends an IP address.
pub(crate) fn write_address(ip: IpAddr, to: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => {
            let [first, rest @ ..] = ip.octets();
            write_number(u64::from(first), to);
            for octet in rest {
                to.push(b'.');
                write_number(u64::from(octet), to);
            }
        }
        IpAddr::V6(ip) => {
            // Writing to a vector never fails.
            let _ = write!(to, "{ip}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_written_as_by_display() {
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut to = Vec::new();
            write(&mut to);
            String::from_utf8(to).unwrap()
        };
        let powers = (0..20).map(|power| 10_u64.pow(power));
        let edges = powers.flat_map(|power| [power - 1, power, power + 1]);
        for value in edges.chain([12, 305, u64::MAX]) {
            assert_eq!(written(&|to| write_number(value, to)), value.to_string());
        }
        for ip in ["0.0.0.0", "255.10.1.99", "::", "2001:db8::c001"] {
            let ip = ip.parse().unwrap();
            assert_eq!(written(&|to| write_address(ip, to)), ip.to_string());
        }
    }
}
