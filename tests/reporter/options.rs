//! Any values of the options give an error that names the option, or a reporter that works.

use crate::{LONG, assert_adds_up, report, shutdown::Do};
use proptest::{prelude::*, test_runner::Config};
use std::time::Duration;
use tower_b3::{
    report::{BatchOptions, BatchReporter, Outcome, ReporterError},
    zipkin::{JsonEncoder, JsonLinesReporter, ZipkinReporter},
};

#[derive(Debug, Clone, Copy)]
struct Values {
    queue_limit: usize,
    queue_bytes: usize,
    message_limit: usize,
    max_age: Duration,
    request_timeout: Duration,
    backoff: (Duration, Duration),
    retry_for: Duration,
    deadline: Duration,
}

impl Values {
    /// The option that the error should name.
    fn wrong(&self) -> Option<&'static str> {
        [
            ("queue_limit", self.queue_limit > 0),
            ("queue_bytes", self.queue_bytes > 0),
            ("message_limit", (1..=1 << 30).contains(&self.message_limit)),
            ("max_age", !self.max_age.is_zero()),
            ("request_timeout", !self.request_timeout.is_zero()),
            (
                "backoff",
                !self.backoff.0.is_zero() && self.backoff.0 <= self.backoff.1,
            ),
        ]
        .into_iter()
        .find_map(|(field, right)| (!right).then_some(field))
    }
}

impl Values {
    fn options(&self) -> BatchOptions {
        BatchOptions::new()
            .queue_limit(self.queue_limit)
            .queue_bytes(self.queue_bytes)
            .message_limit(self.message_limit)
            .max_age(self.max_age)
            .request_timeout(self.request_timeout)
            .backoff(self.backoff.0, self.backoff.1)
            .retry_for(self.retry_for)
    }
}

fn count() -> impl Strategy<Value = usize> {
    // Few zeros, or most cases would be errors.
    prop_oneof![
        1 => Just(0),
        4 => 1_usize..100_000,
        2 => Just(usize::MAX),
        1 => Just(usize::MAX - 1),
        1 => Just(u32::MAX as usize),
    ]
}

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        1 => Just(Duration::ZERO),
        2 => Just(Duration::from_nanos(1)),
        4 => (1_u64..100).prop_map(Duration::from_millis),
        2 => any::<u64>().prop_map(Duration::from_secs),
        3 => Just(Duration::MAX),
    ]
}

fn values() -> impl Strategy<Value = Values> {
    let counts = (count(), count(), count());
    (counts, time(), time(), (time(), time()), time(), time()).prop_map(
        |(counts, max_age, request_timeout, backoff, retry_for, deadline)| Values {
            queue_limit: counts.0,
            queue_bytes: counts.1,
            message_limit: counts.2,
            max_age,
            request_timeout,
            backoff,
            retry_for,
            deadline,
        },
    )
}

/// `None` if the error names the right option.
fn built(
    values: &Values,
    built: Result<BatchReporter, ReporterError>,
) -> Result<Option<BatchReporter>, TestCaseError> {
    let field = built.as_ref().err().map(ReporterError::field);
    prop_assert_eq!(field, values.wrong());
    Ok(built.ok())
}

proptest! {
    #![proptest_config(Config { cases: 128, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_reporter_works_with_any_valid_options(values in values()) {
        // Ready at once, so that even a timeout of a nanosecond does not expire.
        let sender = Do(|_| Outcome::Accepted);
        let batch = BatchReporter::builder(JsonEncoder, sender).options(values.options()).build();
        let lines = JsonLinesReporter::builder(std::io::sink()).options(values.options()).build();
        let lines = lines.map(BatchReporter::from);
        for reporter in [built(&values, batch)?, built(&values, lines)?].into_iter().flatten() {
            report(&reporter, "get", 3);
            assert_adds_up(&reporter.stats());
            reporter.flush(values.deadline);
            prop_assert!(reporter.flush(LONG));
            report(&reporter, "get", 3);
            let ended = reporter.shutdown(values.deadline);
            prop_assert!(ended.in_time || values.deadline.is_zero(), "{}", ended);
            let stats = reporter.shutdown(LONG).stats;
            assert_adds_up(&stats);
            prop_assert_eq!(stats.finished, 6);
            prop_assert_eq!((stats.queued, stats.in_flight), (0, 0));
            if values.queue_limit > 100 && values.queue_bytes > 100_000
                && values.message_limit > 10_000
            {
                prop_assert!(stats.sent >= 3, "{:?}", stats);
            }
        }
    }

    /// Without a collector, all spans are dropped and counted.
    #[test]
    fn a_shutdown_in_an_outage_ends_with_any_options(values in values()) {
        let url = "http://127.0.0.1:1";
        let reporters = [
            ZipkinReporter::builder(url).options(values.options()).build().map(BatchReporter::from),
            #[cfg(feature = "otlp")]
            tower_b3::otlp::OtlpReporter::builder(url).options(values.options()).build().map(BatchReporter::from),
            #[cfg(feature = "kafka")]
            tower_b3::zipkin::KafkaReporter::builder("127.0.0.1:1").options(values.options()).build().map(BatchReporter::from),
        ];
        for reporter in reporters {
            let Some(reporter) = built(&values, reporter)? else {
                continue;
            };
            report(&reporter, "get", 3);
            reporter.flush(Duration::from_millis(5));
            report(&reporter, "get", 3);
            let ended = reporter.shutdown(values.deadline.min(Duration::from_millis(20)));
            prop_assert!(ended.in_time, "{}", ended);
            let stats = reporter.stats();
            assert_adds_up(&stats);
            prop_assert_eq!((stats.finished, stats.dropped.total()), (6, 6));
        }
    }
}

#[test]
fn a_message_limit_must_not_exceed_one_gibibyte() {
    let builder = ZipkinReporter::builder("http://127.0.0.1:9")
        .options(BatchOptions::new().message_limit(usize::MAX));
    assert_eq!(
        builder.build().unwrap_err().to_string(),
        "message_limit: must be at most 1073741824 bytes"
    );
}

#[test]
fn a_flush_sends_spans_that_could_wait_forever() {
    let builder = BatchReporter::builder(JsonEncoder, Do(|_| Outcome::Accepted));
    let reporter = builder
        .options(BatchOptions::new().max_age(Duration::MAX))
        .build()
        .unwrap();
    report(&reporter, "get", 3);
    assert!(reporter.flush(Duration::MAX));
    assert_eq!(reporter.stats().sent, 3);
    let _guard = reporter.guard().timeout(Duration::MAX);
}
