//! The four kinds of successful calls.

use crate::{
    Shop,
    cart::text,
    client,
    common::{TreeFormat, ending, tag},
};
use futures_util::{future::join_all, stream};
use tokio::sync::mpsc;
use tower_b3::record::{Kind, SpanRecord};

/// Asserts on both spans of a successful call.
fn assert_well(spans: &[SpanRecord; 2], shop: &Shop, method: &str) {
    let kinds = [Kind::Client, Kind::Server];
    for (span, kind) in spans.iter().zip(kinds) {
        assert_eq!(span.kind(), Some(kind));
        assert_eq!(span.name(), format!("shop.Cart/{method}"));
        assert_eq!(ending(span), "200", "{span:?}");
        for (name, value) in [
            ("grpc.path", &*format!("/shop.Cart/{method}")),
            ("grpc.authority", &shop.addr.to_string()),
            ("grpc.content_type", "application/grpc"),
            ("grpc.status_code", "0"),
            ("grpc.message", ""),
            ("http.method", "POST"),
            ("http.protocol", "HTTP/2"),
            (
                "http.url",
                &format!("http://{}/shop.Cart/{method}", shop.addr),
            ),
        ] {
            assert_eq!(tag(span, name), value, "{name} of {span:?}");
        }
    }
    let [called, served] = spans;
    assert_eq!(tag(called, "response_size"), tag(served, "response_size"));
    assert_eq!(
        tag(called, "guid:x-request-id"),
        tag(served, "guid:x-request-id")
    );
    assert_eq!(called.remote_endpoint().port, Some(shop.addr.port()));
    assert_eq!(tag(served, "peer.address"), "127.0.0.1");
}

#[tokio::test]
async fn a_unary_call() {
    let mut shop = Shop::open().await;
    let answer = shop.cart.get(text("ids")).await.unwrap();
    let spans = shop.spans().await;
    assert_well(&spans, &shop, "Get");
    let [_, served] = &spans;
    let ids = format!("{}-{}", served.trace_id(), served.id());
    assert_eq!(answer.get_ref().text, ids);
    assert_eq!(
        answer.metadata().get("x-request-id").unwrap(),
        &tag(served, "guid:x-request-id")
    );
}

#[tokio::test]
async fn a_server_stream_runs_in_the_context_and_ends_the_spans() {
    let mut shop = Shop::open().await;
    let mut parts = shop.cart.list(text("ids")).await.unwrap();
    let mut got = Vec::new();
    for _ in 0..3 {
        got.push(parts.message().await.unwrap().unwrap().text);
        assert!(shop.called.spans.take_all().is_empty());
    }
    assert_eq!(parts.message().await.unwrap(), None);
    let spans = shop.spans().await;
    assert_well(&spans, &shop, "List");
    let [_, served] = &spans;
    let ids = format!("{}-{}", served.trace_id(), served.id());
    assert_eq!(got, ["one", "two", &ids]);
}

#[tokio::test]
async fn a_client_stream() {
    let mut shop = Shop::open().await;
    let items = ["hat", "mug", "pen"].map(text);
    let all = shop.cart.add(stream::iter(items)).await.unwrap();
    assert_eq!(all.into_inner().text, "hat+mug+pen");
    let spans = shop.spans().await;
    assert_well(&spans, &shop, "Add");
    assert_eq!(tag(&spans[1], "cart.items"), "3");
}

#[tokio::test]
async fn streams_both_ways() {
    let mut shop = Shop::open().await;
    let (say, mut said) = mpsc::channel(1);
    let words = stream::poll_fn(move |cx| said.poll_recv(cx));
    let mut answers = shop.cart.talk(words).await.unwrap();
    for word in ["one", "two"] {
        say.send(text(word)).await.unwrap();
        let answer = answers.message().await.unwrap().unwrap();
        assert_eq!(answer.text, format!("{word}?"));
        assert!(shop.called.spans.take_all().is_empty());
        assert!(shop.served.spans.take_all().is_empty());
    }
    drop(say);
    assert_eq!(answers.message().await.unwrap(), None);
    let spans = shop.spans().await;
    assert_well(&spans, &shop, "Talk");
    assert_eq!(spans[1].annotations().count(), 2);
}

#[tokio::test]
async fn calls_made_while_an_answer_streams_are_children_of_the_server_span() {
    let stock = Shop::open().await;
    let stocked = client(&stock.called, stock.addr);
    let mut shop = Shop::of(tonic::transport::Server::builder(), Some(stocked)).await;
    let mut parts = shop.cart.list(text("more")).await.unwrap();
    while parts.message().await.unwrap().is_some() {}
    // The call's own CLIENT span is made with the tracer of its layer, so it is no child of `look`.
    let mut spans = Vec::from(stock.spans().await);
    spans.push(shop.called.spans.wait_one().await);
    spans.extend(shop.served.spans.wait(2).await);
    let format = TreeFormat::default().tags(["grpc.status_code"]);
    format.sort_siblings(true).assert(
        &spans,
        "
        shop  CLIENT  shop.Cart/List          grpc.status_code=0
        shop  SERVER  └─ shop.Cart/List       grpc.status_code=0
        shop             └─ look
        shop  CLIENT     └─ shop.Cart/Get     grpc.status_code=0
        shop  SERVER        └─ shop.Cart/Get  grpc.status_code=0
        ",
    );
    let request_ids: Vec<_> = spans
        .iter()
        .map(|span| tag(span, "guid:x-request-id"))
        .collect();
    assert_eq!(request_ids[0], request_ids[2]);
}

#[tokio::test]
async fn concurrent_calls_over_one_channel_keep_their_contexts() {
    let shop = Shop::open().await;
    let calls = (0..50).map(|_| {
        let mut cart = shop.cart.clone();
        let call = async move { cart.get(text("ids")).await.unwrap().into_inner().text };
        shop.called.tracer.span("a caller").instrument(call)
    });
    let mut ids = join_all(calls).await;
    let called = shop.called.spans.wait(100).await;
    let served = shop.served.spans.wait(50).await;
    for span in &served {
        let call = called
            .iter()
            .find(|call| span.parent_id() == Some(call.id()))
            .unwrap();
        let caller = called
            .iter()
            .find(|caller| call.parent_id() == Some(caller.id()))
            .unwrap();
        assert_eq!((caller.name(), call.name()), ("a caller", "shop.Cart/Get"));
        assert!(ids.contains(&format!("{}-{}", caller.trace_id(), span.id())));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}
