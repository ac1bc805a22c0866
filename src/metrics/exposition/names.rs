//! The names that Prometheus accepts.

/// Whether a metric may have this name.
pub(in crate::metrics) fn is_metric_name(name: &str) -> bool {
    is_name(name, |byte| byte == b':')
}

/// Whether a label may have this name. Names that start with two underscores are reserved by Prometheus, and
/// `le` is the label of buckets.
pub(in crate::metrics) fn is_label_name(name: &str) -> bool {
    is_name(name, |_| false) && !name.starts_with("__") && name != "le"
}

fn is_name(name: &str, other: impl Fn(u8) -> bool) -> bool {
    let starts = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_' || other(byte);
    let first = name.bytes().next().is_some_and(starts);
    first
        && name
            .bytes()
            .all(|byte| starts(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics_and_labels() {
        for (name, metric, label) in [
            ("istio_requests_total", true, true),
            ("_a1", true, true),
            ("a:b", true, false),
            ("__name__", true, false),
            ("le", true, false),
            ("1a", false, false),
            ("a-b", false, false),
            ("a b", false, false),
            ("ä", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (is_metric_name(name), is_label_name(name)),
                (metric, label),
                "{name}"
            );
        }
    }
}
