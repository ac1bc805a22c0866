//! A custom reporter: it records slow requests in memory.
//!
//!     cargo run -p tower-b3 --example own_reporter

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tower_b3::{BuildError, Tracer, record::SpanRecord, report::Reporter};

/// The longest duration per span name. A reporter is called on the request's thread, so it must be
/// quick; a lock held this briefly is fine.
#[derive(Clone, Default)]
struct Slowest(Arc<Mutex<BTreeMap<String, Duration>>>);

impl Reporter for Slowest {
    fn report(&self, span: SpanRecord) {
        let mut slowest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let longest = slowest.entry(span.name().to_owned()).or_default();
        *longest = span.duration().max(*longest);
    }
}

fn main() -> Result<(), BuildError> {
    let slowest = Slowest::default();
    let tracer = Tracer::builder("nightly")
        .reporter(slowest.clone())
        .build()?;
    for millis in [3, 9, 1] {
        tracer.span("reconcile").in_scope(|| {
            tower_b3::span("load").in_scope(|| thread::sleep(Duration::from_millis(millis)));
        });
    }
    drop(tracer);
    for (name, longest) in &*slowest.0.lock().unwrap_or_else(PoisonError::into_inner) {
        println!("{name:<10} {longest:?}");
    }
    Ok(())
}
