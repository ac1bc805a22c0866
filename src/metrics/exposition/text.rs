//! Prometheus' text format 0.0.4, as Envoy writes it.

use super::{
    family::{Family, Kind, Point, Value},
    negotiate::Format,
    writer::Writer,
};
use crate::metrics::handle::Metrics;
use std::{
    fmt::{self, Write},
    sync::Arc,
};

impl Metrics {
    /// All metrics in Prometheus' text format 0.0.4.
    pub fn text(&self) -> String {
        Writer::new(Format::Text, self.families_for(Format::Text)).all()
    }
}

pub(super) fn write_head(to: &mut String, family: &Family) -> fmt::Result {
    let name = &family.name;
    to.push_str("# HELP ");
    to.push_str(name);
    to.push(' ');
    // Quotes are not escaped here.
    escape(to, &family.help, false);
    writeln!(to, "\n# TYPE {name} {}", family.kind.name())
}

pub(super) fn write_point(to: &mut String, family: &Family, point: &Point) -> fmt::Result {
    let name = &family.name;
    let mut labels = String::new();
    write_labels(&mut labels, &point.labels);
    match &point.value {
        Value::Counter { count, .. } => writeln!(to, "{name}{{{labels}}} {count}"),
        Value::Gauge(value) => writeln!(to, "{name}{{{labels}}} {value}"),
        Value::Histogram(histogram) => {
            let comma = if labels.is_empty() { "" } else { "," };
            for (bound, count) in histogram.cumulative() {
                write!(to, "{name}_bucket{{{labels}{comma}le=\"")?;
                match bound.is_finite() {
                    true => write!(to, "{bound}")?,
                    false => to.push_str("+Inf"),
                }
                writeln!(to, "\"}} {count}")?;
            }
            writeln!(to, "{name}_sum{{{labels}}} {}", histogram.sum)?;
            writeln!(to, "{name}_count{{{labels}}} {}", histogram.count())
        }
    }
}

/// Appends labels without the braces.
pub(super) fn write_labels(to: &mut String, labels: &[(Arc<str>, Arc<str>)]) {
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            to.push(',');
        }
        to.push_str(name);
        to.push_str("=\"");
        escape(to, value, true);
        to.push('"');
    }
}

/// Appends text of one line.
pub(super) fn escape(to: &mut String, text: &str, quotes: bool) {
    for character in text.chars() {
        match character {
            '\\' => to.push_str("\\\\"),
            '\n' => to.push_str("\\n"),
            '"' if quotes => to.push_str("\\\""),
            other => to.push(other),
        }
    }
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}
