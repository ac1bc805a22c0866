use super::{identity::Identity, service_naming::ServiceNaming};

/// The name that Istio gives to a proxy without one.
const UNNAMED: &str = "istio-proxy";

impl Identity {
    /// The name of the service, for [`Tracer::builder`](crate::Tracer::builder): the first of these
    /// that is known.
    ///
    /// | [`ServiceNaming`] | name |
    /// |---|---|
    /// | `AppLabelAndNamespace` | `{label app}.{namespace}`, `{workload}.{namespace}`, `{canonical service}.{namespace}`, `istio-proxy.{namespace}` |
    /// | `CanonicalNameOnly` | `{canonical service}`, `istio-proxy.{namespace}` |
    /// | `CanonicalNameAndNamespace` | `{canonical service}.{namespace}`, `istio-proxy.{namespace}` |
    ///
    /// If the namespace is not known, `.{namespace}` is left out.
    pub fn service_name(&self) -> String {
        let given = self.service_cluster.as_deref();
        if let Some(name) = given.filter(|name| is_name(name)) {
            return name.to_owned();
        }
        match (self.naming, self.canonical_service()) {
            (ServiceNaming::CanonicalNameOnly, Some(name)) if is_name(name) => name.to_owned(),
            (ServiceNaming::CanonicalNameAndNamespace, Some(name)) => self.in_namespace(name),
            (ServiceNaming::CanonicalNameAndNamespace, None) => self.in_namespace(UNNAMED),
            _ => {
                let app = self.first_label(&["app"]);
                let name = app.or(self.workload.as_deref());
                // Istio's injector always knows the workload; here it may not be set.
                let name = name.or_else(|| self.canonical_service());
                self.in_namespace(name.unwrap_or(UNNAMED))
            }
        }
    }

    fn in_namespace(&self, name: &str) -> String {
        match &self.namespace {
            Some(namespace) => format!("{name}.{namespace}"),
            None => name.to_owned(),
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name != UNNAMED
}
