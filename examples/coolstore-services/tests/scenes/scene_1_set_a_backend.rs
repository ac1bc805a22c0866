use crate::stage::Stage;
use crate::trace::assert_whole;

const DOCUMENTS: [(&str, &str); 3] = [
    ("operator", include_str!("documents/istio-operator.yaml")),
    ("config-map", include_str!("documents/config-map.yaml")),
    ("annotation", include_str!("documents/annotation.yaml")),
];

#[tokio::test]
async fn spans_arrive_where_the_document_says() {
    let Some(stage) = Stage::open("scene-1").await else {
        return;
    };
    for collector in stage.both() {
        for (shape, document) in DOCUMENTS {
            let document = stage.document(shape, &[document]);
            let document = document.with_zipkin(collector.addr());
            let shop = stage.shop(&format!("1-{shape}"), &document).await;

            shop.visit(&stage, &[]).await;

            let (webapp, catalog) = (&shop.webapp.name, &shop.catalog.name);
            let traces = collector.traces(webapp, 1, 5).await;
            assert_whole(&traces[0], webapp, catalog);
            let services = collector.services().await;
            assert!(services.contains(webapp) && services.contains(catalog));
            shop.close().await;
        }
    }
}
