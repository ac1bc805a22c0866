//! The manifests in `examples/istio` are well-formed and consistent, and the programs accept their
//! arguments and documents.

use serde::Deserialize;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};
use test_kit::{Process, http::get};
use tower_b3::{
    Direction,
    config::{Collector, Documents, TracingConfig, Workload},
};

const WITH: &str = include_str!("../../istio/with-sidecar.yaml");
const WITHOUT: &str = include_str!("../../istio/without-sidecar.yaml");
const POD_MONITOR: &str = include_str!("../../istio/podmonitor.yaml");

/// The documents of a manifest.
struct Manifest(Vec<Value>);

impl Manifest {
    fn parse(text: &str) -> Manifest {
        let documents = serde_yaml_ng::Deserializer::from_str(text);
        let documents = documents.map(|document| Value::deserialize(document).expect("YAML"));
        Manifest(documents.collect())
    }

    fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .filter(move |document| document["kind"] == kind)
    }

    fn named(&self, kind: &str, name: &str) -> &Value {
        let mut found = self
            .of_kind(kind)
            .filter(|one| one["metadata"]["name"] == name);
        let one = found.next().unwrap_or_else(|| panic!("no {kind} {name}"));
        assert!(found.next().is_none(), "two of {kind} {name}");
        one
    }

    /// The port of the pods behind a service's port.
    fn target(&self, service: &Value, port: &Value) -> u16 {
        let deployment = self.of_kind("Deployment").find(|deployment| {
            selects(
                &service["spec"]["selector"],
                &deployment["spec"]["template"]["metadata"]["labels"],
            )
        });
        let deployment = deployment.unwrap_or_else(|| panic!("nothing is selected by {service}"));
        let mut ports = list(&service["spec"]["ports"]);
        let port = ports.find(|one| one["port"] == *port);
        let port = port.unwrap_or_else(|| panic!("no such port of {service}"));
        let mut ports = list(&container(deployment)["ports"]);
        let port = ports.find(|one| one["name"] == port["targetPort"]);
        let port = port.and_then(|port| port["containerPort"].as_u64());
        let port = port.unwrap_or_else(|| panic!("no such port of {deployment}"));
        port.try_into().expect("a port")
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let list = value.as_array();
    list.unwrap_or_else(|| panic!("not a list: {value}")).iter()
}

fn text(value: &Value) -> &str {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("not a text: {value}"))
}

fn selects(selector: &Value, labels: &Value) -> bool {
    let selector = selector.as_object().expect("a selector");
    !selector.is_empty() && selector.iter().all(|(name, value)| labels[name] == *value)
}

fn container(deployment: &Value) -> &Value {
    let containers = &deployment["spec"]["template"]["spec"]["containers"];
    assert_eq!(list(containers).count(), 1, "{deployment}");
    &containers[0]
}

/// The environment variables after resolving field references, as the kubelet does.
fn field(pod: &Value, path: &str) -> String {
    if let Some(label) = path.strip_prefix("metadata.labels['") {
        let label = label.strip_suffix("']").expect("a label");
        return text(&pod["metadata"]["labels"][label]).to_owned();
    }
    match path {
        "metadata.name" => "pod-1",
        "metadata.namespace" => "shop",
        "status.podIP" => "10.0.0.1",
        "spec.nodeName" => "node-1",
        other => panic!("no field {other}"),
    }
    .to_owned()
}

fn environment(deployment: &Value) -> Vec<(String, String)> {
    let pod = &deployment["spec"]["template"];
    let variables = container(deployment)["env"]
        .as_array()
        .into_iter()
        .flatten();
    let value = |variable: &Value| match variable["value"].as_str() {
        Some(value) => value.to_owned(),
        None => field(pod, text(&variable["valueFrom"]["fieldRef"]["fieldPath"])),
    };
    variables
        .map(|variable| (text(&variable["name"]).to_owned(), value(variable)))
        .collect()
}

/// The files of a pod's volumes, in a directory of the test: the path in the pod, and the path
/// here.
fn mounted(manifest: &Manifest, deployment: &Value) -> Vec<(String, PathBuf)> {
    let name = text(&deployment["metadata"]["name"]);
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("manifests")
        .join(name);
    let mut files = Vec::new();
    let mounts = container(deployment)["volumeMounts"].as_array();
    for mount in mounts.into_iter().flatten() {
        let mut volumes = list(&deployment["spec"]["template"]["spec"]["volumes"]);
        let volume = volumes.find(|volume| volume["name"] == mount["name"]);
        let volume = volume.unwrap_or_else(|| panic!("no volume for {mount}"));
        if volume.get("downwardAPI").is_some() {
            // The labels file has a fixed path in the pod; without it, all documents apply.
            assert_eq!(mount["mountPath"], "/etc/istio/pod");
            assert_eq!(volume["downwardAPI"]["items"][0]["path"], "labels");
            continue;
        }
        let data = &manifest.named("ConfigMap", text(&volume["configMap"]["name"]))["data"];
        for (file, content) in data.as_object().expect("files") {
            let path = root.join(file);
            fs::create_dir_all(&root).expect("a directory");
            fs::write(&path, text(content)).expect("the file is written");
            files.push((format!("{}/{file}", text(&mount["mountPath"])), path));
        }
    }
    files
}

/// The program as the pod would run it, except for addresses and paths of this machine.
fn start(manifest: &Manifest, name: &str, catalog: &str) -> Process {
    let deployment = manifest.named("Deployment", name);
    let container = container(deployment);
    let program = text(&container["command"][0]).rsplit('/').next();
    assert_eq!(program, Some(name));
    let path = match name {
        "webapp" => env!("CARGO_BIN_EXE_webapp"),
        _ => env!("CARGO_BIN_EXE_catalog"),
    };
    let port = &container["ports"][0]["containerPort"];
    let mut args: Vec<String> = list(&container["args"])
        .map(|arg| text(arg).replace(&format!("--listen=0.0.0.0:{port}"), "--listen=127.0.0.1:0"))
        .map(|arg| arg.replace("--metrics=0.0.0.0:15020", "--metrics=127.0.0.1:0"))
        .map(|arg| arg.replace("--catalog=http://catalog", &format!("--catalog={catalog}")))
        .collect();
    assert!(
        args.contains(&"--listen=127.0.0.1:0".to_owned()),
        "{args:?}"
    );
    for (there, here) in mounted(manifest, deployment) {
        let here = here.to_str().expect("a path in UTF-8");
        let used = args.iter_mut().filter(|arg| arg.contains(&there));
        assert_eq!(
            used.map(|arg| *arg = arg.replace(&there, here)).count(),
            1,
            "{there}"
        );
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let environment = environment(deployment);
    let environment: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    Process::start(path, &args, &environment)
}

struct Shop {
    webapp: Process,
    _catalog: Process,
}

impl Shop {
    fn start(manifest: &Manifest) -> Shop {
        let catalog = start(manifest, "catalog", "");
        let webapp = start(manifest, "webapp", &format!("http://{}", catalog.address()));
        Shop {
            webapp,
            _catalog: catalog,
        }
    }

    /// What webapp sends to the catalog for a request with these headers.
    fn headers(&self, headers: &[(&str, &str)]) -> Value {
        let answer = get(self.webapp.address(), "/headers", headers);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["headers"].clone()
    }
}

#[test]
fn every_document_is_valid_in_a_cluster() {
    for manifest in [WITH, WITHOUT].map(Manifest::parse) {
        assert!(manifest.0.len() > 5);
        for document in &manifest.0 {
            let (version, kind) = (text(&document["apiVersion"]), text(&document["kind"]));
            let expected = match kind {
                "Namespace" | "ConfigMap" | "Service" => "v1",
                "Deployment" => "apps/v1",
                "Telemetry" => "telemetry.istio.io/v1",
                "Gateway" | "VirtualService" => "networking.istio.io/v1",
                other => panic!("{other} is not expected"),
            };
            assert_eq!(version, expected, "{kind}");
            let name = text(&document["metadata"]["name"]);
            manifest.named(kind, name);
            if kind != "Namespace" {
                assert_eq!(document["metadata"]["namespace"], "shop", "{kind} {name}");
            }
        }
        manifest.named("Namespace", "shop");
    }
}

#[test]
fn selectors_ports_and_services_are_consistent() {
    for manifest in [WITH, WITHOUT].map(Manifest::parse) {
        for name in ["webapp", "catalog"] {
            let deployment = &manifest.named("Deployment", name)["spec"];
            let labels = &deployment["template"]["metadata"]["labels"];
            assert!(
                selects(&deployment["selector"]["matchLabels"], labels),
                "{name}"
            );
            let service = manifest.named("Service", name);
            for port in list(&service["spec"]["ports"]) {
                let target = manifest.target(service, &port["port"]);
                let args = &container(manifest.named("Deployment", name))["args"];
                let listen = format!("--listen=0.0.0.0:{target}");
                assert!(
                    list(args).any(|arg| arg == listen.as_str()),
                    "{listen} in {args}"
                );
            }
        }
        // webapp calls the catalog's Service by its name and port.
        let args = &container(manifest.named("Deployment", "webapp"))["args"];
        assert!(
            list(args).any(|arg| arg == "--catalog=http://catalog"),
            "{args}"
        );
        manifest.target(manifest.named("Service", "catalog"), &80.into());

        let gateway = manifest.named("Gateway", "shop");
        let routes = manifest.named("VirtualService", "webapp");
        assert_eq!(routes["spec"]["gateways"][0], gateway["metadata"]["name"]);
        assert_eq!(
            routes["spec"]["hosts"],
            gateway["spec"]["servers"][0]["hosts"]
        );
        for route in list(&routes["spec"]["http"]) {
            let to = &route["route"][0]["destination"];
            let service = manifest.named("Service", text(&to["host"]));
            manifest.target(service, &to["port"]["number"]);
        }
    }
}

#[test]
fn sidecars_are_where_they_should_be() {
    let injected = |text| {
        let manifest = Manifest::parse(text);
        let namespace = &manifest.named("Namespace", "shop")["metadata"]["labels"];
        let by_default = namespace["istio-injection"] == "enabled";
        ["webapp", "catalog"].map(|name| {
            let pod = &manifest.named("Deployment", name)["spec"]["template"]["metadata"];
            by_default && pod["labels"]["sidecar.istio.io/inject"] != "false"
        })
    };
    assert_eq!(injected(WITH), [true, true]);
    assert_eq!(injected(WITHOUT), [false, false]);
}

/// For a pod whose labels are known.
#[test]
fn the_config_map_is_for_both_programs() {
    let manifest = Manifest::parse(WITHOUT);
    let file = text(&manifest.named("ConfigMap", "shop-tracing")["data"]["tracing.yaml"]);
    let documents = Documents::parse(file).expect("documents");
    for name in ["webapp", "catalog"] {
        let pod = &manifest.named("Deployment", name)["spec"]["template"]["metadata"];
        let labels = pod["labels"].as_object().expect("labels").iter();
        let labels = labels.map(|(name, value)| (name, text(value)));
        let workload = Workload::new("shop").labels(labels);
        let config = documents.for_workload(&workload).expect("a configuration");
        assert_eq!(config.sampling(Direction::Server), 10.0, "{name}");
        let url = "http://zipkin.istio-system.svc.cluster.local:9411/api/v2/spans".to_owned();
        assert_eq!(config.collector(), Ok(Collector::Zipkin(url)), "{name}");
    }
}

/// The configuration of the sidecars is valid for tower-b3 too.
#[test]
fn the_documents_are_read() {
    let manifest = Manifest::parse(WITH);
    let webapp = &manifest.named("Deployment", "webapp")["spec"]["template"]["metadata"];
    let annotation = text(&webapp["annotations"]["proxy.istio.io/config"]);
    TracingConfig::from_yaml(annotation).expect("a tracing block");
    let whole = TracingConfig::from_yaml(WITH).expect("a manifest");
    assert_eq!(whole.sampling(Direction::Server), 10.0);
    // The comment on installation names the provider that the Telemetry resource uses.
    let provider = &manifest.named("Telemetry", "shop-tracing")["spec"]["tracing"][0]["providers"];
    let install = WITH.lines().filter_map(|line| line.strip_prefix("# "));
    let install: Vec<&str> = install
        .skip_while(|line| !line.contains("<<CONFIG"))
        .skip(1)
        .take_while(|line| !line.contains("CONFIG"))
        .collect();
    let install: Value = serde_yaml_ng::from_str(&install.join("\n")).expect("YAML");
    let known = &install["spec"]["meshConfig"]["extensionProviders"];
    assert_eq!(known[0]["name"], provider[0]["name"]);
}

#[test]
fn with_sidecars_the_headers_are_forwarded() {
    let shop = Shop::start(&Manifest::parse(WITH));
    let sent = [
        ("x-request-id", "6f4bbdb1-8a0c-4b3a-9d43-0a1b2c3d4e5f"),
        ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
        ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ("x-b3-sampled", "0"),
    ];
    let headers = shop.headers(&sent);
    for (name, value) in sent {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(shop.headers(&[]).get("x-b3-traceid").is_none());
}

#[test]
fn without_sidecars_the_percentage_is_the_documents() {
    let shop = Shop::start(&Manifest::parse(WITHOUT));
    for (bucket, sampled) in [(0, "1"), (999, "1"), (1000, "0"), (9999, "0")] {
        let id = format!("{bucket:08x}-0000-4000-8000-000000000000");
        let headers = shop.headers(&[("x-request-id", &id)]);
        assert_eq!(headers["x-b3-sampled"], sampled, "{id}: {headers}");
    }
    assert_eq!(get(shop.webapp.address(), "/reporter", &[]).status, 200);
}

/// By annotations, and by the Prometheus operator.
#[test]
fn prometheus_finds_the_metrics_of_both_programs() {
    let manifest = Manifest::parse(WITHOUT);
    let monitor = Manifest::parse(POD_MONITOR);
    let monitor = &monitor.named("PodMonitor", "tower-b3");
    assert_eq!(monitor["apiVersion"], "monitoring.coreos.com/v1");
    assert_eq!(monitor["metadata"]["namespace"], "shop");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    let selected = &monitor["spec"]["selector"]["matchExpressions"][0];
    assert_eq!(selected["operator"], "Exists");
    for name in ["webapp", "catalog"] {
        let deployment = manifest.named("Deployment", name);
        let pod = &deployment["spec"]["template"]["metadata"];
        assert!(pod["labels"].get(text(&selected["key"])).is_some());
        let annotations = &pod["annotations"];
        assert_eq!(annotations["prometheus.io/scrape"], "true");
        assert_eq!(annotations["prometheus.io/path"], endpoint["path"]);
        let port = text(&annotations["prometheus.io/port"]);
        let container = container(deployment);
        let mut ports = list(&container["ports"]);
        let named = ports.find(|one| one["name"] == endpoint["port"]);
        let named = named.expect("the port");
        assert_eq!(named["containerPort"].to_string(), port, "{name}");
        let metrics = format!("--metrics=0.0.0.0:{port}");
        let mut args = list(&container["args"]);
        assert!(args.any(|arg| arg == metrics.as_str()), "{metrics}");
    }

    let shop = Shop::start(&manifest);
    assert_eq!(get(shop.webapp.address(), "/headers", &[]).status, 200);
    let stdout = shop.webapp.stdout();
    let url = stdout
        .lines()
        .find_map(|line| line.strip_prefix("metrics on http://"));
    let (address, _) = url.expect("an address").split_once('/').expect("a path");
    let address = address.parse().expect("an address");
    let shown = get(address, text(&endpoint["path"]), &[]);
    assert_eq!(shown.status, 200);
    // Who it is comes from the pod.
    let own = "destination_workload=\"webapp\",destination_workload_namespace=\"shop\"";
    assert!(shown.text().contains(own), "{shown:?}");
}
