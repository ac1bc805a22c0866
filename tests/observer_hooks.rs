//! What observers can do beside seeing the end of an exchange.

#[path = "common/mod.rs"]
mod common;

use common::{Script, TestTracer, drain, get, now};
use http::{HeaderMap, Request, Response};
use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, RequestHead,
    observe::{EndedExchange, ExchangeObserver},
};

type Answer = Result<Response<Script>, Infallible>;

fn answers(body: impl Fn() -> Script) -> impl Fn(Request<()>) -> Ready<Answer> {
    move |_| ready(Ok(Response::new(body())))
}

#[test]
fn observers_see_trailers_and_the_peer_and_are_flushed() {
    #[derive(Clone, Default)]
    struct Seen(Arc<Mutex<Vec<String>>>);
    impl Seen {
        fn note(&self, what: String) {
            self.0.lock().unwrap().push(what);
        }
    }
    impl ExchangeObserver for Seen {
        type State = ();
        fn trailers(&self, (): &mut (), trailers: &HeaderMap) {
            self.note(format!("trailers {trailers:?}"));
        }
        fn ended(&self, (): &mut (), exchange: &EndedExchange<'_>) {
            self.note(format!("ended {:?}", exchange.peer_address()));
        }
        fn flush(&self, timeout: Duration) -> bool {
            self.note(format!("flush {}", timeout.as_secs() >= 59));
            false
        }
    }
    let seen = Seen::default();
    let test = TestTracer::of(|builder| builder.observer(seen.clone()));
    let peer = "10.0.0.7:4711".parse().ok();
    let layer = test.tracer.server_layer().peer_address(move |_| peer);
    let trailers = || Script::trailers(&[("x-a", "b")]);
    let mut server = layer.layer(service_fn(answers(trailers)));
    drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
    assert!(!test.tracer.flush(Duration::from_secs(60)));
    let seen = seen.0.lock().unwrap();
    let expected = [
        r#"trailers {"x-a": "b"}"#,
        "ended Some(10.0.0.7:4711)",
        "flush true",
    ];
    assert_eq!(*seen, expected);
    test.spans.take_one();
}

/// It is active for as long as the flag says so.
#[derive(Clone, Default)]
struct Switched {
    active: Arc<AtomicBool>,
    ended: Arc<AtomicUsize>,
}

impl ExchangeObserver for Switched {
    type State = ();

    fn ended(&self, (): &mut (), _: &EndedExchange<'_>) {
        self.ended.fetch_add(1, SeqCst);
    }

    fn is_active(&self) -> bool {
        self.active.load(SeqCst)
    }
}

/// Next to an active observer, an inactive one is not called; `is_active` is called once for each request.
#[test]
fn is_active_is_called_once_and_applies_to_each_observer() {
    #[derive(Clone, Default)]
    struct Asked(Switched, Arc<AtomicUsize>);
    impl ExchangeObserver for Asked {
        type State = ();
        fn request(&self, (): &mut (), _: Direction, _: &RequestHead<'_>) {
            self.0.ended.fetch_add(100, SeqCst);
        }
        fn ended(&self, (): &mut (), exchange: &EndedExchange<'_>) {
            self.0.ended(&mut (), exchange);
        }
        fn is_active(&self) -> bool {
            self.1.fetch_add(1, SeqCst);
            self.0.is_active()
        }
    }
    let (on, off) = (Asked::default(), Asked::default());
    on.0.active.store(true, SeqCst);
    for mode in [Mode::Spans, Mode::ForwardOnly] {
        let test = TestTracer::of(|builder| {
            let builder = builder.observer(off.clone()).observer(on.clone());
            builder.mode(mode)
        });
        let mut server = test
            .tracer
            .server_layer()
            .layer(service_fn(answers(Script::default)));
        let mut client = test
            .tracer
            .client_layer()
            .layer(service_fn(answers(Script::default)));
        drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
        drain(now(client.call(get("http://a/", ""))).unwrap().body_mut()).unwrap();
        assert_eq!((on.1.swap(0, SeqCst), off.1.swap(0, SeqCst)), (2, 2));
        assert_eq!(on.0.ended.swap(0, SeqCst), 202);
        assert_eq!(off.0.ended.swap(0, SeqCst), 0);
        test.spans.take_all();
    }
}

#[test]
fn an_inactive_observer_sees_nothing() {
    let switched = Switched::default();
    let test = TestTracer::of(|builder| builder.observer(switched.clone()));
    let mut server = test
        .tracer
        .server_layer()
        .layer(service_fn(answers(Script::default)));
    for active in [false, true, false] {
        switched.active.store(active, SeqCst);
        drain(now(server.call(get("/", ""))).unwrap().body_mut()).unwrap();
        assert_eq!(switched.ended.swap(0, SeqCst), usize::from(active));
    }
    test.spans.take_all();
}
