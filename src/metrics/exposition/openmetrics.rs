//! OpenMetrics 1.0, with exemplars.

use super::{
    family::{Family, Kind, Point, Value},
    negotiate::Format,
    text::{escape, write_labels},
    writer::Writer,
};
use crate::metrics::{exemplar::Exemplar, handle::Metrics};
use std::{
    fmt::{self, Write},
    iter::repeat,
    time::UNIX_EPOCH,
};

impl Metrics {
    /// All metrics in the OpenMetrics text format 1.0, with exemplars: the traces of recent sampled
    /// requests.
    pub fn openmetrics(&self) -> String {
        let format = Format::OpenMetrics("1.0.0");
        Writer::new(format, self.families_for(format)).all()
    }
}

pub(super) fn write_head(to: &mut String, family: &Family) -> fmt::Result {
    // The samples of a counter end with `_total`, its family does not. A counter of another name can only
    // be exposed under that name with the type `unknown`.
    let total = family.name.strip_suffix("_total");
    let (name, kind) = match (family.kind, total) {
        (Kind::Counter, Some(name)) => (name, "counter"),
        (Kind::Counter, None) => (family.name.as_str(), "unknown"),
        (kind, _) => (family.name.as_str(), kind.name()),
    };
    writeln!(to, "# TYPE {name} {kind}")?;
    write!(to, "# HELP {name} ")?;
    escape(to, &family.help, true);
    to.push('\n');
    Ok(())
}

pub(super) fn write_point(to: &mut String, family: &Family, point: &Point) -> fmt::Result {
    let name = &family.name;
    let exemplars = name.ends_with("_total");
    let mut labels = String::new();
    write_labels(&mut labels, &point.labels);
    let braced = match labels.is_empty() {
        true => String::new(),
        false => format!("{{{labels}}}"),
    };
    match &point.value {
        Value::Counter { count, exemplar } => {
            write!(to, "{name}{braced} {count}")?;
            write_exemplar(to, exemplar.filter(|_| exemplars))
        }
        Value::Gauge(value) => writeln!(to, "{name}{braced} {value:?}"),
        Value::Histogram(histogram) => {
            let comma = if labels.is_empty() { "" } else { "," };
            let exemplars = histogram.exemplars.iter().copied().chain(repeat(None));
            for ((bound, count), exemplar) in histogram.cumulative().zip(exemplars) {
                write!(to, "{name}_bucket{{{labels}{comma}le=\"")?;
                match bound.is_finite() {
                    // With a fraction, as the format requires.
                    true => write!(to, "{bound:?}")?,
                    false => to.push_str("+Inf"),
                }
                write!(to, "\"}} {count}")?;
                write_exemplar(to, exemplar)?;
            }
            writeln!(to, "{name}_sum{braced} {:?}", histogram.sum)?;
            writeln!(to, "{name}_count{braced} {}", histogram.count())
        }
    }
}

fn write_exemplar(to: &mut String, exemplar: Option<Exemplar>) -> fmt::Result {
    if let Some(exemplar) = exemplar {
        let Exemplar {
            trace_id,
            span_id,
            value,
            time,
        } = exemplar;
        let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        write!(
            to,
            " # {{trace_id=\"{trace_id}\",span_id=\"{span_id}\"}} {value:?} {}.{:03}",
            time.as_secs(),
            time.subsec_millis()
        )?;
    }
    to.push('\n');
    Ok(())
}
