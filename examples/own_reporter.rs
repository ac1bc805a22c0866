//! A reporter of one's own: it keeps count of what is slow and sends nothing anywhere.
//!
//!     cargo run -p tower-b3 --example own_reporter

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};
use tower_b3::{BuildError, Tracer, record::SpanRecord, report::Reporter};

/// The longest duration of each name. A reporter is called on the request's thread, so it does as
/// little as it can; a lock that is held this shortly will do.
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
