use crate::printable::quoted;
use std::{fmt, str::FromStr};

/// How the service name is made: Istio's `tracingServiceName`.
///
/// It parses from and displays as Istio's names, for flags and configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ServiceNaming {
    /// `APP_LABEL_AND_NAMESPACE`: the label `app`, else the workload, else `istio-proxy`; then the
    /// namespace. Istio's default.
    #[default]
    AppLabelAndNamespace,
    /// `CANONICAL_NAME_ONLY`: the canonical service.
    CanonicalNameOnly,
    /// `CANONICAL_NAME_AND_NAMESPACE`: the canonical service, then the namespace.
    CanonicalNameAndNamespace,
}

impl ServiceNaming {
    const ALL: [ServiceNaming; 3] = [
        ServiceNaming::AppLabelAndNamespace,
        ServiceNaming::CanonicalNameOnly,
        ServiceNaming::CanonicalNameAndNamespace,
    ];

    fn name(self) -> &'static str {
        match self {
            ServiceNaming::AppLabelAndNamespace => "APP_LABEL_AND_NAMESPACE",
            ServiceNaming::CanonicalNameOnly => "CANONICAL_NAME_ONLY",
            ServiceNaming::CanonicalNameAndNamespace => "CANONICAL_NAME_AND_NAMESPACE",
        }
    }
}

impl fmt::Display for ServiceNaming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ServiceNaming {
    type Err = ParseServiceNamingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = ServiceNaming::ALL.into_iter();
        all.find(|naming| naming.name() == text)
            .ok_or_else(|| ParseServiceNamingError(text.to_owned()))
    }
}

/// A text is not the name of a [`ServiceNaming`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseServiceNamingError(String);

impl fmt::Display for ParseServiceNamingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "service naming {}: not one of APP_LABEL_AND_NAMESPACE, CANONICAL_NAME_ONLY, \
             CANONICAL_NAME_AND_NAMESPACE",
            quoted(&self.0)
        )
    }
}

impl std::error::Error for ParseServiceNamingError {}
