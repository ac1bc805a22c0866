//! Calls that fail.

use crate::{
    Shop,
    cart::{Cart, text},
    client,
    common::{TestTracer, ending, net, tag},
    serve,
};
#[cfg(feature = "axum")]
use tonic::service::Routes;
use tonic::{Code, Request, transport::Server};

#[tokio::test]
async fn a_grpc_status_without_a_body_decides_on_the_error() {
    let mut shop = Shop::open().await;
    for code in 1..=16 {
        let asked = text(&format!("fail {code}"));
        let status = shop.cart.get(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::from(code));
        let error = [2, 4, 8, 12, 13, 14, 15].contains(&code);
        for span in shop.spans().await {
            assert_eq!(
                ending(&span),
                if error { "200 error" } else { "200" },
                "{code}"
            );
            assert_eq!(tag(&span, "grpc.status_code"), code.to_string());
            let name = if code == 12 { "POST" } else { "shop.Cart/Get" };
            assert_eq!(span.name(), name, "{code}");
        }
    }
}

#[tokio::test]
async fn a_grpc_message_is_recorded_as_sent() {
    let mut shop = Shop::open().await;
    let status = shop.cart.get(text("fail 5")).await.unwrap_err();
    assert_eq!(status.message(), "as asked: 7 %");
    for span in shop.spans().await {
        assert_eq!(tag(&span, "grpc.message"), "as%20asked:%207%20%25");
    }
}

#[tokio::test]
async fn a_grpc_status_after_part_of_the_response_decides_on_the_error() {
    let mut shop = Shop::open().await;
    let mut parts = shop.cart.list(text("fail")).await.unwrap();
    for _ in 0..2 {
        assert!(parts.message().await.unwrap().is_some());
    }
    assert_eq!(parts.message().await.unwrap_err().code(), Code::DataLoss);
    for span in shop.spans().await {
        assert_eq!(ending(&span), "200 error");
        assert_eq!(tag(&span, "grpc.status_code"), "15");
        assert_eq!(span.name(), "shop.Cart/List");
    }
}

#[tokio::test]
async fn an_unimplemented_method_is_not_used_as_the_name() {
    let mut shop = Shop::open().await;
    for path in ["/shop.Cart/Guess", "/no.Such/Service"] {
        let status = shop
            .cart
            .call(path, Request::new(text("")))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
        for span in shop.spans().await {
            assert_eq!((span.name(), &*ending(&span)), ("POST", "200 error"));
            assert_eq!(tag(&span, "grpc.path"), path);
            assert_eq!(tag(&span, "grpc.status_code"), "12");
        }
    }
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn a_call_through_axums_routes_is_named_by_its_method() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let routes = Routes::new(Cart::default()).into_axum_router();
    let app = routes.layer(served.tracer.server_layer());
    let addr = net::serve_axum(app).await;
    let mut cart = client(&called, addr);
    cart.get(text("a hat")).await.unwrap();
    assert_eq!(served.spans.wait_one().await.name(), "shop.Cart/Get");
    let guess = Request::new(text(""));
    cart.call("/shop.Cart/Guess", guess).await.unwrap_err();
    assert_eq!(
        served.spans.wait_one().await.name(),
        "POST /shop.Cart/{*rest}"
    );
    called.spans.wait(2).await;
}

#[tokio::test]
async fn an_unreachable_server_is_the_error_reason() {
    let test = TestTracer::new();
    let addr = net::unreachable_address().await;
    let status = client(&test, addr).get(text("")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let span = test.spans.wait_one().await;
    assert!(ending(&span).starts_with("0 error("), "{span:?}");
    assert!(
        tag(&span, "error.reason").contains("ConnectionRefused"),
        "{span:?}"
    );
    assert_eq!(span.name(), "shop.Cart/Get");
}

#[tokio::test]
async fn a_panicking_handler_is_the_error_reason() {
    let mut shop = Shop::open().await;
    shop.cart.get(text("panic")).await.unwrap_err();
    let [called, served] = shop.spans().await;
    assert_eq!(ending(&served), "0 error(panic)");
    assert!(ending(&called).starts_with("0 error("), "{called:?}");
}

#[tokio::test]
async fn a_channel_without_an_origin_has_no_authority_tag() {
    let (called, served) = (TestTracer::new(), TestTracer::new());
    let addr = serve(
        Server::builder(),
        served.tracer.server_layer(),
        Cart::default(),
    );
    let channel = tonic::transport::Channel::builder(format!("http://{addr}").parse().unwrap());
    let layer = called.tracer.client_layer().remote_service("cart");
    let channel = tower::Layer::layer(&layer, channel.connect_lazy());
    let mut cart = crate::cart::CartClient::new(channel, http::Uri::default());
    cart.get(text("a hat")).await.unwrap();
    let called = called.spans.wait_one().await;
    assert_eq!(called.remote_endpoint().service_name, Some("cart"));
    assert_eq!(tag(&called, "grpc.authority"), "");
    assert_eq!(tag(&called, "http.url"), "/shop.Cart/Get");
    let served = served.spans.wait_one().await;
    assert_eq!(tag(&served, "grpc.authority"), addr.to_string());
}
