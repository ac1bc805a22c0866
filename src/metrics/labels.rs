//! `StandardLabel`: the labels of Istio's standard metrics.

/// The 25 labels of Istio's standard metrics, in Envoy's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum StandardLabel {
    Reporter,
    SourceWorkload,
    SourceCanonicalService,
    SourceCanonicalRevision,
    SourceWorkloadNamespace,
    SourcePrincipal,
    SourceApp,
    SourceVersion,
    SourceCluster,
    DestinationWorkload,
    DestinationWorkloadNamespace,
    DestinationPrincipal,
    DestinationApp,
    DestinationVersion,
    DestinationService,
    DestinationCanonicalService,
    DestinationCanonicalRevision,
    DestinationServiceName,
    DestinationServiceNamespace,
    DestinationCluster,
    RequestProtocol,
    ResponseCode,
    GrpcResponseStatus,
    ResponseFlags,
    ConnectionSecurityPolicy,
}

use StandardLabel::*;

impl StandardLabel {
    /// All of them, in Envoy's order.
    pub(crate) const ALL: [StandardLabel; 25] = [
        Reporter,
        SourceWorkload,
        SourceCanonicalService,
        SourceCanonicalRevision,
        SourceWorkloadNamespace,
        SourcePrincipal,
        SourceApp,
        SourceVersion,
        SourceCluster,
        DestinationWorkload,
        DestinationWorkloadNamespace,
        DestinationPrincipal,
        DestinationApp,
        DestinationVersion,
        DestinationService,
        DestinationCanonicalService,
        DestinationCanonicalRevision,
        DestinationServiceName,
        DestinationServiceNamespace,
        DestinationCluster,
        RequestProtocol,
        ResponseCode,
        GrpcResponseStatus,
        ResponseFlags,
        ConnectionSecurityPolicy,
    ];

    /// The name of the label.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reporter => "reporter",
            SourceWorkload => "source_workload",
            SourceCanonicalService => "source_canonical_service",
            SourceCanonicalRevision => "source_canonical_revision",
            SourceWorkloadNamespace => "source_workload_namespace",
            SourcePrincipal => "source_principal",
            SourceApp => "source_app",
            SourceVersion => "source_version",
            SourceCluster => "source_cluster",
            DestinationWorkload => "destination_workload",
            DestinationWorkloadNamespace => "destination_workload_namespace",
            DestinationPrincipal => "destination_principal",
            DestinationApp => "destination_app",
            DestinationVersion => "destination_version",
            DestinationService => "destination_service",
            DestinationCanonicalService => "destination_canonical_service",
            DestinationCanonicalRevision => "destination_canonical_revision",
            DestinationServiceName => "destination_service_name",
            DestinationServiceNamespace => "destination_service_namespace",
            DestinationCluster => "destination_cluster",
            RequestProtocol => "request_protocol",
            ResponseCode => "response_code",
            GrpcResponseStatus => "grpc_response_status",
            ResponseFlags => "response_flags",
            ConnectionSecurityPolicy => "connection_security_policy",
        }
    }

    /// The label of this name.
    #[cfg(any(test, feature = "metrics-config"))]
    pub(crate) fn from_name(name: &str) -> Option<StandardLabel> {
        let mut all = StandardLabel::ALL.into_iter();
        all.find(|label| label.name() == name)
    }

    /// Whether the counters of gRPC messages have it: those labels that do not depend on the response.
    pub(crate) fn is_message_label(self) -> bool {
        !matches!(
            self,
            RequestProtocol
                | ResponseCode
                | GrpcResponseStatus
                | ResponseFlags
                | ConnectionSecurityPolicy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_found() {
        for label in StandardLabel::ALL {
            assert_eq!(StandardLabel::from_name(label.name()), Some(label));
        }
        assert_eq!(StandardLabel::from_name("source"), None);
        assert!(StandardLabel::ALL.is_sorted());
    }

    #[test]
    fn twenty_labels_do_not_depend_on_the_response() {
        let messages = StandardLabel::ALL
            .into_iter()
            .filter(|label| label.is_message_label());
        assert_eq!(messages.count(), 20);
    }
}
