//! Finished spans, none of which may be left behind.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::Notify;
use tower_b3::{
    record::SpanRecord,
    report::{InMemoryReporter, Reporter},
};

/// How long a span may take to be finished by another task before the test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// The spans that a test expects. One that is left when this is dropped fails the test.
#[derive(Default)]
pub struct Spans {
    queue: Queue,
    taken: Mutex<Vec<SpanRecord>>,
}

#[derive(Clone, Default)]
struct Queue {
    spans: InMemoryReporter,
    came: Arc<Notify>,
}

impl Reporter for Queue {
    fn report(&self, span: SpanRecord) {
        self.spans.report(span);
        self.came.notify_one();
    }
}

impl Spans {
    /// What the tracer under test reports to.
    pub fn reporter(&self) -> impl Reporter {
        self.queue.clone()
    }

    /// The one span that has been finished by now.
    #[track_caller]
    pub fn take_one(&self) -> SpanRecord {
        let mut spans = self.take(1);
        spans.remove(0)
    }

    /// The spans that have been finished by now, in that order: exactly so many.
    #[track_caller]
    pub fn take(&self, count: usize) -> Vec<SpanRecord> {
        let spans = self.all();
        assert_eq!(spans.len(), count, "finished: {spans:#?}");
        spans.iter().for_each(is_sound);
        spans
    }

    /// Whatever has been finished by now.
    pub fn all(&self) -> Vec<SpanRecord> {
        let mut taken = self.taken.lock().unwrap();
        taken.append(&mut self.queue.spans.take());
        std::mem::take(&mut taken)
    }

    /// Waits until so many have been finished, and leaves them there.
    pub async fn until(&self, count: usize) {
        let enough = async {
            loop {
                let came = self.queue.came.notified();
                {
                    let mut taken = self.taken.lock().unwrap();
                    taken.append(&mut self.queue.spans.take());
                    if taken.len() >= count {
                        return;
                    }
                }
                came.await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, enough).await;
        assert!(
            in_time.is_ok(),
            "fewer than {count} spans: {:#?}",
            self.all()
        );
    }

    /// As [`take_one`](Self::take_one), but waits for it.
    pub async fn wait_one(&self) -> SpanRecord {
        self.wait(1).await.remove(0)
    }

    /// As [`take`](Self::take), but waits for so many.
    pub async fn wait(&self, count: usize) -> Vec<SpanRecord> {
        self.until(count).await;
        self.take(count)
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        let left = self.all();
        if !std::thread::panicking() {
            assert!(left.is_empty(), "spans were left behind: {left:#?}");
        }
    }
}

/// What holds for every span, whatever happened.
#[track_caller]
fn is_sound(span: &SpanRecord) {
    let mut names: Vec<&str> = span.tags().map(|(name, _)| name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a tag is there twice: {span:#?}");
    for (name, value) in span.tags() {
        assert!(!value.to_text().is_empty(), "{name} is empty: {span:#?}");
    }
    assert!(span.tag("error").is_none_or(|error| error == "true"));
    assert!(span.duration().as_micros() >= 1);
    assert!(span.context().sampling().is_sampled(), "{span:#?}");
    assert_ne!(span.parent_id(), Some(span.id()), "{span:#?}");
    assert!(!span.name().is_empty(), "{span:#?}");
    assert_eq!(span.local_endpoint().service_name, Some("shop"));
}
