//! Who a service is in an Istio mesh: its name, and the tags of its spans.

#[path = "../common/mod.rs"]
mod common;

mod labels_file;
mod names;
mod tags;

use std::{env, process::Command};
use tower_b3::istio::Identity;

/// From `NAME=value` pairs, separated by `|`; names that start in lower case are labels.
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

/// The environment of a process cannot be changed safely, so the test runs itself in another one.
#[test]
fn the_environment_is_read() {
    const CHILD: &str = "TOWER_B3_IDENTITY_CHILD";
    if env::var_os(CHILD).is_some() {
        let identity = Identity::from_env().unwrap();
        println!("<{}|{:?}>", identity.service_name(), identity.node_id());
        return;
    }
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "the_environment_is_read", "--nocapture"])
        .env(CHILD, "1")
        .env("POD_NAME", "webapp-5d4-x2x")
        .env("POD_NAMESPACE", "shop")
        .env("INSTANCE_IP", "10.1.2.3")
        .env("ISTIO_META_WORKLOAD_NAME", "webapp")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let expected =
        "<webapp.shop|Some(\"sidecar~10.1.2.3~webapp-5d4-x2x.shop~shop.svc.cluster.local\")>";
    assert!(printed.contains(expected), "{printed}");
}

#[cfg(feature = "config")]
#[test]
fn the_workload_is_identified_by_namespace_and_labels() {
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
