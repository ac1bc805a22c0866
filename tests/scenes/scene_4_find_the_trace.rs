use std::process::Command;
use std::time::Duration;

use crate::backends::{Process, bench, example_path};
use crate::stage::Stage;
use crate::trace::{assert_whole, chain};

const TAGS: &str = include_str!("documents/custom-tags.yaml");
const ENDED: Duration = Duration::from_secs(20);

#[tokio::test]
async fn by_service_operation_and_tags() {
    let Some(stage) = Stage::open("scene-4").await else {
        return;
    };
    for collector in stage.both() {
        let document = stage.document("custom-tags", &[TAGS]);
        let document = document.with_zipkin(collector.addr());
        let shop = stage.shop("4", &document).await;
        let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());
        for tenant in ["acme", "emca", "acme"] {
            shop.visit(&stage, &[("x-tenant", tenant)]).await;
        }
        stage
            .get(shop.catalog.addr, "/items/1", &[("x-tenant", "acme")])
            .await;
        shop.close().await;
        collector.traces(&webapp, 3, 4).await;
        collector.settled(&stage.http, &catalog).await;

        let services = collector.services().await;
        assert!(services.contains(&webapp) && services.contains(&catalog));
        let operations = collector.operations(&webapp).await;
        assert_eq!(
            operations,
            ["get /api/catalog", "get /items"].map(str::to_owned).into()
        );
        let operations = collector.operations(&catalog).await;
        let expected = ["get /items", "get /items/{id}", "load items"];
        assert_eq!(operations, expected.map(str::to_owned).into());

        let find = async |service, operation: &str, tags: &[_]| {
            // Jaeger looks for names as they were written.
            let operation = match collector.name() {
                "jaeger" => operation.replace("get", "GET"),
                _ => operation.to_owned(),
            };
            let found = collector.find(service, Some(&operation), tags).await;
            found.expect("the traces")
        };
        let acme = [
            ("tenant", "acme"),
            ("custom_tag", "Test Tag"),
            ("http.status_code", "200"),
        ];
        assert_eq!(find(&webapp, "get /api/catalog", &[]).await.len(), 3);
        assert_eq!(find(&webapp, "get /api/catalog", &acme).await.len(), 2);
        assert_eq!(find(&catalog, "get /items/{id}", &acme).await.len(), 1);
        let nobody = [("tenant", "nobody")];
        assert_eq!(find(&webapp, "get /api/catalog", &nobody).await.len(), 0);
        for trace in find(&webapp, "get /api/catalog", &acme).await {
            assert_whole(&trace, &webapp, &catalog);
            let chain = chain(&trace);
            assert!(chain.iter().all(|span| span.duration > 0), "{trace:#?}");
            assert_eq!(chain[0].tag("http.method"), Some("GET"));
            assert_eq!(chain[3].tag("shop.items"), Some("4"));
        }
    }
}

/// No server at all: coolstore has a collector of its own, and prints.
#[tokio::test]
async fn without_a_server() {
    let Some(dir) = bench("scene-4-coolstore") else {
        return;
    };
    let mut command = Command::new(example_path("coolstore"));
    let mut coolstore = Process::start(&dir, "coolstore", command.arg("--once"));
    assert!(coolstore.exit_status(ENDED).await.success());
    let stdout = coolstore.stdout();
    let (_, trace) = stdout.split_once("\ntrace ").expect("a trace");
    let lines: Vec<Vec<&str>> = trace
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("  "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    let hops: Vec<_> = lines.iter().map(|words| words[..2].to_vec()).collect();
    let expected = [
        ["webapp", "SERVER"],
        ["webapp", "CLIENT"],
        ["catalog", "SERVER"],
        ["catalog", "└─"],
    ];
    assert_eq!(hops, expected, "{stdout}");
    let (root, words) = (lines[0].join(" "), lines[0].iter());
    assert!(root.starts_with("webapp SERVER GET /api/catalog"), "{root}");
    assert!(root.contains("custom_tag=Test Tag") && root.contains("http.status_code=200"));
    assert!(
        words
            .into_iter()
            .any(|word| word.ends_with("µs") || word.ends_with("ms")),
        "{root}"
    );
}
