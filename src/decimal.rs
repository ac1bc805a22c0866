//! Writing numbers and addresses as text without allocating. Used by the encoders.

use std::{io::Write, net::IpAddr};

/// Appends a number in decimal. It makes two digits per division.
pub(crate) fn write_number(mut number: u64, to: &mut Vec<u8>) {
    const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
        2021222324252627282930313233343536373839\
        4041424344454647484950515253545556575859\
        6061626364656667686970717273747576777879\
        8081828384858687888990919293949596979899";
    let mut digits = [0; 20];
    let mut start = digits.len();
    while number >= 10 {
        let pair = (number % 100) as usize * 2;
        number /= 100;
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
    }
    if number > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + number as u8;
    }
    to.extend_from_slice(&digits[start..]);
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
