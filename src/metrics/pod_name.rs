//! The name of a workload from the name of one of its pods, by the rules of Kubernetes' controllers.

/// The characters of names that Kubernetes generates: no vowels, and none that look alike.
const GENERATED: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// The workload that a pod with this name belongs to; the pod itself if no controller has named it.
///
/// | pod | workload |
/// |---|---|
/// | `webapp-5b7c8d9f4c-x2x9k` | `webapp`, a Deployment |
/// | `db-0` | `db`, a StatefulSet |
/// | `agent-x2x9k` | `agent`, a DaemonSet, ReplicaSet or Job |
/// | `backup-28123456-x2x9k` | `backup`, a CronJob |
pub(super) fn workload(pod: &str) -> &str {
    let Some((rest, last)) = pod.rsplit_once('-').filter(|(rest, _)| !rest.is_empty()) else {
        return pod;
    };
    if is_number(last) {
        return rest;
    }
    if last.len() != 5 || !is_generated(last) {
        return pod;
    }
    match rest.rsplit_once('-').filter(|(name, _)| !name.is_empty()) {
        // A hash of the pod's template; or the minute that a CronJob ran at.
        Some((name, hash)) if (8..=10).contains(&hash.len()) && is_generated(hash) => name,
        Some((name, time)) if time.len() >= 8 && is_number(time) => name,
        _ => rest,
    }
}

fn is_generated(text: &str) -> bool {
    text.bytes().all(|byte| GENERATED.contains(&byte))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_of_pods() {
        for (pod, name) in [
            ("webapp-5b7c8d9f4c-x2x9k", "webapp"),
            ("catalog-6cf4b97489-7fj2q", "catalog"),
            (
                "istio-ingressgateway-996bc6bb6-lrzgx",
                "istio-ingressgateway",
            ),
            ("shop-web-5b7c8d9f4c-x2x9k", "shop-web"),
            ("db-0", "db"),
            ("db-main-12", "db-main"),
            ("agent-x2x9k", "agent"),
            ("import-27-x2x9k", "import-27"),
            ("backup-28123456-x2x9k", "backup"),
            // Not generated: vowels, or another length.
            ("web-house", "web-house"),
            ("web-x2x9", "web-x2x9"),
            ("web", "web"),
            ("-x2x9k", "-x2x9k"),
            ("-0", "-0"),
            ("", ""),
        ] {
            assert_eq!(workload(pod), name, "{pod}");
        }
    }
}
