//! `Bounds`: the buckets of a histogram, and `Buckets`, the settings for all histograms.

use crate::printable::quoted;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Envoy's buckets, in milliseconds and in bytes.
const ENVOY: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];
/// The buckets that OpenTelemetry recommends for durations, in seconds.
const SECONDS: [f64; 14] = [
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// The prefix of these metrics inside of Envoy, which the annotation refers to.
const STORED_PREFIX: &str = "istiocustom.";
/// More buckets would make every series too large.
const MAX_BOUNDS: usize = 100;

/// The buckets of one histogram. They include their bound.
#[derive(Debug, PartialEq)]
pub(in crate::metrics) struct Bounds {
    /// As they are exposed.
    pub(in crate::metrics) exposed: Arc<[f64]>,
    /// The largest whole number in each bucket, of what is counted.
    limits: Box<[u64]>,
    /// For numbers of each length in bits, the bucket of the least of them.
    first: [u8; 65],
    /// How many counted units make one exposed unit.
    per_unit: f64,
}

impl Bounds {
    fn new(exposed: &[f64], per_unit: f64) -> Bounds {
        // 0.29 s are 290,000 µs, even if the product is a little less.
        let limit = |bound: &f64| (bound * per_unit * (1.0 + f64::EPSILON)).floor() as u64;
        let limits: Box<[u64]> = exposed.iter().map(limit).collect();
        let first = std::array::from_fn(|bits| {
            let least = bits.checked_sub(1).map_or(0, |shift| 1 << shift);
            // There are at most `MAX_BOUNDS`.
            limits.partition_point(|limit| *limit < least) as u8
        });
        Bounds {
            exposed: exposed.into(),
            limits,
            first,
            per_unit,
        }
    }

    /// A sum in the exposed unit.
    pub(in crate::metrics) fn in_unit(&self, sum: u64) -> f64 {
        sum as f64 / self.per_unit
    }

    /// How many buckets there are, with the one that has no bound.
    pub(super) fn buckets(&self) -> usize {
        self.limits.len() + 1
    }

    /// The bucket that a value is in.
    #[inline]
    pub(super) fn bucket(&self, value: u64) -> usize {
        let bits = (u64::BITS - value.leading_zeros()) as usize;
        let first = usize::from(self.first[bits]);
        let above = self.limits.get(first..).unwrap_or_default().iter();
        first + above.take_while(|limit| **limit < value).count()
    }
}

/// The buckets of histograms. The default is Envoy's.
///
/// ```
/// use tower_b3::metrics::Buckets;
///
/// let buckets = Buckets::default()
///     .all([1.0, 5.0, 10.0, 50.0, 100.0, 500.0, 1_000.0, 5_000.0])?
///     .metric("istio_response_bytes", [1e3, 1e4, 1e5, 1e6])?;
/// # Ok::<(), tower_b3::metrics::BucketsError>(())
/// ```
///
/// Those of [`metric`](Self::metric) override those of [`all`](Self::all), in whatever order they are set.
///
/// Istio's annotation `sidecar.istio.io/statsHistogramBuckets` is read with the feature
/// `metrics-config`: see [`MetricsBuilder::shape`](crate::metrics::MetricsBuilder). Its keys are prefixes,
/// of which the shortest that matches applies, as in Envoy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Buckets {
    by_metric: BTreeMap<String, Vec<f64>>,
    all: Option<Vec<f64>>,
    /// Those of the annotation.
    by_prefix: BTreeMap<String, Vec<f64>>,
}

impl Buckets {
    /// Sets the buckets of one metric. A name that no histogram has has no effect, and is logged as a warning
    /// when the metrics are built.
    ///
    /// # Errors
    ///
    /// The bounds are not ascending numbers above zero.
    pub fn metric(
        mut self,
        name: &str,
        bounds: impl Into<Vec<f64>>,
    ) -> Result<Buckets, BucketsError> {
        let bounds = checked(quoted(name), bounds.into())?;
        self.by_metric.insert(name.to_owned(), bounds);
        Ok(self)
    }

    /// Sets the buckets of all metrics that have none of their own.
    ///
    /// # Errors
    ///
    /// The bounds are not ascending numbers above zero.
    pub fn all(mut self, bounds: impl Into<Vec<f64>>) -> Result<Buckets, BucketsError> {
        self.all = Some(checked("all metrics", bounds.into())?);
        Ok(self)
    }

    /// Sets the buckets of all metrics whose names in Envoy have this prefix: these are `istiocustom.` and
    /// the exposed name. Of several prefixes the shortest applies: Istio sorts them, and Envoy takes the first.
    #[cfg(feature = "metrics-config")]
    pub(crate) fn prefix(
        mut self,
        prefix: &str,
        bounds: Vec<f64>,
    ) -> Result<Buckets, BucketsError> {
        let bounds = checked(quoted(prefix), bounds)?;
        self.by_prefix.insert(prefix.to_owned(), bounds);
        Ok(self)
    }

    #[cfg(feature = "metrics-config")]
    pub(crate) fn is_empty(&self) -> bool {
        *self == Buckets::default()
    }

    /// The bounds for a metric, if they are set.
    pub(crate) fn bounds(&self, metric: &str) -> Option<&[f64]> {
        let stored = format!("{STORED_PREFIX}{metric}");
        let by_prefix = || {
            let mut sorted = self.by_prefix.iter();
            let first = sorted.find(|(prefix, _)| stored.starts_with(prefix.as_str()));
            first.map(|(_, bounds)| bounds)
        };
        let bounds = self.by_metric.get(metric).or(self.all.as_ref());
        bounds.or_else(by_prefix).map(Vec::as_slice)
    }

    /// The buckets of a metric that is exposed in the unit in which it is counted.
    pub(super) fn of(&self, metric: &str) -> Bounds {
        Bounds::new(self.bounds(metric).unwrap_or(&ENVOY), 1.0)
    }

    /// The buckets of a metric of durations. One in seconds counts microseconds, another one milliseconds.
    pub(super) fn of_durations(&self, metric: &str) -> Bounds {
        match is_in_seconds(metric) {
            true => Bounds::new(self.bounds(metric).unwrap_or(&SECONDS), 1e6),
            false => self.of(metric),
        }
    }

    /// The metrics whose buckets code has set.
    pub(in crate::metrics) fn metrics(&self) -> impl Iterator<Item = &str> {
        self.by_metric.keys().map(String::as_str)
    }
}

/// Whether a metric is exposed in seconds, by its name.
pub(super) fn is_in_seconds(metric: &str) -> bool {
    metric.ends_with("_seconds")
}

/// The bounds, if they are valid.
fn checked(of: impl fmt::Display, bounds: Vec<f64>) -> Result<Vec<f64>, BucketsError> {
    let positive = bounds.iter().all(|bound| bound.is_finite() && *bound > 0.0);
    let ascending = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    if !positive || !ascending || bounds.is_empty() || bounds.len() > MAX_BOUNDS {
        return Err(BucketsError {
            place: format!("buckets of {of}"),
            found: quoted(&format!("{bounds:?}")).to_string(),
            expected: "1 to 100 ascending numbers above zero",
        });
    }
    Ok(bounds)
}

/// Buckets are invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketsError {
    place: String,
    found: String,
    expected: &'static str,
}

impl fmt::Display for BucketsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BucketsError {
            place,
            found,
            expected,
        } = self;
        write!(f, "{place}: expected {expected}, found {found}")
    }
}

impl std::error::Error for BucketsError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    proptest! {
        #[test]
        fn a_value_is_in_the_first_bucket_that_includes_it(
            limits in btree_set(0..1_u64 << 50, 1..MAX_BOUNDS),
            value: u64,
            shift in 0..64_u32,
        ) {
            let exposed: Vec<f64> = limits.iter().map(|limit| *limit as f64).collect();
            let bounds = Bounds::new(&exposed, 1.0);
            let values = bounds.limits.iter().flat_map(|limit| [*limit, limit.saturating_add(1)]);
            for value in values.chain([value >> shift, 0, u64::MAX]) {
                let expected = bounds.limits.partition_point(|limit| *limit < value);
                prop_assert_eq!(bounds.bucket(value), expected, "{}", value);
            }
        }
    }

    #[test]
    fn bounds_are_inclusive() {
        let bounds = Buckets::default().of("istio_request_bytes");
        for (value, bucket) in [(0, 0), (1, 1), (2, 2), (5, 2), (6, 3), (100, 6), (101, 7)] {
            assert_eq!(bounds.bucket(value), bucket, "{value}");
        }
        assert_eq!(bounds.bucket(3_600_000), 18);
        assert_eq!(bounds.bucket(u64::MAX), 19);
        let seconds = Buckets::default().of_durations("http_server_request_duration_seconds");
        for (microseconds, bucket) in [
            (5_000, 0),
            (5_001, 1),
            (75_000, 4),
            (250_000, 6),
            (10_000_000, 13),
            (10_000_001, 14),
        ] {
            assert_eq!(seconds.bucket(microseconds), bucket, "{microseconds} µs");
        }
    }

    #[test]
    fn bounds_in_seconds_are_exact_microseconds() {
        for microseconds in 1..200_000_u64 {
            let seconds = format!("0.{microseconds:06}").parse().unwrap();
            let bounds = Bounds::new(&[seconds], 1e6);
            assert_eq!(bounds.limits[0], microseconds, "{seconds}");
            assert_eq!(bounds.in_unit(microseconds), seconds);
        }
    }

    #[test]
    fn a_value_in_seconds_is_no_duration() {
        let bounds = Buckets::default().of("istio_waited_seconds");
        assert_eq!((bounds.bucket(5), bounds.in_unit(5)), (2, 5.0));
    }

    fn overrides(by_prefix: &[(&str, &[f64])]) -> Buckets {
        let mut buckets = Buckets::default();
        for (prefix, bounds) in by_prefix {
            buckets
                .by_prefix
                .insert((*prefix).to_owned(), bounds.to_vec());
        }
        buckets
    }

    #[test]
    fn overrides_match_by_prefix_of_the_stored_name() {
        let first =
            |prefix: &str, metric: &str| overrides(&[(prefix, &[7.0])]).of(metric).exposed[0];
        let metric = "istio_request_bytes";
        for (prefix, bound) in [
            ("istiocustom", 7.0),
            ("istio", 7.0),
            ("istiocustom.istio_request_bytes", 7.0),
            ("istio_request_bytes", 0.5),
            ("cluster.", 0.5),
        ] {
            assert_eq!(first(prefix, metric), bound, "{prefix}");
        }
    }

    #[test]
    fn the_shortest_prefix_applies() {
        let two = |one: &str, other: &str| {
            let buckets = overrides(&[(one, &[7.0]), (other, &[8.0])]);
            buckets.of("istio_request_bytes").exposed[0]
        };
        assert_eq!(two("istio", "istiocustom.istio_request"), 7.0);
        assert_eq!(two("istiocustom.istio_request", "istiocustom"), 8.0);
        assert_eq!(
            two("istiocustom.istio_response", "istiocustom.istio_r"),
            8.0
        );
        assert_eq!(two("a", "istiocustom.istio_request_bytes"), 8.0);
    }

    #[test]
    fn a_metric_overrides_all() {
        let metric = "istio_request_bytes";
        let none = Buckets::default();
        let last = none.clone().all([7.0]).unwrap().metric(metric, [8.0]);
        let first = none.metric(metric, [8.0]).unwrap().all([7.0]);
        for buckets in [first, last] {
            let buckets = buckets.unwrap();
            assert_eq!(buckets.of(metric).exposed[0], 8.0);
            for other in ["istio_request_bytes_of_mine", "istio_response_bytes"] {
                assert_eq!(buckets.of(other).exposed[0], 7.0, "{other}");
            }
        }
    }

    #[test]
    fn an_error_names_what_was_found() {
        for (bounds, found) in [
            (&[2.0, 1.0][..], "[2.0, 1.0]"),
            (&[], "[]"),
            (&[0.0], "[0.0]"),
        ] {
            let error = Buckets::default().all(bounds).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "buckets of all metrics: expected 1 to 100 ascending numbers above zero, \
                     found \"{found}\""
                )
            );
        }
    }
}
