use crate::stage::Stage;
use crate::trace::{assert_whole, chain};

const TAGS: &str = include_str!("documents/custom-tags.yaml");

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
        collector.traces(&webapp, 3, 5).await;
        collector.settled(&stage.http, &catalog).await;

        let services = collector.services().await;
        assert!(services.contains(&webapp) && services.contains(&catalog));
        let operations = collector.operations(&webapp).await;
        assert_eq!(
            operations,
            ["get /api/catalog", "get /items", "list_items"]
                .map(str::to_owned)
                .into()
        );
        let operations = collector.operations(&catalog).await;
        let expected = ["get /items", "get /items/{id}", "load_items"];
        assert_eq!(operations, expected.map(str::to_owned).into());

        let find = async |service, operation: &str, tags: &[_]| {
            // Jaeger's search for names is case-sensitive.
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
            assert_eq!(chain[4].tag("shop.items"), Some("4"));
        }
    }
}
