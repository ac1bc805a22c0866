//! Calls that end early: by a deadline, by the client, in the middle of a response.

use crate::{
    Shop,
    cart::text,
    common::{TreeFormat, ending, tag},
};
use std::time::Duration;
use tonic::{Code, Request, transport::Server};

/// Tags of the request, which other tests specify.
const GRPC_REQUEST: [&str; 4] = [
    "grpc.path",
    "grpc.authority",
    "grpc.content_type",
    "grpc.timeout",
];

#[tokio::test(start_paused = true)]
async fn an_expired_deadline_is_the_clients_error_and_dc_on_the_server() {
    let mut shop = Shop::open().await;
    let mut asked = Request::new(text("hang"));
    asked.set_timeout(Duration::from_secs(5));
    let status = shop.cart.call("/shop.Cart/Get", asked).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "the status in tonic");
    let [called, served] = shop.spans().await;
    assert!(ending(&called).starts_with("0 error("), "{called:?}");
    assert!(
        tag(&called, "error.reason").contains("TimeoutExpired"),
        "{called:?}"
    );
    assert_eq!(ending(&served), "0 error DC");
    assert_eq!(tag(&served, "grpc.status_code"), "");
}

#[tokio::test(start_paused = true)]
async fn a_server_timeout_is_a_grpc_status_for_the_client() {
    let server = Server::builder().timeout(Duration::from_secs(5));
    let mut shop = Shop::of(server, None).await;
    let status = shop.cart.get(text("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled, "the status in tonic");
    let [called, served] = shop.spans().await;
    assert_eq!(
        (&*ending(&called), &*tag(&called, "grpc.status_code")),
        ("200", "1")
    );
    assert_eq!(ending(&served), "0 error DC");
}

#[tokio::test]
async fn a_dropped_call_is_canceled_on_the_client_and_dc_on_the_server() {
    let mut shop = Shop::open().await;
    tokio::select! {
        _ = shop.cart.get(text("hang")) => panic!("an answer"),
        () = shop.hangs.notified() => {}
    }
    TreeFormat::default().without_tags(GRPC_REQUEST).assert(
        &shop.spans().await,
        "
        shop  CLIENT  shop.Cart/Get     error http.status_code=0 canceled=true
        shop  SERVER  └─ shop.Cart/Get  error http.status_code=0 response_flags=DC
        ",
    );
}

#[tokio::test]
async fn a_response_stream_dropped_by_the_client_is_no_error() {
    let mut shop = Shop::open().await;
    let mut parts = shop.cart.list(text("hang")).await.unwrap();
    assert!(parts.message().await.unwrap().is_some());
    shop.hangs.notified().await;
    assert!(shop.called.spans.take_all().is_empty());
    assert!(shop.served.spans.take_all().is_empty());
    drop(parts);
    // There is no `grpc.status_code`: none was sent.
    TreeFormat::default().without_tags(GRPC_REQUEST).assert(
        &shop.spans().await,
        "
        shop  CLIENT  shop.Cart/List     http.status_code=200
        shop  SERVER  └─ shop.Cart/List  http.status_code=200 response_flags=DC
        ",
    );
}
