//! `Key`: the small numbers by which a series is found.

use super::generation::{Metric, Source};
use crate::metrics::labels::StandardLabel;
use std::hash::{Hash, Hasher};

/// No gRPC status.
pub(in crate::metrics) const NO_STATUS: u16 = u16::MAX;

/// What the series of a direction differ in.
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
    /// The series of what there is no room for.
    pub(in crate::metrics) overflow: bool,
}

impl Hash for Key {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        let statuses = u32::from(self.code) << 16 | u32::from(self.grpc_status);
        let bits = u64::from(self.grpc) << 1 | u64::from(self.overflow);
        state.write_u64(pair(self.peer, self.destination));
        state.write_u64(pair(self.principals, self.values));
        state.write_u64(pair(self.request_labels, self.response_labels));
        state.write_u64(pair(self.operation, statuses));
        state.write_u64(self.flags << 2 | bits);
    }
}

impl Key {
    /// The key of what there is no room for.
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
    };
}

/// Which parts of a key the labels of some metrics show. Without the others there are fewer series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::metrics) struct Mask {
    peer: bool,
    destination: bool,
    principals: bool,
    values: bool,
    request_labels: bool,
    response_labels: bool,
    operation: bool,
    flags: bool,
    code: bool,
    grpc_status: bool,
    grpc: bool,
}

impl Mask {
    pub(in crate::metrics) fn of<'a>(metrics: impl IntoIterator<Item = &'a Metric>) -> Mask {
        let mut mask = Mask::default();
        for (_, source) in metrics.into_iter().flat_map(|metric| &metric.columns) {
            match source {
                Source::Standard(label) => mask.add(*label),
                Source::Value(_) => mask.values = true,
                Source::Request(_) => mask.request_labels = true,
                Source::Response(_) => mask.response_labels = true,
                Source::Method | Source::Route => mask.operation = true,
                Source::ServerAddress | Source::ServerPort => mask.destination = true,
                Source::Status => mask.code = true,
                Source::ErrorType => {
                    mask.code = true;
                    mask.flags = true;
                }
                Source::Constant(_) => {}
            }
        }
        mask
    }

    fn add(&mut self, label: StandardLabel) {
        use StandardLabel::*;
        match label {
            Reporter => {}
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
            | DestinationCluster => self.peer = true,
            // By the peer's principal, if it has one.
            SourceWorkloadNamespace
            | DestinationWorkloadNamespace
            | SourcePrincipal
            | DestinationPrincipal => {
                self.peer = true;
                self.principals = true;
            }
            ConnectionSecurityPolicy => self.principals = true,
            // A host of two labels, or one outside of the mesh, depends on the peer's namespace.
            DestinationService | DestinationServiceName | DestinationServiceNamespace => {
                self.destination = true;
                self.peer = true;
                self.principals = true;
            }
            RequestProtocol => self.grpc = true,
            ResponseCode => self.code = true,
            GrpcResponseStatus => self.grpc_status = true,
            ResponseFlags => self.flags = true,
        }
    }

    #[inline]
    pub(in crate::metrics) fn apply(self, key: Key) -> Key {
        let number = |shown: bool, number: u32| if shown { number } else { 0 };
        let short = |shown: bool, number: u16| if shown { number } else { 0 };
        Key {
            peer: number(self.peer, key.peer),
            destination: number(self.destination, key.destination),
            principals: number(self.principals, key.principals),
            values: number(self.values, key.values),
            request_labels: number(self.request_labels, key.request_labels),
            response_labels: number(self.response_labels, key.response_labels),
            operation: number(self.operation, key.operation),
            flags: if self.flags { key.flags } else { 0 },
            code: short(self.code, key.code),
            grpc_status: short(self.grpc_status, key.grpc_status),
            grpc: self.grpc && key.grpc,
            overflow: key.overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        direction::Direction,
        metrics::{plan::Plan, store::generation::Generation},
    };

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
        overflow: false,
    };

    #[test]
    fn what_no_label_shows_is_left_out() {
        let mut plan = Plan::standard(Direction::Server);
        let mask = |plan: &Plan| Mask::of(&Generation::of_plan(plan.clone(), &[]).metrics);
        let expected = Key {
            values: 0,
            request_labels: 0,
            response_labels: 0,
            operation: 0,
            ..KEY
        };
        assert_eq!(mask(&plan).apply(KEY), expected);
        for metric in &mut plan.metrics {
            metric.labels.retain(|(name, _)| name == "response_code");
        }
        let expected = Key {
            code: 200,
            ..Key::default()
        };
        assert_eq!(mask(&plan).apply(KEY), expected);
    }
}
