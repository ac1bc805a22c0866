use std::{fmt, str::FromStr};

/// What a service is called on its spans: Istio's `tracingServiceName`.
///
/// As text, for flags and configuration, each has Istio's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ServiceNaming {
    /// `APP_LABEL_AND_NAMESPACE`: the label `app`, else the workload, else `istio-proxy`; then
    /// the namespace. Istio's default.
    #[default]
    AppLabelAndNamespace,
    /// `CANONICAL_NAME_ONLY`: the canonical service.
    CanonicalNameOnly,
    /// `CANONICAL_NAME_AND_NAMESPACE`: the canonical service, then the namespace.
    CanonicalNameAndNamespace,
}

impl ServiceNaming {
    const ALL: [(ServiceNaming, &'static str); 3] = [
        (
            ServiceNaming::AppLabelAndNamespace,
            "APP_LABEL_AND_NAMESPACE",
        ),
        (ServiceNaming::CanonicalNameOnly, "CANONICAL_NAME_ONLY"),
        (
            ServiceNaming::CanonicalNameAndNamespace,
            "CANONICAL_NAME_AND_NAMESPACE",
        ),
    ];
}

impl fmt::Display for ServiceNaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = ServiceNaming::ALL.iter().find(|(naming, _)| naming == self);
        f.pad(name.map_or("", |(_, name)| name))
    }
}

impl FromStr for ServiceNaming {
    type Err = ParseServiceNamingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let naming = ServiceNaming::ALL.iter().find(|(_, name)| *name == text);
        naming
            .map(|(naming, _)| *naming)
            .ok_or(ParseServiceNamingError)
    }
}

/// The text is not the name of a [`ServiceNaming`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseServiceNamingError;

impl fmt::Display for ParseServiceNamingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "none of APP_LABEL_AND_NAMESPACE, CANONICAL_NAME_ONLY, CANONICAL_NAME_AND_NAMESPACE",
        )
    }
}

impl std::error::Error for ParseServiceNamingError {}
