//! Who a service is in an Istio mesh.

mod common;

use common::{Lab, Script, drain, get, now};
use http::{Request, Response};
use std::{convert::Infallible, fs, path::PathBuf, process::Command};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    istio::{Identity, ServiceNaming},
    record::{Kind, SpanRecord},
    tag::Tag,
};

/// From `NAME=value` pairs, divided by `|`; those with a lower-case first letter are labels.
fn identity(lines: &str) -> Identity {
    let pairs = || {
        let lines = lines.split('|').filter(|line| !line.is_empty());
        lines.map(|line| line.split_once('=').unwrap())
    };
    let identity = Identity::from_vars(|name| {
        let (_, value) = pairs().find(|(known, _)| *known == name)?;
        Some(value.to_owned())
    });
    let labels = pairs().filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase()));
    labels.fold(identity, |identity, (name, value)| {
        identity.label(name, value)
    })
}

const POD: &str = "POD_NAME=webapp-5d4-x2x|POD_NAMESPACE=shop|INSTANCE_IP=10.1.2.3|\
    ISTIO_META_WORKLOAD_NAME=webapp|ISTIO_META_CLUSTER_ID=Kubernetes|ISTIO_META_MESH_ID=mesh1|\
    app=web|version=v1";

#[test]
fn the_service_is_named_as_istio_names_it() {
    let canonical = "service.istio.io/canonical-name=c|app.kubernetes.io/name=k|app=a|";
    for (lines, by_app, by_canonical, by_both) in [
        (POD, "web.shop", "web", "web.shop"),
        (canonical, "a", "c", "c"),
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
    ] {
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
fn the_service_cluster_wins_if_it_is_a_name() {
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
fn namings_have_istios_names() {
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

/// A request that is served, and one that is sent for it.
fn spans(lab: &Lab) -> [SpanRecord; 2] {
    let catalog = service_fn(|_: Request<()>| {
        std::future::ready(Ok::<_, Infallible>(Response::new(Script::default())))
    });
    let mut client = lab.tracer.client_layer().layer(catalog);
    let shop = service_fn(move |_: Request<()>| {
        let mut response = now(client.call(Request::new(()))).unwrap();
        drain(response.body_mut()).unwrap();
        std::future::ready(Ok::<_, Infallible>(Response::new(Script::default())))
    });
    let mut service = lab.tracer.server_layer().layer(shop);
    let mut response = now(service.call(get("/", ""))).unwrap();
    drain(response.body_mut()).unwrap();
    let spans: [SpanRecord; 2] = lab.spans.take(2).try_into().unwrap();
    let kinds = [Kind::Client, Kind::Server].map(Some);
    assert_eq!([spans[0].kind(), spans[1].kind()], kinds);
    spans
}

#[track_caller]
fn assert_tags(spans: &[SpanRecord], tags: &[(&str, Option<&str>)]) {
    for span in spans {
        for (name, value) in tags {
            assert_eq!(span.tag(name).as_deref(), *value, "{name} of {span:#?}");
        }
    }
}

#[test]
fn the_spans_of_both_directions_say_who_the_service_is() {
    let lab = Lab::of(|builder| builder.identity(identity(POD)));
    assert_tags(
        &spans(&lab),
        &[
            (
                "node_id",
                Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local"),
            ),
            ("istio.canonical_service", Some("web")),
            ("istio.canonical_revision", Some("v1")),
            ("istio.namespace", Some("shop")),
            ("istio.cluster_id", Some("Kubernetes")),
            ("istio.mesh_id", Some("mesh1")),
            ("component", Some("proxy")),
        ],
    );
}

#[test]
fn what_is_not_known_has_istios_default() {
    let lab = Lab::of(|builder| builder.identity(identity("")));
    assert_tags(
        &spans(&lab),
        &[
            ("node_id", None),
            ("istio.canonical_service", Some("unknown")),
            ("istio.canonical_revision", Some("latest")),
            ("istio.namespace", Some("default")),
            ("istio.cluster_id", Some("unknown")),
            ("istio.mesh_id", Some("unknown")),
            ("component", Some("proxy")),
        ],
    );
}

#[test]
fn each_tag_has_its_sources_in_their_order() {
    for (lines, tag, value) in [
        ("CLUSTER_ID=b", "istio.cluster_id", "b"),
        (
            "CLUSTER_ID=b|ISTIO_META_CLUSTER_ID=a",
            "istio.cluster_id",
            "a",
        ),
        ("TRUST_DOMAIN=c", "istio.mesh_id", "c"),
        ("TRUST_DOMAIN=c|MESH_ID=b", "istio.mesh_id", "b"),
        ("MESH_ID=b|ISTIO_META_MESH_ID=a", "istio.mesh_id", "a"),
        ("MESH_ID=b|ISTIO_META_MESH_ID=", "istio.mesh_id", "b"),
        ("ISTIO_META_WORKLOAD_NAME=d", "istio.canonical_service", "d"),
        (
            "ISTIO_META_WORKLOAD_NAME=d|app=c",
            "istio.canonical_service",
            "c",
        ),
        (
            "app=c|app.kubernetes.io/name=b",
            "istio.canonical_service",
            "b",
        ),
        (
            "app.kubernetes.io/name=b|service.istio.io/canonical-name=a",
            "istio.canonical_service",
            "a",
        ),
        (
            "service.istio.io/canonical-name=a|CANONICAL_SERVICE=given",
            "istio.canonical_service",
            "given",
        ),
        ("version=c", "istio.canonical_revision", "c"),
        (
            "version=c|app.kubernetes.io/version=b",
            "istio.canonical_revision",
            "b",
        ),
        (
            "app.kubernetes.io/version=b|service.istio.io/canonical-revision=a",
            "istio.canonical_revision",
            "a",
        ),
        (
            "service.istio.io/canonical-revision=a|CANONICAL_REVISION=given",
            "istio.canonical_revision",
            "given",
        ),
        (
            "version=|app.kubernetes.io/version=",
            "istio.canonical_revision",
            "latest",
        ),
    ] {
        let lab = Lab::of(|builder| builder.identity(identity(lines)));
        assert_tags(&spans(&lab), &[(tag, Some(value))]);
    }
}

#[test]
fn without_istios_tags_the_node_and_the_component_are_there_still() {
    let lab = Lab::of(|builder| builder.identity(identity(POD).istio_tags(false)));
    let spans = spans(&lab);
    assert_tags(
        &spans,
        &[
            (
                "node_id",
                Some("sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local"),
            ),
            ("component", Some("proxy")),
        ],
    );
    for span in &spans {
        assert!(!span.tags().any(|(name, _)| name.starts_with("istio.")));
    }
}

#[test]
fn a_tag_and_a_component_of_ones_own_win_wherever_they_are_said() {
    let own = || Tag::literal("istio.mesh_id", "own");
    let first = Lab::of(|builder| {
        let builder = builder.component("mine").tag(own());
        builder.identity(identity(POD))
    });
    let last = Lab::of(|builder| {
        let builder = builder.identity(identity(POD));
        builder.tag(own()).component("mine")
    });
    for lab in [first, last] {
        assert_tags(
            &spans(&lab),
            &[
                ("istio.mesh_id", Some("own")),
                ("istio.cluster_id", Some("Kubernetes")),
                ("component", Some("mine")),
            ],
        );
    }
    let plain = Lab::new();
    assert_tags(&spans(&plain), &[("component", Some("tower-b3"))]);
}

#[test]
fn the_identity_stays_where_tags_change_at_run_time() {
    let lab = Lab::of(|builder| builder.identity(identity(POD)).tag(Tag::literal("a", "1")));
    for direction in [Direction::Server, Direction::Client] {
        let tags = [Tag::literal("b", "2"), Tag::literal("istio.mesh_id", "own")];
        lab.tracer.set_tags_for(direction, tags).unwrap();
    }
    assert_tags(
        &spans(&lab),
        &[
            ("a", None),
            ("b", Some("2")),
            ("istio.mesh_id", Some("own")),
            ("istio.namespace", Some("shop")),
        ],
    );
}

// The file of the downward API.

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn labels_are_read_from_the_file_of_the_downward_api() {
    let text = "app=\"webapp\"\npod-template-hash=\"5d4\"\nservice.istio.io/canonical-revision=\"v2\"\n\nversion=\"\"";
    let labelled = identity("POD_NAMESPACE=shop")
        .label("app", "before")
        .labels_file(file("labels", text))
        .unwrap();
    assert_eq!(labelled.service_name(), "webapp.shop");
    assert_eq!(
        labelled.clone().label("app", "after").service_name(),
        "after.shop"
    );
    let lab = Lab::of(|builder| builder.identity(labelled));
    assert_tags(&spans(&lab), &[("istio.canonical_revision", Some("v2"))]);
    let nothing = identity(POD).labels_file(file("no-labels", "")).unwrap();
    assert_eq!(nothing, identity(POD));
}

#[test]
fn a_file_that_is_none_of_labels_is_an_error_that_says_where() {
    for (at, text) in [
        (1, "app=webapp"),
        (1, "app"),
        (1, "=\"webapp\""),
        (2, "app=\"webapp\"\nversion=\"v1"),
        (3, "app=\"webapp\"\n\nversion=v1\""),
        (1, "app=\""),
        (1, "app=\"a\\tb\""),
        (1, "app=\"a\"b\""),
    ] {
        let path = file("bad-labels", text);
        let error = identity(POD).labels_file(&path).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "pod labels {}: line {at} is not of the form name=\"value\"",
                path.display()
            ),
            "{text}"
        );
    }
    let directory = identity(POD).labels_file("/").unwrap_err();
    assert_eq!(directory.to_string(), "pod labels /: not a regular file");
    let missing = identity(POD).labels_file("no/such/file").unwrap_err();
    let text = missing.to_string();
    assert!(text.starts_with("pod labels no/such/file: "), "{text}");
    assert!(std::error::Error::source(&missing).is_some());
}

/// The environment of a test's own process cannot be changed safely: it runs itself in another.
#[test]
fn the_environment_is_read() {
    const CHILD: &str = "TOWER_B3_IDENTITY_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let identity = Identity::from_env().unwrap();
        println!("<{}|{:?}>", identity.service_name(), identity.node_id());
        return;
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_environment_is_read", "--nocapture"])
        .env(CHILD, "1")
        .env("POD_NAME", "webapp-5d4-x2x")
        .env("POD_NAMESPACE", "shop")
        .env("INSTANCE_IP", "10.1.2.3")
        .env("ISTIO_META_WORKLOAD_NAME", "webapp")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let expected =
        "<webapp.shop|Some(\"sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local\")>";
    assert!(said.contains(expected), "{said}");
}

#[test]
fn the_service_name_is_that_of_the_spans() {
    let identity = identity(POD);
    let tracer = Tracer::builder(identity.service_name());
    let tracer = tracer.identity(identity).build().unwrap();
    assert!(format!("{tracer:?}").contains("web.shop"));
}

#[cfg(feature = "config")]
#[test]
fn which_workload_it_is_goes_by_namespace_and_labels() {
    use tower_b3::config::Workload;

    let of = |namespace: &'static str| {
        Identity::from_vars(move |name| (name == "POD_NAMESPACE").then(|| namespace.to_owned()))
    };
    assert_eq!(of("").workload(), None);
    let unknown = Workload::new("shop").labels_unknown();
    assert_eq!(of("shop").workload(), Some(unknown));
    let webapp = Workload::new("shop").label("app", "webapp");
    assert_eq!(of("shop").label("app", "webapp").workload(), Some(webapp));
}
