//! Whatever is logged, and whatever a request's headers hold: lines stay lines, and the handler goes on.

use crate::{
    common::{TRACE, TestTracer},
    lines::{ids, json, objects, prefix, serve, text, tracer},
    logged,
};
use std::{
    fmt::{self, Debug},
    panic::{AssertUnwindSafe, catch_unwind},
};
use tower_b3::logs::WithIds;
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext,
        format::{FormatEvent, FormatFields, Writer},
    },
    registry::LookupSpan,
};

/// A value whose `Debug` runs this.
struct Runs(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl Debug for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

#[test]
fn after_a_panic_in_debug_the_next_line_is_whole() {
    let log = || {
        for inside in [false, true] {
            let log = || {
                let bomb = Runs(|f| {
                    f.write_str("half")?;
                    panic!("expected")
                });
                let logged = catch_unwind(AssertUnwindSafe(|| tracing::info!(?bomb, "first")));
                assert!(logged.is_err());
                tracing::info!("next");
            };
            match inside {
                true => serve(&tracer(), &ids("1"), log),
                false => log(),
            }
        }
    };
    let lines = logged!(
        text().with_target(false).map_event_format(WithIds::text),
        log
    );
    let front = prefix(true);
    let [outside, next_outside, inside, next_inside] =
        lines.lines().collect::<Vec<_>>().try_into().unwrap();
    assert!(outside.starts_with(" INFO first"), "{lines}");
    assert_eq!(next_outside, " INFO next");
    assert!(
        inside.starts_with(&format!("{front} INFO first")),
        "{lines}"
    );
    assert_eq!(next_inside, format!("{front} INFO next"));

    let lines = logged!(json().map_event_format(WithIds::json), log);
    let [outside, inside] = objects(&lines).try_into().unwrap();
    assert!(outside.get("trace_id").is_none());
    assert_eq!(
        (&inside["trace_id"], &inside["fields"]["message"]),
        (&TRACE.into(), &"next".into())
    );
}

#[test]
fn a_debug_that_fails_loses_its_own_line_only() {
    let log = || {
        serve(&tracer(), &ids("1"), || {
            tracing::info!(fails = ?Runs(|_| Err(fmt::Error)), "first");
            tracing::info!("next");
        });
    };
    let format = text().with_target(false).log_internal_errors(false);
    let lines = logged!(format.map_event_format(WithIds::text), log);
    assert_eq!(lines, prefix(true) + " INFO next\n");
}

#[test]
fn a_debug_can_use_the_current_span() {
    let test = TestTracer::new();
    let value = Runs(|f| {
        tower_b3::tag("seen", "in Debug");
        write!(f, "{}", tower_b3::current().unwrap().trace_id())
    });
    for in_json in [false, true] {
        let log = || serve(&test.tracer, &ids("1"), || tracing::info!(?value));
        let lines = match in_json {
            true => logged!(json().map_event_format(WithIds::json), log),
            false => logged!(text().map_event_format(WithIds::text), log),
        };
        assert_eq!(lines.matches(TRACE).count(), 2, "{lines}");
        let [span] = test.spans.take_all().try_into().unwrap();
        assert_eq!(span.tag("seen").as_deref(), Some("in Debug"));
    }
}

#[test]
fn large_and_odd_values_stay_inside_of_their_line() {
    let large = "a\"\\,{}".repeat(200_000);
    let odd = "},\"trace_id\":\"forged\",\n{\u{1b}[31m\u{0}\r";
    let log = || {
        serve(&tracer(), &ids("1"), || {
            tracing::info!(large, odd, debug = ?odd, "{odd}");
            tracing::info!("next");
        });
    };
    for flatten in [false, true] {
        let format = json().flatten_event(flatten);
        let lines = logged!(format.map_event_format(WithIds::json), log);
        let [first, next] = objects(&lines).try_into().unwrap();
        let fields = if flatten { &first } else { &first["fields"] };
        assert_eq!(fields["large"], large.as_str());
        assert_eq!(
            (&fields["odd"], &fields["message"]),
            (&odd.into(), &odd.into())
        );
        assert_eq!(
            (&first["trace_id"], &next["trace_id"]),
            (&TRACE.into(), &TRACE.into())
        );
    }
    let lines = logged!(text().map_event_format(WithIds::text), log);
    assert_eq!(lines.matches(&prefix(true)).count(), 2);
}

#[test]
fn request_ids_are_one_word_of_text_and_one_string_of_json() {
    for (sent, kept) in [
        (r#"","trace_id":"forged"#, true),
        (r"\u0022\", true),
        ("sampled=true", true),
        (&"x".repeat(256), true),
        (&"x".repeat(257), false),
        ("a b", false),
        ("a\tb", false),
        ("ä", false),
        ("", false),
    ] {
        let headers = format!("x-request-id: {sent}");
        let mut id = None;
        let lines = logged!(json().map_event_format(WithIds::json), || {
            serve(&tracer(), &headers, || {
                id = tower_b3::request_id();
                tracing::info!("inside");
            });
        });
        let (line, id) = (&objects(&lines)[0], id.unwrap().to_string());
        assert_eq!(line["request_id"], id.as_str());
        assert_eq!(id == sent, kept, "{sent}");
        let format = text().with_target(false).map_event_format(WithIds::text);
        let lines = logged!(format, || serve(&tracer(), &headers, || tracing::info!(
            "inside"
        )));
        let words: Vec<&str> = lines.split_whitespace().collect();
        let [_trace_id, _span_id, request_id, sampled, "INFO", "inside"] = words[..] else {
            panic!("{lines}");
        };
        assert!(
            !kept || request_id == format!("request_id={sent}"),
            "{lines}"
        );
        assert_eq!(sampled, "sampled=true");
    }
}

/// Writes what the inner format does, in brackets.
struct Brackets<F>(F);

impl<S, N, F> FormatEvent<S, N> for Brackets<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(ctx, Writer::new(&mut line), event)?;
        writeln!(writer, "[{}]", line.trim_end())
    }
}

#[test]
fn formats_can_be_inside_of_formats() {
    let log = || serve(&tracer(), &ids("1"), || tracing::info!("inside"));
    let front = prefix(true);
    let format = || text().with_target(false);
    let nested = format().map_event_format(|inner| WithIds::text(Brackets(inner)));
    assert_eq!(logged!(nested, log), format!("{front}[ INFO inside]\n"));
    let nested = format().map_event_format(|inner| Brackets(WithIds::text(inner)));
    assert_eq!(logged!(nested, log), format!("[{front} INFO inside]\n"));
    // In brackets it is no object, and the ids are there all the same.
    let nested = json().map_event_format(|inner| WithIds::json(Brackets(inner)));
    let lines = logged!(nested, log);
    assert!(lines.starts_with(&format!("{front}[{{")), "{lines}");
    // Twice adds nothing twice.
    let once = logged!(json().map_event_format(WithIds::json), log);
    let twice = json().map_event_format(|inner| WithIds::json(WithIds::json(inner)));
    assert_eq!(logged!(twice, log), once);
}

#[test]
fn a_format_can_be_shown_and_taken_out_again() {
    let format = WithIds::text(7);
    assert_eq!((*format.get_ref(), format.clone().into_inner()), (7, 7));
    assert!(format!("{format:?}").contains("trace_id"));
}
