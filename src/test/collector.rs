//! Collects the spans of a test, and fails it if some are left. The queue that it waits on is in
//! `queue`, the text form of trees in `format`.

use super::{TreeFormat, diff::unindent, queue::Queue};
use crate::{Tracer, TracerBuilder, record::SpanRecord, report::Reporter};
use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

/// How long a span may take to be finished by another task or thread.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Keeps the finished spans of a test, and fails the test if some are left when it is dropped.
///
/// A SERVER span ends with its response's body: read the body to its end, or drop it, before you
/// take the spans. Behind a real socket the span may end shortly after the client has read the
/// response: use one of the methods that wait.
///
/// ```
/// use tower_b3::test::SpanCollector;
///
/// let spans = SpanCollector::new();
/// let tracer = spans.tracer("orders");
/// tracer.span("reconcile").in_scope(|| tower_b3::tag("invoices", "12"));
///
/// let span = spans.take_one();
/// assert_eq!(span.tag("invoices").as_deref(), Some("12"));
/// ```
///
/// A span that no assertion has taken fails the test:
///
/// ```should_panic
/// # use tower_b3::test::SpanCollector;
/// let spans = SpanCollector::new();
/// drop(spans.tracer("orders").span("reconcile"));
/// // Panics: spans that no assertion has taken.
/// ```
pub struct SpanCollector {
    queue: Arc<Queue>,
    timeout: Duration,
    format: TreeFormat,
    checks: Vec<Check>,
}

type Check = Box<dyn Fn(&SpanRecord) + Send + Sync>;

impl SpanCollector {
    /// A collector without spans.
    pub fn new() -> SpanCollector {
        SpanCollector {
            queue: Arc::default(),
            timeout: TIMEOUT,
            format: TreeFormat::default(),
            checks: Vec::new(),
        }
    }

    /// How long the waiting methods wait before they panic. Default: 10 seconds.
    ///
    /// This is real time, even if tokio's clock is paused.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How [`assert_tree`](Self::assert_tree) and [`wait_for_tree`](Self::wait_for_tree) write the
    /// spans.
    #[must_use]
    pub fn tree_format(mut self, format: TreeFormat) -> Self {
        self.format = format;
        self
    }

    /// Calls `check` with each span that is taken or asserted on: for a rule that every span of a
    /// test must follow.
    ///
    /// ```
    /// use tower_b3::test::SpanCollector;
    ///
    /// let spans = SpanCollector::new().check(|span| {
    ///     assert!(span.tag("password").is_none(), "{span:#?}");
    /// });
    /// drop(spans.tracer("orders").span("reconcile"));
    /// spans.assert_tree("orders  reconcile");
    /// ```
    #[must_use]
    pub fn check(mut self, check: impl Fn(&SpanRecord) + Send + Sync + 'static) -> Self {
        self.checks.push(Box::new(check));
        self
    }

    /// A tracer that reports to this collector and samples every trace.
    ///
    /// # Panics
    ///
    /// If the name is blank.
    #[track_caller]
    pub fn tracer(&self, service_name: impl Into<Cow<'static, str>>) -> Tracer {
        match self.builder(service_name).build() {
            Ok(tracer) => tracer,
            Err(error) => panic!("no tracer: {error}"),
        }
    }

    /// A builder of a tracer that reports to this collector.
    pub fn builder(&self, service_name: impl Into<Cow<'static, str>>) -> TracerBuilder {
        Tracer::builder(service_name).reporter(self.reporter())
    }

    /// The reporter for a tracer that is built elsewhere.
    pub fn reporter(&self) -> TestReporter {
        TestReporter(Arc::clone(&self.queue))
    }

    /// Takes the one span that has finished.
    ///
    /// # Panics
    ///
    /// If there are none, or several.
    #[track_caller]
    pub fn take_one(&self) -> SpanRecord {
        self.take(1).remove(0)
    }

    /// Takes the spans that have finished, in that order: exactly `count`.
    ///
    /// # Panics
    ///
    /// If there are more or fewer.
    #[track_caller]
    pub fn take(&self, count: usize) -> Vec<SpanRecord> {
        let spans = self.queue.take_all();
        assert_eq!(spans.len(), count, "finished:{}", SpanList(&spans));
        self.checked(spans)
    }

    /// Takes all spans that have finished, in that order.
    #[track_caller]
    pub fn take_all(&self) -> Vec<SpanRecord> {
        self.checked(self.queue.take_all())
    }

    /// Takes the first span that `matches`, and leaves the others.
    ///
    /// ```
    /// use tower_b3::test::SpanCollector;
    ///
    /// let spans = SpanCollector::new();
    /// let tracer = spans.tracer("orders");
    /// for name in ["charge", "ship"] {
    ///     drop(tracer.span(name));
    /// }
    /// let ship = spans.take_where(|span| span.name() == "ship");
    /// assert!(!ship.is_error());
    /// spans.assert_tree("orders  charge");
    /// ```
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub fn take_where(&self, matches: impl Fn(&SpanRecord) -> bool) -> SpanRecord {
        let Some(span) = self.queue.take_where(matches) else {
            let left = self.queue.with(|spans| SpanList(spans).to_string());
            panic!("no such span; finished:{left}");
        };
        self.checked(vec![span]).remove(0)
    }

    /// Asserts that no span has finished that has not been taken.
    ///
    /// # Panics
    ///
    /// If one has.
    #[track_caller]
    pub fn assert_empty(&self) {
        self.queue
            .with(|spans| assert!(spans.is_empty(), "finished:{}", SpanList(spans)));
    }

    /// Takes all spans that have finished, and asserts that their trees are `expected`, in the
    /// collector's [`tree_format`](Self::tree_format).
    ///
    /// Indentation that all lines of `expected` share is ignored.
    ///
    /// # Panics
    ///
    /// If the trees differ. The message shows the difference.
    #[track_caller]
    pub fn assert_tree(&self, expected: &str) {
        let spans = self.take_all();
        self.format.assert(&spans, expected);
    }

    /// As [`assert_tree`](Self::assert_tree), but waits until as many spans have finished as
    /// `expected` has.
    ///
    /// # Panics
    ///
    /// If the trees differ, also because fewer spans finish in time.
    pub async fn wait_for_tree(&self, expected: &str) {
        let expected = unindent(expected);
        let lines = expected.lines();
        let spans = lines.filter(|line| !line.is_empty() && !line.starts_with("trace "));
        let count = spans.count();
        // Missing spans are reported as a difference.
        self.queue.until(count, self.timeout).await;
        self.assert_tree(&expected);
    }

    /// Waits until `count` spans have finished, and leaves them in the collector.
    ///
    /// # Panics
    ///
    /// If fewer finish in time.
    pub async fn wait_until(&self, count: usize) {
        let in_time = self.queue.until(count, self.timeout).await;
        self.assert_in_time(in_time, count);
    }

    /// As [`take`](Self::take), but waits until `count` spans have finished.
    ///
    /// ```
    /// use tower_b3::test::SpanCollector;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let spans = SpanCollector::new();
    /// let span = spans.tracer("orders").span("reconcile");
    /// tokio::spawn(span.instrument(async { tower_b3::tag("invoices", "12") }));
    ///
    /// let taken = spans.wait(1).await;
    /// assert_eq!(taken[0].name(), "reconcile");
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// If fewer finish in time, or more have finished.
    pub async fn wait(&self, count: usize) -> Vec<SpanRecord> {
        self.wait_until(count).await;
        self.take(count)
    }

    /// As [`take_one`](Self::take_one), but waits for the span.
    ///
    /// # Panics
    ///
    /// If none finishes in time, or several have finished.
    pub async fn wait_one(&self) -> SpanRecord {
        self.wait(1).await.remove(0)
    }

    /// As [`wait`](Self::wait), for tests that are not asynchronous: blocks the thread.
    ///
    /// # Panics
    ///
    /// If fewer finish in time, or more have finished.
    #[track_caller]
    pub fn wait_blocking(&self, count: usize) -> Vec<SpanRecord> {
        let in_time = self.queue.block_until(count, self.timeout);
        self.assert_in_time(in_time, count);
        self.take(count)
    }

    #[track_caller]
    fn assert_in_time(&self, in_time: bool, count: usize) {
        let timeout = self.timeout;
        self.queue.with(|spans| {
            assert!(
                in_time,
                "fewer than {count} spans finished within {timeout:?}:{}",
                SpanList(spans)
            );
        });
    }

    #[track_caller]
    fn checked(&self, spans: Vec<SpanRecord>) -> Vec<SpanRecord> {
        for span in &spans {
            self.checks.iter().for_each(|check| check(span));
        }
        spans
    }
}

impl Default for SpanCollector {
    fn default() -> Self {
        SpanCollector::new()
    }
}

impl Drop for SpanCollector {
    fn drop(&mut self) {
        let left = self.queue.take_all();
        if !std::thread::panicking() {
            assert!(
                left.is_empty(),
                "spans that no assertion has taken:{}",
                SpanList(&left)
            );
        }
    }
}

impl fmt::Debug for SpanCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("SpanCollector");
        self.queue.with(|spans| shown.field("finished", &spans));
        shown
            .field("timeout", &self.timeout)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Passes spans to the [`SpanCollector`] that made it.
#[derive(Clone)]
pub struct TestReporter(Arc<Queue>);

impl Reporter for TestReporter {
    fn report(&self, span: SpanRecord) {
        self.0.push(span);
    }
}

impl fmt::Debug for TestReporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestReporter").finish_non_exhaustive()
    }
}

/// Spans in a message: as trees, and with all fields.
struct SpanList<'a>(&'a [SpanRecord]);

impl fmt::Display for SpanList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str(" none"),
            spans => {
                let trees = TreeFormat::default().text(spans);
                write!(f, "\n\n{trees}\n\n{spans:#?}")
            }
        }
    }
}
