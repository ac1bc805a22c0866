//! The names of Envoy's response flags, by their bits.

use crate::observe::FLAG_NAMES;

/// The short names of the flags, joined by commas; `-` if there is none.
pub(super) fn names(bits: u64) -> String {
    let names: Vec<&str> = FLAG_NAMES
        .iter()
        .enumerate()
        .filter(|(bit, _)| bits >> bit & 1 == 1)
        .map(|(_, name)| *name)
        .collect();
    match names.is_empty() {
        true => "-".to_owned(),
        false => names.join(","),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_have_the_bits_that_envoy_shows() {
        for (bits, name) in [
            (0, "-"),
            (2, "UH"),
            (4, "UT"),
            (32, "UF"),
            (64, "UC"),
            (256, "NR"),
            (16_384, "DC"),
            (262_144, "DPE"),
            (16_777_216, "NC"),
            (36, "UT,UF"),
            (1 << 63, "-"),
        ] {
            assert_eq!(names(bits), name);
        }
    }
}
