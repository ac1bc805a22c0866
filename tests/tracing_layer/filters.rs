//! Filters: of the subscriber, of the layer by the subscriber, and of the layer itself.

use crate::scene::Scene;
use tower_b3::{TracingLayer, sample::Sampler};
use tracing::{Dispatch, Instrument, Level, debug_span, info_span};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, registry};

fn nested() {
    info_span!("outer").in_scope(|| {
        debug_span!("middle").in_scope(|| {
            tower_b3::tag("tagged", "inside");
            info_span!(target: "sqlx", "inner").in_scope(|| {});
        });
    });
}

#[test]
fn what_is_filtered_out_is_skipped_in_the_tree() {
    let filter = || EnvFilter::new("info,sqlx=off");
    let subscribers = [
        Dispatch::new(registry().with(TracingLayer::new().with_filter(filter()))),
        Dispatch::new(registry().with(filter()).with(TracingLayer::new())),
        // Another layer sees all of it.
        Dispatch::new(
            registry()
                .with(tracing_subscriber::fmt::layer().with_writer(std::io::sink))
                .with(TracingLayer::new().with_filter(filter())),
        ),
    ];
    for dispatch in subscribers {
        let mut scene = Scene::new();
        scene.dispatch = dispatch;
        scene.run(nested);
        scene.spans.assert_tree(
            "
            shop  request
            shop  └─ outer  tagged=inside
            ",
        );
    }
}

#[test]
fn the_layers_own_level_keeps_the_context() {
    let scene = Scene::with(Sampler::always(), |_| {
        TracingLayer::new().max_span_level(Level::INFO)
    });
    scene.run(nested);
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ outer     tagged=inside
        shop     └─ inner
        ",
    );
    scene.serve(|_| async {
        let task = async { info_span!("in the task").in_scope(|| {}) };
        let task = tokio::spawn(task.instrument(debug_span!("filtered")));
        task.await.unwrap();
    });
    scene.spans.assert_tree(
        "
        shop  SERVER  GET             http.status_code=200
        shop          └─ in the task
        ",
    );
}
