//! `Key`: the numbers that identify a series.

use super::generation::{Metric, Source};
use crate::metrics::labels::StandardLabel;
use std::hash::{Hash, Hasher};

/// No gRPC status.
pub(in crate::metrics) const NO_STATUS: u16 = u16::MAX;
/// A gRPC status that gRPC does not define.
pub(in crate::metrics) const INVALID_STATUS: u16 = u16::MAX - 1;

/// Identifies a series of a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::metrics) struct Key {
    pub(in crate::metrics) peer: u32,
    pub(in crate::metrics) destination: u32,
    pub(in crate::metrics) principals: u32,
    /// The number of the computed values that are labels.
    pub(in crate::metrics) values: u32,
    pub(in crate::metrics) request_labels: u32,
    pub(in crate::metrics) response_labels: u32,
    /// The number of method and route.
    pub(in crate::metrics) operation: u32,
    /// Envoy's response flags as bits.
    pub(in crate::metrics) flags: u64,
    pub(in crate::metrics) code: u16,
    pub(in crate::metrics) grpc_status: u16,
    pub(in crate::metrics) grpc: bool,
    /// The number of the scheme of the request's URL: at most 3.
    pub(in crate::metrics) url_scheme: u8,
    /// The series of overflows.
    pub(in crate::metrics) overflow: bool,
    /// The parts that were not kept, because no label used them.
    pub(in crate::metrics) hidden: Parts,
}

impl Key {
    /// The key of the series of overflows.
    pub(in crate::metrics) const OVERFLOW: Key = Key {
        overflow: true,
        peer: 0,
        destination: 0,
        principals: 0,
        values: 0,
        request_labels: 0,
        response_labels: 0,
        operation: 0,
        flags: 0,
        code: 0,
        grpc_status: 0,
        grpc: false,
        url_scheme: 0,
        hidden: Parts(0),
    };
}

impl Key {
    /// The key as the table has it.
    #[inline]
    pub(in crate::metrics) fn packed(&self) -> PackedKey {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let statuses = u32::from(self.code) << 16 | u32::from(self.grpc_status);
        let bits = u64::from(self.grpc) << 1 | u64::from(self.overflow);
        PackedKey([
            pair(self.peer, self.destination),
            pair(self.principals, self.values),
            pair(self.request_labels, self.response_labels),
            pair(self.operation, statuses),
            self.flags << FLAGS
                | u64::from(self.url_scheme) << URL_SCHEME
                | u64::from(self.hidden.0) << HIDDEN
                | bits,
        ])
    }
}

/// The shift of the response flags in the last word. Envoy has fewer than 32.
const FLAGS: u32 = 16;
/// The shift of the scheme in the last word.
const URL_SCHEME: u32 = 14;
/// The bits of a scheme.
const URL_SCHEME_BITS: u8 = 3;
/// The shift of the hidden parts in the last word.
const HIDDEN: u32 = 2;

/// A [`Key`] in words: hashed, masked and compared in a few instructions.
#[derive(Debug, Clone, Copy, Eq)]
pub(in crate::metrics) struct PackedKey([u64; 5]);

impl PartialEq for PackedKey {
    /// Without a call of `memcmp`.
    #[inline]
    fn eq(&self, other: &PackedKey) -> bool {
        let words = self.0.iter().zip(&other.0);
        words.fold(0, |different, (one, other)| different | (one ^ other)) == 0
    }
}

/// Odd numbers with many ones, one for each word of a key.
const FACTORS: [u64; 5] = [
    0x9e37_79b9_7f4a_7c15,
    0xbf58_476d_1ce4_e5b9,
    0x94d0_49bb_1331_11eb,
    0xd6e8_feb8_6659_fd93,
    0xff51_afd7_ed55_8ccd,
];

impl Hash for PackedKey {
    /// The words are multiplied at the same time, where the hasher would do it one after the other. The sum
    /// does not depend on the hasher's seed, but callers cannot choose the numbers of a key.
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let words = self.0.iter().zip(FACTORS);
        let sum = words.fold(0_u64, |sum, (word, factor)| {
            let product = u128::from(*word) * u128::from(factor);
            sum.wrapping_add(product as u64 ^ (product >> 64) as u64)
        });
        state.write_u64(sum);
    }
}

impl PackedKey {
    pub(in crate::metrics) fn is_overflow(self) -> bool {
        self.0[4] & 1 == 1
    }

    /// The same for an unknown peer.
    pub(in crate::metrics) fn without_peer(mut self) -> PackedKey {
        self.0[0] &= u64::from(u32::MAX);
        self
    }

    pub(in crate::metrics) fn key(self) -> Key {
        let [peers, labels, own, statuses, bits] = self.0;
        let (high, low) = (|word: u64| (word >> 32) as u32, |word: u64| word as u32);
        Key {
            peer: high(peers),
            destination: low(peers),
            principals: high(labels),
            values: low(labels),
            request_labels: high(own),
            response_labels: low(own),
            operation: high(statuses),
            flags: bits >> FLAGS,
            code: (low(statuses) >> 16) as u16,
            grpc_status: low(statuses) as u16,
            grpc: bits & 2 != 0,
            url_scheme: (bits >> URL_SCHEME) as u8 & URL_SCHEME_BITS,
            overflow: self.is_overflow(),
            hidden: Parts((bits >> HIDDEN) as u16 & Parts::ALL.0),
        }
    }
}

/// Some of the parts of a key, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::metrics) struct Parts(u16);

impl Parts {
    const PEER: Parts = Parts(1);
    const DESTINATION: Parts = Parts(1 << 1);
    const PRINCIPALS: Parts = Parts(1 << 2);
    const VALUES: Parts = Parts(1 << 3);
    const REQUEST_LABELS: Parts = Parts(1 << 4);
    const RESPONSE_LABELS: Parts = Parts(1 << 5);
    const OPERATION: Parts = Parts(1 << 6);
    const FLAGS: Parts = Parts(1 << 7);
    const CODE: Parts = Parts(1 << 8);
    const GRPC_STATUS: Parts = Parts(1 << 9);
    const GRPC: Parts = Parts(1 << 10);
    const URL_SCHEME: Parts = Parts(1 << 11);
    const ALL: Parts = Parts((1 << 12) - 1);

    /// The parts that determine the value of a label.
    pub(in crate::metrics) fn of(source: &Source) -> Parts {
        match source {
            Source::Standard(label) => Parts::of_standard(*label),
            Source::Value(_) => Parts::VALUES,
            Source::Request(_) => Parts::REQUEST_LABELS,
            Source::Response(_) => Parts::RESPONSE_LABELS,
            Source::Method | Source::Route => Parts::OPERATION,
            Source::ServerAddress | Source::ServerPort => Parts::DESTINATION,
            Source::Status => Parts::CODE,
            Source::ErrorType => Parts::CODE.and(Parts::FLAGS),
            Source::UrlScheme => Parts::URL_SCHEME,
            Source::Constant(_) => Parts::default(),
        }
    }

    fn of_standard(label: StandardLabel) -> Parts {
        use StandardLabel::*;
        match label {
            Reporter => Parts::default(),
            // Of the own workload in one direction, of the peer in the other.
            SourceWorkload
            | SourceCanonicalService
            | SourceCanonicalRevision
            | SourceApp
            | SourceVersion
            | SourceCluster
            | DestinationWorkload
            | DestinationCanonicalService
            | DestinationCanonicalRevision
            | DestinationApp
            | DestinationVersion
            | DestinationCluster => Parts::PEER,
            // By the peer's principal, if it has one.
            SourceWorkloadNamespace
            | DestinationWorkloadNamespace
            | SourcePrincipal
            | DestinationPrincipal => Parts::PEER.and(Parts::PRINCIPALS),
            ConnectionSecurityPolicy => Parts::PRINCIPALS,
            // A host of two labels, or one outside of the mesh, depends on the peer's namespace.
            DestinationService | DestinationServiceName | DestinationServiceNamespace => {
                Parts::DESTINATION.and(Parts::PEER).and(Parts::PRINCIPALS)
            }
            RequestProtocol => Parts::GRPC,
            ResponseCode => Parts::CODE,
            GrpcResponseStatus => Parts::GRPC_STATUS,
            ResponseFlags => Parts::FLAGS,
        }
    }

    fn and(self, other: Parts) -> Parts {
        Parts(self.0 | other.0)
    }

    fn contains(self, other: Parts) -> bool {
        self.0 & other.0 == other.0
    }

    pub(in crate::metrics) fn overlaps(self, other: Parts) -> bool {
        self.0 & other.0 != 0
    }
}

/// Keeps the parts of a key that the labels of some metrics use. Without the others there are fewer series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::metrics) struct Mask {
    words: [u64; 5],
    hidden: Parts,
}

impl Mask {
    pub(in crate::metrics) fn of<'a>(metrics: impl IntoIterator<Item = &'a Metric>) -> Mask {
        let columns = metrics.into_iter().flat_map(|metric| &metric.columns);
        let used = columns.fold(Parts::default(), |used, (_, source)| {
            used.and(Parts::of(source))
        });
        let number = |part| if used.contains(part) { u32::MAX } else { 0 };
        let short = |part| if used.contains(part) { u16::MAX } else { 0 };
        let kept = Key {
            peer: number(Parts::PEER),
            destination: number(Parts::DESTINATION),
            principals: number(Parts::PRINCIPALS),
            values: number(Parts::VALUES),
            request_labels: number(Parts::REQUEST_LABELS),
            response_labels: number(Parts::RESPONSE_LABELS),
            operation: number(Parts::OPERATION),
            flags: match used.contains(Parts::FLAGS) {
                true => u64::MAX >> FLAGS,
                false => 0,
            },
            code: short(Parts::CODE),
            grpc_status: short(Parts::GRPC_STATUS),
            grpc: used.contains(Parts::GRPC),
            url_scheme: match used.contains(Parts::URL_SCHEME) {
                true => URL_SCHEME_BITS,
                false => 0,
            },
            overflow: false,
            // A part that was hidden in a series of an earlier configuration is still not known.
            hidden: used,
        };
        Mask {
            words: kept.packed().0,
            hidden: Parts(!used.0 & Parts::ALL.0),
        }
    }

    #[inline]
    pub(in crate::metrics) fn apply(&self, key: Key) -> PackedKey {
        if key.overflow {
            return Key::OVERFLOW.packed();
        }
        let mut words = key.packed().0;
        for (word, kept) in words.iter_mut().zip(self.words) {
            *word &= kept;
        }
        words[4] |= u64::from(self.hidden.0) << HIDDEN;
        PackedKey(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::hash::FoldState;
    use crate::{
        direction::Direction,
        metrics::{plan::Plan, store::generation::Generation},
    };
    use proptest::prelude::*;
    use std::{collections::HashSet, hash::BuildHasher};

    const KEY: Key = Key {
        peer: 1,
        destination: 2,
        principals: 3,
        values: 4,
        request_labels: 5,
        response_labels: 6,
        operation: 7,
        flags: 8,
        code: 200,
        grpc_status: 9,
        grpc: true,
        url_scheme: 1,
        overflow: false,
        hidden: Parts(0),
    };

    #[test]
    fn keys_of_usual_numbers_have_different_hashes() {
        let state = FoldState::default();
        let mut keys = HashSet::new();
        for (code, flags) in [(200, 0), (404, 0), (503, 1 << 6), (0, 1 << 14)] {
            for (one, other) in (0..40).flat_map(|one| (0..40).map(move |other| (one, other))) {
                for (peer, destination, values, operation) in [
                    (one, other, 0, 0),
                    (one, 0, other, 0),
                    (one, 0, 0, other),
                    (0, one, other, 0),
                ] {
                    let key = Key {
                        peer,
                        destination,
                        values,
                        operation,
                        code,
                        flags,
                        ..Key::default()
                    };
                    keys.insert(key.packed());
                }
            }
        }
        let hashes: HashSet<u64> = keys.iter().map(|key| state.hash_one(key)).collect();
        assert_eq!(hashes.len(), keys.len());
    }

    fn mask(plan: &Plan) -> Mask {
        Mask::of(&Generation::of_plan(plan.clone(), &[]).metrics)
    }

    #[test]
    fn a_part_that_no_label_uses_is_left_out() {
        let mut plan = Plan::standard(Direction::Server);
        let hidden = [
            Parts::VALUES,
            Parts::REQUEST_LABELS,
            Parts::RESPONSE_LABELS,
            Parts::OPERATION,
            Parts::URL_SCHEME,
        ];
        let expected = Key {
            values: 0,
            request_labels: 0,
            response_labels: 0,
            operation: 0,
            url_scheme: 0,
            hidden: hidden.into_iter().fold(Parts::default(), Parts::and),
            ..KEY
        };
        assert_eq!(mask(&plan).apply(KEY).key(), expected);
        for metric in &mut plan.metrics {
            metric.labels.retain(|(name, _)| name == "response_code");
        }
        let expected = Key {
            code: 200,
            hidden: Parts(Parts::ALL.0 & !Parts::CODE.0),
            ..Key::default()
        };
        assert_eq!(mask(&plan).apply(KEY).key(), expected);
    }

    #[test]
    fn a_hidden_part_stays_hidden() {
        let mut plan = Plan::standard(Direction::Server);
        let all = mask(&plan);
        for metric in &mut plan.metrics {
            metric.labels.retain(|(name, _)| name != "response_code");
        }
        let counted = mask(&plan).apply(KEY).key();
        let used_again = all.apply(counted).key();
        assert_eq!(used_again.code, 0);
        assert!(used_again.hidden.contains(Parts::CODE));
        assert!(!all.apply(KEY).key().hidden.overlaps(Parts::CODE));
    }

    #[test]
    fn the_key_of_an_overflow_has_no_other_parts() {
        let mask = mask(&Plan::standard(Direction::Server));
        let overflow = mask.apply(Key::OVERFLOW);
        assert_eq!(overflow, Key::OVERFLOW.packed());
        assert!(overflow.is_overflow());
    }

    proptest! {
        #[test]
        fn a_packed_key_has_all_parts(
            numbers: [u32; 7],
            flags in 0..1_u64 << 40,
            code: u16,
            grpc_status: u16,
            grpc: bool,
            url_scheme in 0..=URL_SCHEME_BITS,
            overflow: bool,
            hidden in 0..=Parts::ALL.0,
        ) {
            let [peer, destination, principals, values, request_labels, response_labels, operation] =
                numbers;
            let key = Key {
                peer,
                destination,
                principals,
                values,
                request_labels,
                response_labels,
                operation,
                flags,
                code,
                grpc_status,
                grpc,
                url_scheme,
                overflow,
                hidden: Parts(hidden),
            };
            prop_assert_eq!(key.packed().key(), key);
            prop_assert_eq!(key.packed().without_peer().key(), Key { peer: 0, ..key });
        }
    }
}
