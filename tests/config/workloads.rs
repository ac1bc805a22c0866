//! Which documents apply to a workload, and their precedence.

use crate::{read, summary};
use tower_b3::{
    Direction,
    config::{Documents, TracingConfig, Workload},
};

/// A mesh with a document on every level, the most specific first.
const MESH: &str = "
kind: Telemetry
apiVersion: telemetry.istio.io/v1
metadata: { name: webapp, namespace: shop }
spec:
  selector: { matchLabels: { app: webapp, version: v1 } }
  tracing: [ { randomSamplingPercentage: 40 } ]
---
kind: Telemetry
apiVersion: telemetry.istio.io/v1
metadata: { name: shop, namespace: shop }
spec:
  tracing: [ { randomSamplingPercentage: 30, customTags: { t.shop: { literal: { value: a } } } } ]
---
kind: Telemetry
apiVersion: telemetry.istio.io/v1
metadata: { name: mesh-default, namespace: mesh-root }
spec:
  tracing: [ { randomSamplingPercentage: 20, customTags: { t.mesh: { literal: { value: a } } } } ]
---
kind: ProxyConfig
apiVersion: networking.istio.io/v1beta1
metadata: { name: webapp, namespace: shop }
spec:
  selector: { matchLabels: { app: webapp } }
  tracing: { maxPathTagLength: 16 }
---
kind: Deployment
metadata: { name: webapp, namespace: shop }
spec:
  template:
    metadata:
      labels: { app: webapp, version: v1 }
      annotations:
        proxy.istio.io/config: |
          tracing: { sampling: 15, customTags: { p.pod: { literal: { value: a } } } }
---
kind: Deployment
metadata: { name: catalog, namespace: shop }
spec:
  template:
    metadata:
      labels: { app: catalog, version: v1 }
      annotations:
        proxy.istio.io/config: |
          tracing: { sampling: 14, customTags: { p.pod: { literal: { value: b } } } }
---
kind: ConfigMap
metadata: { name: istio, namespace: mesh-root }
data:
  mesh: |
    rootNamespace: mesh-root
    defaultConfig:
      tracing:
        sampling: 10
        customTags: { p.mesh: { literal: { value: a } }, p.pod: { literal: { value: c } } }
        zipkin: { address: zipkin.mesh-root:9411 }
";

fn of(workload: &Workload) -> TracingConfig {
    Documents::parse(MESH)
        .unwrap()
        .for_workload(workload)
        .unwrap()
}

fn sampling(config: &TracingConfig) -> f64 {
    config.sampling(Direction::Server)
}

fn tags(config: &TracingConfig) -> Vec<String> {
    let tags = config.tags(Direction::Client);
    tags.iter().map(|tag| tag.name().to_owned()).collect()
}

#[test]
fn a_workload_gets_the_documents_that_apply_to_it() {
    let webapp = Workload::new("shop")
        .label("app", "webapp")
        .label("version", "v1");
    assert_eq!(sampling(&of(&webapp)), 40.0);
    assert_eq!(tags(&of(&webapp)), ["t.shop"]);
    // The workload must have all labels of the selector.
    let v2 = Workload::new("shop").labels([("app", "webapp"), ("version", "v2")]);
    assert_eq!(sampling(&of(&v2)), 30.0);
    let unlabelled = Workload::new("shop");
    assert_eq!(sampling(&of(&unlabelled)), 30.0);
    // If the labels are not known, every selector in the namespace counts, but none elsewhere.
    assert_eq!(sampling(&of(&unlabelled.labels_unknown())), 40.0);
    let elsewhere = Workload::new("other").labels_unknown();
    assert_eq!(sampling(&of(&elsewhere)), 20.0);
    // In another namespace only the mesh's documents apply.
    let elsewhere = Workload::new("other")
        .label("app", "webapp")
        .label("version", "v1");
    assert_eq!(sampling(&of(&elsewhere)), 20.0);
    assert_eq!(tags(&of(&elsewhere)), ["t.mesh"]);
    // Without a workload everything applies.
    assert_eq!(sampling(&read(MESH)), 40.0);
    assert_eq!(tags(&read(MESH)), ["t.shop"]);
}

#[test]
fn telemetry_overrides_proxy_configs_which_merge_tags_one_by_one() {
    let documents: Vec<&str> = MESH
        .split("---")
        .filter(|text| !text.contains("kind: Telemetry"))
        .collect();
    let documents = Documents::parse(&documents.join("---")).unwrap();
    let of = |workload: Workload| documents.for_workload(&workload).unwrap();
    let webapp = of(Workload::new("shop").label("app", "webapp"));
    assert_eq!(sampling(&webapp), 15.0);
    assert_eq!(tags(&webapp), ["p.mesh", "p.pod"]);
    let catalog = of(Workload::new("shop").label("app", "catalog"));
    assert_eq!(sampling(&catalog), 14.0);
    assert_ne!(
        webapp.tags(Direction::Server)[1],
        catalog.tags(Direction::Server)[1]
    );
    let other = of(Workload::new("shop").label("app", "cart"));
    assert_eq!(sampling(&other), 10.0);
    let elsewhere = of(Workload::new("other").label("app", "webapp"));
    assert_eq!(sampling(&elsewhere), 10.0);
}

/// Each level overrides the ones before it.
#[test]
fn proxy_configs_have_istios_precedence() {
    let resource = |namespace: &str, selector: &str, sampling: u8| {
        format!(
            "kind: ProxyConfig\nmetadata: {{ name: a, namespace: {namespace} }}\n\
             spec: {{ {selector} tracing: {{ sampling: {sampling} }} }}"
        )
    };
    let levels = [
        "kind: Istio\nspec: { values: { pilot: { traceSampling: 11 } } }".to_owned(),
        "defaultConfig: { tracing: { sampling: 12 } }".to_owned(),
        resource("istio-system", "", 13),
        resource("shop", "", 14),
        "kind: Pod\nmetadata: { namespace: shop, annotations: { proxy.istio.io/config: 'tracing: { sampling: 15 }' } }".to_owned(),
        resource("shop", "selector: { matchLabels: { app: webapp } },", 16),
        "tracing: { sampling: 17 }".to_owned(),
    ];
    let webapp = Workload::new("shop").label("app", "webapp");
    for last in 0..levels.len() {
        // The order in the text makes no difference.
        for text in [levels[..=last].join("\n---\n"), {
            let mut reversed = levels[..=last].to_vec();
            reversed.reverse();
            reversed.join("\n---\n")
        }] {
            let documents = Documents::parse(&text).unwrap();
            let expected = 11.0 + last as f64;
            assert_eq!(
                sampling(&documents.for_workload(&webapp).unwrap()),
                expected
            );
            assert_eq!(sampling(&documents.all().unwrap()), expected);
        }
    }
}

#[test]
fn of_two_documents_with_one_rank_the_first_wins() {
    let text = "tracing: { sampling: 10 }\n---\ntracing: { sampling: 20, maxPathTagLength: 99 }";
    assert_eq!(sampling(&read(text)), 10.0);
    assert_eq!(
        read(text),
        read("tracing: { sampling: 10, maxPathTagLength: 99 }")
    );
}

#[test]
fn a_telemetry_for_gateways_and_waypoints_is_ignored() {
    let text = "
tracing: { sampling: 10 }
---
kind: Telemetry
spec: { targetRefs: [ { kind: Gateway, name: waypoint } ], tracing: [ { randomSamplingPercentage: 90 } ] }
";
    assert_eq!(sampling(&read(text)), 10.0);
}

/// Leaving a label out would make the selector select everything.
#[test]
fn labels_that_are_not_text_count_in_selectors() {
    let text = "
kind: Telemetry
spec: { selector: { matchLabels: { tier: 1, canary: true, odd: [] } }, tracing: [ { randomSamplingPercentage: 90 } ] }
";
    let documents = Documents::parse(text).unwrap();
    let config = documents.for_workload(&Workload::new("shop")).unwrap();
    assert_eq!(sampling(&config), 1.0);
    let text = text.replace(", odd: []", "");
    let documents = Documents::parse(&text).unwrap();
    let canary = Workload::new("shop")
        .label("tier", "1")
        .label("canary", "true");
    assert_eq!(sampling(&documents.for_workload(&canary).unwrap()), 90.0);
}

#[test]
fn telemetry_is_merged_by_field_and_its_tags_as_a_whole() {
    let mesh = read(
        "tracing: [ { randomSamplingPercentage: 10, providers: [ { name: a }, { name: b } ], \
         customTags: { x: { literal: { value: a } }, y: { literal: { value: a } } } } ]",
    );
    let namespace = read("tracing: [ { match: { mode: CLIENT }, disableSpanReporting: true } ]");
    let workload = read(
        "tracing: [ { match: { mode: SERVER }, customTags: { z: { literal: { value: a } } } } ]",
    );
    let merged = workload.clone().over(namespace.clone()).over(mesh.clone());
    assert_eq!(
        summary(&merged),
        "server: spans, 10 % by request id, tags z\n\
         client: forward only, 10 % by request id, tags x y\n\
         collector: none: the provider a is used, but there are no `extensionProviders`"
    );
    assert_eq!(merged, workload.over(namespace.over(mesh)));
}

#[test]
fn the_tags_of_telemetry_replace_those_of_the_proxy_config() {
    let proxy = read("tracing: { customTags: { x: { literal: { value: a } } } }");
    let none = read("tracing: [ { customTags: {} } ]");
    let some = read(
        "tracing: [ { match: { mode: SERVER }, customTags: { y: { literal: { value: a } } } } ]",
    );
    assert_eq!(tags(&none.over(proxy.clone())), ["x"]);
    let merged = proxy.over(some);
    assert_eq!(merged.tags(Direction::Server)[0].name(), "y");
    assert_eq!(merged.tags(Direction::Client)[0].name(), "x");
}

#[test]
fn providers_of_two_texts_are_merged_by_name() {
    let mesh = read(
        "extensionProviders: [ { name: Zipkin, zipkin: { service: a, port: 1 } }, { name: zipkin, zipkin: { service: b, port: 2 } } ]",
    );
    let other = read("extensionProviders: [ { name: zipkin, zipkin: { service: c, port: 3 } } ]");
    let named = read("tracing: [ { providers: [ { name: ZIPKIN } ] } ]");
    let first = named.clone().over(mesh.clone()).over(other.clone());
    assert!(
        summary(&first).ends_with("Zipkin http://a:1/api/v2/spans"),
        "{}",
        summary(&first)
    );
    let second = named.over(other).over(mesh);
    assert!(summary(&second).ends_with("Zipkin http://c:3/api/v2/spans"));
}
