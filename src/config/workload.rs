use crate::istio::Identity;
use std::collections::BTreeMap;

/// The workload that a service is: where it runs, and its pods' labels.
///
/// ```
/// use tower_b3::config::Workload;
///
/// let workload = Workload::new("shop").label("app", "webapp").label("version", "v1");
/// assert_eq!(workload.namespace(), "shop");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Workload {
    namespace: String,
    labels: BTreeMap<String, String>,
    labels_unknown: bool,
}

impl Workload {
    /// A workload in this namespace, without labels.
    pub fn new(namespace: impl Into<String>) -> Workload {
        Workload {
            namespace: namespace.into(),
            labels: BTreeMap::new(),
            labels_unknown: false,
        }
    }

    /// The same, but its labels are not known: whatever is selected in its namespace may be it, and
    /// counts.
    #[must_use]
    pub fn labels_unknown(mut self) -> Workload {
        self.labels_unknown = true;
        self
    }

    /// The same with this label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Workload {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// The same with these labels.
    #[must_use]
    pub fn labels<N, V>(mut self, labels: impl IntoIterator<Item = (N, V)>) -> Workload
    where
        N: Into<String>,
        V: Into<String>,
    {
        let labels = labels.into_iter();
        self.labels
            .extend(labels.map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether all of these are among its labels.
    pub(super) fn has_all(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut labels = labels.iter();
        self.labels_unknown || labels.all(|(name, value)| self.labels.get(name) == Some(value))
    }

    /// Whether these may be the labels of its pods: none is another, and some are the same.
    pub(super) fn may_have(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut same = labels
            .iter()
            .filter_map(|(name, value)| self.labels.get(name).map(|own| own == value))
            .peekable();
        let none = labels.is_empty() || self.labels.is_empty();
        none || same.peek().is_some() && same.all(|same| same)
    }
}

impl Identity {
    /// The workload, for choosing the [documents](crate::config::Documents) that apply to it. `None`
    /// if the namespace is not known. If the labels are not known, every selector in the namespace
    /// counts.
    #[cfg_attr(docsrs, doc(cfg(feature = "config")))]
    pub fn workload(&self) -> Option<Workload> {
        let workload = Workload::new(self.known_namespace()?);
        let labels = self.known_labels();
        Some(match labels.is_empty() {
            true => workload.labels_unknown(),
            false => workload.labels(labels.clone()),
        })
    }
}
