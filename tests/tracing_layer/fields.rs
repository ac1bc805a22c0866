//! Fields become tags.

use crate::scene::Scene;
use std::{error::Error, fmt};
use tower_b3::{TracingLayer, record::Kind, sample::Sampler};
use tracing::{field::Empty, info_span};

#[derive(Debug)]
struct Failed(Option<Box<Failed>>);

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "no orders"
        } else {
            "reset"
        })
    }
}

impl Error for Failed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|source| source as _)
    }
}

#[test]
fn of_every_type_and_recorded_later() {
    let scene = Scene::new();
    let failed = Failed(Some(Box::new(Failed(None))));
    scene.run(|| {
        let span = info_span!(
            "load",
            signed = -1_i64,
            unsigned = 2_u64,
            wide = i128::MIN,
            wider = u128::MAX,
            float = 0.5,
            yes = true,
            text = "ä",
            debug = ?Some("x"),
            display = %7,
            cause = &failed as &dyn Error,
            later = Empty,
            never = Empty,
        );
        span.record("later", 3);
        span.record("text", "replaced");
        span.record("no such field", 1);
    });
    let span = scene.spans.take_where(|span| span.name() == "load");
    let tags: Vec<_> = span
        .tags()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(
        tags,
        [
            "signed=-1",
            "unsigned=2",
            "wide=-170141183460469231731687303715884105728",
            "wider=340282366920938463463374607431768211455",
            "float=0.5",
            "yes=true",
            "text=replaced",
            "debug=Some(\"x\")",
            "display=7",
            "cause=no orders: reset",
            "later=3",
        ]
    );
    scene.spans.assert_tree("shop  request");
}

#[test]
fn names_of_opentelemetry() {
    let scene = Scene::new();
    scene.run(|| {
        info_span!("query", otel.name = "SELECT orders", otel.kind = "client", db.system = "postgresql");
        info_span!("send", otel.kind = ?Kind::Producer, otel.status_code = "ERROR", otel.status_message = "refused");
        let retried = info_span!("retried", otel.status_code = "error", otel.kind = "no kind");
        retried.record("otel.status_code", "OK");
        info_span!("other", otel.other = "kept", error = "reset");
    });
    scene.spans.assert_tree(
        "
        shop            request
        shop  CLIENT    └─ SELECT orders  db.system=postgresql
        shop  PRODUCER  └─ send           error error.reason=refused
        shop            └─ retried
        shop            └─ other          error otel.other=kept error.reason=reset
        ",
    );
}

#[test]
fn target_and_place_in_the_code() {
    let scene = Scene::with(Sampler::always(), |_| {
        TracingLayer::new().target(true).code_location(true)
    });
    let line = scene.run(|| {
        info_span!(target: "orders", "load");
        line!() - 1
    });
    let span = scene.spans.take_where(|span| span.name() == "load");
    assert_eq!(span.tag("target").as_deref(), Some("orders"));
    assert_eq!(span.tag("code.file.path").as_deref(), Some(file!()));
    assert_eq!(
        span.tag("code.line.number").as_deref(),
        Some(&*line.to_string())
    );
    scene.spans.assert_tree("shop  request");
}
