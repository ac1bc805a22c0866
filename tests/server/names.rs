//! The names of SERVER spans.

use crate::{
    common::{Script, TestTracer, get, headers, now},
    empty, serve_all,
};
use http::{Method, Request, Response, StatusCode, Version};
use std::{
    cell::RefCell,
    sync::{Arc, Mutex},
};
use tower_b3::{
    in_current_context, observe::EndedExchange, record::Kind, sample::Sampler, scope, span,
};

fn named(test: &TestTracer, request: Request<()>, handler: impl Fn()) -> String {
    serve_all(&test.tracer.server_layer(), request, |_| {
        handler();
        empty()
    });
    test.spans.take_one().name().to_owned()
}

#[test]
fn without_a_route_the_name_is_the_method() {
    let test = TestTracer::new();
    assert_eq!(named(&test, get("/items/7", ""), || ()), "GET");
    let request = Request::builder()
        .method("BREW")
        .uri("/pot")
        .body(())
        .unwrap();
    assert_eq!(named(&test, request, || ()), "BREW");
}

#[test]
fn a_route_is_in_the_name() {
    let test = TestTracer::new();
    let route = || scope::route("/items/{id}");
    assert_eq!(named(&test, get("/items/7", ""), route), "GET /items/{id}");
    // The route does not leak into the next request on this thread.
    assert_eq!(named(&test, get("/items/7", ""), || ()), "GET");
}

#[test]
fn the_handler_can_rename_the_span() {
    let test = TestTracer::new();
    let both = || {
        scope::rename("by hand");
        scope::route("/items/{id}");
    };
    assert_eq!(named(&test, get("/items/7", ""), both), "by hand");
}

#[test]
fn name_with_names_the_span() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().name_with(|head| {
        let known = head.path() == "/known";
        known.then(|| format!("{} it", head.method()))
    });
    for (path, name) in [("/known", "GET it"), ("/other", "GET /route")] {
        serve_all(&layer, get(path, ""), |_| {
            scope::route("/route");
            empty()
        });
        assert_eq!(test.spans.take_one().name(), name);
    }
    // `rename` by the handler overrides `name_with`.
    serve_all(&layer, get("/known", ""), |_| {
        scope::rename("by hand");
        empty()
    });
    assert_eq!(test.spans.take_one().name(), "by hand");
}

fn grpc_name(response: impl Fn() -> Response<Script>) -> String {
    let test = TestTracer::new();
    let mut request = get("/any.Service/Guess", "content-type: application/grpc");
    *request.method_mut() = Method::POST;
    serve_all(&test.tracer.server_layer(), request, |_| response());
    test.spans.take_one().name().to_owned()
}

#[test]
fn an_unmatched_grpc_path_is_never_a_name() {
    let unimplemented = || Response::new(Script::trailers(&[("grpc-status", "12")]));
    assert_eq!(grpc_name(unimplemented), "POST");
    let in_headers = || {
        let mut response = empty();
        *response.headers_mut() = headers("grpc-status: 12");
        response
    };
    assert_eq!(grpc_name(in_headers), "POST");
    // The response of an HTTP router to an unknown path.
    let not_found = || {
        let mut response = empty();
        *response.status_mut() = StatusCode::NOT_FOUND;
        response
    };
    assert_eq!(grpc_name(not_found), "POST");
    let not_found_by_its_method = || Response::new(Script::trailers(&[("grpc-status", "5")]));
    assert_eq!(grpc_name(not_found_by_its_method), "any.Service/Guess");
}

#[test]
fn a_grpc_path_is_the_name_only_if_the_response_is_grpc_too() {
    const GRPC: &str = "content-type: application/grpc|grpc-status: 0";
    const PLAIN: &str = "content-type: text/plain";
    const ROUTE: &str = "POST /items/{id}";
    for (path, content_type, answer, name) in [
        ("/shop.Cart/Add", "application/grpc", GRPC, "shop.Cart/Add"),
        (
            "/shop.Cart/Add",
            "application/grpc+proto",
            GRPC,
            "shop.Cart/Add",
        ),
        ("/shop.Cart/Add", "application/grpc", PLAIN, ROUTE),
        ("/items/12345", "application/grpc", PLAIN, ROUTE),
        ("/shop.Cart/Add", "application/grpc-web", GRPC, ROUTE),
        ("/shop.Cart/Add", "application/grpcfoo", GRPC, ROUTE),
        ("/shop.Cart", "application/grpc", GRPC, ROUTE),
        ("/a/b/c", "application/grpc", GRPC, ROUTE),
    ] {
        let test = TestTracer::new();
        let mut request = get(path, &format!("content-type: {content_type}"));
        *request.method_mut() = Method::POST;
        *request.version_mut() = Version::HTTP_2;
        serve_all(&test.tracer.server_layer(), request, |_| {
            scope::route("/items/{id}");
            let mut response = empty();
            *response.headers_mut() = headers(answer);
            response
        });
        assert_eq!(test.spans.take_one().name(), name, "{path} {content_type}");
    }
}

#[test]
fn a_route_that_is_set_below_the_span_is_in_the_name() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::always()));
    let name = |work: fn()| {
        serve_all(&test.tracer.server_layer(), get("/items/7", ""), |_| {
            work();
            empty()
        });
        let spans = test.spans.take_all();
        let server = spans.iter().find(|span| span.kind() == Some(Kind::Server));
        server.unwrap().name().to_owned()
    };
    assert_eq!(
        name(|| span("a").in_scope(|| span("b").in_scope(|| scope::route("/b")))),
        "GET /b"
    );
    assert_eq!(
        name(|| now(in_current_context(async { scope::route("/task") }))),
        "GET /task"
    );
    // The last call counts.
    assert_eq!(
        name(|| {
            span("a").in_scope(|| scope::route("/first"));
            scope::route("/last");
        }),
        "GET /last"
    );
    assert_eq!(
        name(|| {
            scope::route("/first");
            span("a").in_scope(|| scope::route("/last"));
        }),
        "GET /last"
    );
    assert_eq!(name(|| ()), "GET");
}

/// A task that goes on after its request does not set the route of a later one.
#[test]
fn a_late_task_sets_no_route_of_a_later_request() {
    let test = TestTracer::new();
    let late = RefCell::new(None);
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        *late.borrow_mut() = Some(in_current_context(async { scope::route("/late") }));
        empty()
    });
    assert_eq!(test.spans.take_one().name(), "GET");
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        now(late.take().unwrap());
        empty()
    });
    assert_eq!(test.spans.take_one().name(), "GET");
}

#[test]
fn observers_have_a_route_that_is_set_below_a_span_that_is_not_sampled() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let observer = {
        let seen = Arc::clone(&seen);
        move |exchange: &EndedExchange<'_>| {
            let route = exchange.route().map(str::to_owned);
            seen.lock().unwrap().push(route);
        }
    };
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()).observer(observer));
    for route in [Some("/items/{id}"), None] {
        serve_all(&test.tracer.server_layer(), get("/items/7", ""), |_| {
            if let Some(route) = route {
                span("local").in_scope(|| scope::route(route));
            }
            empty()
        });
    }
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, [Some("/items/{id}".to_owned()), None]);
}
