//! The service name and the node id.

use crate::{POD, identity};
use tower_b3::{Tracer, istio::ServiceNaming};

/// `NAME=value` pairs, and the name by app label and namespace, by canonical name, and by both.
const NAMES: &[(&str, &str, &str, &str)] = &[
    (POD, "web.shop", "web", "web.shop"),
    (
        "service.istio.io/canonical-name=c|app.kubernetes.io/name=k|app=a|",
        "a",
        "c",
        "c",
    ),
    (
        "POD_NAMESPACE=n|service.istio.io/canonical-name=c|app.kubernetes.io/name=k|app=a",
        "a.n",
        "c",
        "c.n",
    ),
    (
        "POD_NAMESPACE=n|app.kubernetes.io/name=k|app=a|ISTIO_META_WORKLOAD_NAME=w",
        "a.n",
        "k",
        "k.n",
    ),
    (
        "POD_NAMESPACE=n|CANONICAL_SERVICE=v|service.istio.io/canonical-name=c",
        "v.n",
        "v",
        "v.n",
    ),
    (
        "POD_NAMESPACE=n|ISTIO_META_WORKLOAD_NAME=w",
        "w.n",
        "w",
        "w.n",
    ),
    (
        "POD_NAMESPACE=n|app.kubernetes.io/name=k",
        "k.n",
        "k",
        "k.n",
    ),
    ("ISTIO_META_WORKLOAD_NAME=w", "w", "w", "w"),
    (
        "POD_NAMESPACE=n",
        "istio-proxy.n",
        "istio-proxy.n",
        "istio-proxy.n",
    ),
    (
        "POD_NAMESPACE=n|ISTIO_META_WORKLOAD_NAME=istio-proxy",
        "istio-proxy.n",
        "istio-proxy.n",
        "istio-proxy.n",
    ),
    ("", "istio-proxy", "istio-proxy", "istio-proxy"),
    // Empty is absent.
    (
        "POD_NAMESPACE=|app=|CANONICAL_SERVICE=|ISTIO_META_WORKLOAD_NAME=w",
        "w",
        "w",
        "w",
    ),
];

#[test]
fn the_service_is_named_as_istio_names_it() {
    for &(lines, by_app, by_canonical, by_both) in NAMES {
        let named = |naming| identity(lines).naming(naming).service_name();
        assert_eq!(identity(lines).service_name(), by_app, "{lines}");
        assert_eq!(
            named(ServiceNaming::AppLabelAndNamespace),
            by_app,
            "{lines}"
        );
        assert_eq!(
            named(ServiceNaming::CanonicalNameOnly),
            by_canonical,
            "{lines}"
        );
        assert_eq!(
            named(ServiceNaming::CanonicalNameAndNamespace),
            by_both,
            "{lines}"
        );
    }
}

#[test]
fn the_service_cluster_overrides_the_name_unless_empty_or_default() {
    for naming in [
        ServiceNaming::AppLabelAndNamespace,
        ServiceNaming::CanonicalNameOnly,
        ServiceNaming::CanonicalNameAndNamespace,
    ] {
        let identity = identity(POD).naming(naming);
        let named = |cluster: &str| identity.clone().service_cluster(cluster).service_name();
        assert_eq!(named("mine"), "mine");
        for none in ["", "istio-proxy"] {
            assert_eq!(named(none), identity.service_name());
        }
    }
}

#[test]
fn service_naming_parses_and_prints_istios_names() {
    for (text, naming) in [
        (
            "APP_LABEL_AND_NAMESPACE",
            ServiceNaming::AppLabelAndNamespace,
        ),
        ("CANONICAL_NAME_ONLY", ServiceNaming::CanonicalNameOnly),
        (
            "CANONICAL_NAME_AND_NAMESPACE",
            ServiceNaming::CanonicalNameAndNamespace,
        ),
    ] {
        assert_eq!(text.parse(), Ok(naming));
        assert_eq!(naming.to_string(), text);
    }
    let error = "app_label".parse::<ServiceNaming>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "service naming \"app_label\": not one of APP_LABEL_AND_NAMESPACE, CANONICAL_NAME_ONLY, \
         CANONICAL_NAME_AND_NAMESPACE"
    );
}

#[test]
fn the_node_id_is_that_of_the_proxy() {
    for (lines, id) in [
        (
            POD,
            Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local"),
        ),
        (
            "POD_NAME=p|POD_NAMESPACE=n|POD_IP=fd00::1",
            Some("sidecar~fd00::1~p.n~n.svc.cluster.local"),
        ),
        (
            "POD_NAME=p|POD_NAMESPACE=n|INSTANCE_IP=10.0.0.1|POD_IP=10.0.0.2",
            Some("sidecar~10.0.0.1~p.n~n.svc.cluster.local"),
        ),
        (
            "POD_NAME=p|POD_NAMESPACE=n|INSTANCE_IP=|POD_IP=10.0.0.2",
            Some("sidecar~10.0.0.2~p.n~n.svc.cluster.local"),
        ),
        (
            "POD_NAME=p|POD_NAMESPACE=n|INSTANCE_IP=not an address",
            Some("sidecar~~p.n~n.svc.cluster.local"),
        ),
        ("POD_NAME=p|INSTANCE_IP=10.0.0.1", None),
        ("POD_NAMESPACE=n|INSTANCE_IP=10.0.0.1", None),
        ("POD_NAME=|POD_NAMESPACE=n", None),
        ("", None),
    ] {
        assert_eq!(identity(lines).node_id().as_deref(), id, "{lines}");
    }
    let elsewhere = identity(POD).dns_domain("shop.svc.example.org");
    assert_eq!(
        elsewhere.node_id().as_deref(),
        Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.example.org")
    );
}

#[test]
fn the_service_name_is_used_for_the_tracer() {
    let identity = identity(POD);
    let tracer = Tracer::builder(identity.service_name());
    let tracer = tracer.identity(identity).build().unwrap();
    assert!(format!("{tracer:?}").contains("web.shop"));
}
