//! Properties of any baggage.

use tower_b3::metrics::PeerMetadata;

/// Input: the value of the header. It is read as Istio's proxies do: each field is the last member with
/// its key, as far as it is a label.
pub fn baggage(input: &[u8]) {
    let Ok(peer) = PeerMetadata::from_baggage(input) else {
        assert!(input.len() > 8 * 1024);
        return;
    };
    let last = |keys: &[&'static str]| {
        let members = input.split(|byte| *byte == b',').rev();
        let mut members = members.map(|member| member.split(|byte| *byte == b'='));
        members.find_map(|mut parts| {
            let name = parts.next()?;
            let key = keys.iter().find(|key| key.as_bytes() == name)?;
            Some((*key, label(parts.next().unwrap_or_default())))
        })
    };
    let text = |key| last(&[key]).map_or(String::new(), |(_, text)| text);
    for (key, field) in [
        ("k8s.namespace.name", &peer.namespace),
        ("k8s.cluster.name", &peer.cluster),
        ("k8s.instance.name", &peer.name),
        ("cloud.region", &peer.region),
        ("cloud.availability_zone", &peer.availability_zone),
    ] {
        assert_eq!(*field, text(key), "{key}");
    }
    for (key, field, other) in [
        ("service.name", &peer.canonical_service, "app.name"),
        ("app.name", &peer.app, "service.name"),
        ("service.version", &peer.canonical_revision, "app.version"),
        ("app.version", &peer.version, "service.version"),
    ] {
        let expected = Some(text(key)).filter(|text| !text.is_empty());
        assert_eq!(*field, expected.unwrap_or_else(|| text(other)), "{key}");
    }
    let kinds = [
        ("k8s.deployment.name", "deployment"),
        ("k8s.pod.name", "pod"),
        ("k8s.job.name", "job"),
        ("k8s.cronjob.name", "cronjob"),
    ];
    match last(&kinds.map(|(key, _)| key)) {
        Some((key, workload)) => {
            assert_eq!(peer.workload, workload);
            // What else a name is, its owner cannot be taken apart.
            if !workload.contains('/') {
                let kind = kinds.iter().find(|(name, _)| *name == key);
                assert_eq!(peer.workload_type(), kind.map(|(_, kind)| *kind));
            }
        }
        None => assert!(peer.workload.is_empty() && peer.owner.is_empty()),
    }
    // What it tells can be told in metadata too.
    assert_eq!(PeerMetadata::decode(peer.encode().as_bytes()), Ok(peer));
}

/// A value that can be a label.
fn label(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if text.len() <= 253 && !text.contains(char::is_control) => text.to_owned(),
        _ => String::new(),
    }
}
