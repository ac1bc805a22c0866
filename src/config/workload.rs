use crate::istio::Identity;
use std::collections::BTreeMap;

/// The workload that a service belongs to: its namespace, and the labels of its pods.
///
/// ```
/// use tower_b3::config::Workload;
///
/// let workload = Workload::new("shop").label("app", "webapp").label("version", "v1");
/// assert_eq!(workload.namespace(), "shop");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
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

    /// Says that the labels are not known. Every selector in the namespace then counts as selecting
    /// this workload.
    #[must_use]
    pub fn labels_unknown(mut self) -> Workload {
        self.labels_unknown = true;
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Workload {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Adds labels.
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

    /// Whether a selector with these labels selects the workload: it has all of them.
    pub(super) fn is_selected_by(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut labels = labels.iter();
        self.labels_unknown || labels.all(|(name, value)| self.labels.get(name) == Some(value))
    }

    /// Whether pods with these labels may belong to the workload: at least one label is the same, and
    /// none has another value.
    pub(super) fn may_own_pods_with(&self, labels: &BTreeMap<String, String>) -> bool {
        let mut same = labels
            .iter()
            .filter_map(|(name, value)| self.labels.get(name).map(|own| own == value))
            .peekable();
        let unknown = labels.is_empty() || self.labels.is_empty();
        unknown || same.peek().is_some() && same.all(|same| same)
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
        Some(if labels.is_empty() {
            workload.labels_unknown()
        } else {
            workload.labels(labels.clone())
        })
    }
}
