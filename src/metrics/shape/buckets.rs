//! [`BucketOverrides`]: the bounds of histograms' buckets, from an annotation.

/// The bounds of buckets, by the beginnings of names as Envoy stores them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct BucketOverrides(Vec<(String, Vec<f64>)>);

/// What Envoy's names of these metrics start with.
const STORED_PREFIX: &str = "istiocustom.";

impl BucketOverrides {
    pub(crate) fn new(by_prefix: Vec<(String, Vec<f64>)>) -> BucketOverrides {
        BucketOverrides(by_prefix)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bounds for a metric, such as `istio_request_bytes`, if they are overridden. Of several
    /// prefixes, the longest counts.
    pub(crate) fn bounds(&self, metric: &str) -> Option<&[f64]> {
        let stored = format!("{STORED_PREFIX}{metric}");
        let matching = self.0.iter();
        let matching = matching.filter(|(prefix, _)| stored.starts_with(prefix.as_str()));
        let longest = matching.max_by_key(|(prefix, _)| prefix.len());
        longest.map(|(_, bounds)| &bounds[..])
    }
}
