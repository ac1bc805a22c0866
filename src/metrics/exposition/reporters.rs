//! `Reporters`: the counts of reporters.

use super::family::{Family, Kind, Labels, Point, Value};
use crate::{
    report::{BatchReporter, Stats},
    text::cut,
    user_code::guarded,
};
use std::sync::{Arc, Mutex, PoisonError};

/// A longer name is cut.
const MAX_NAME: usize = 200;

/// `None`: the reporter is gone.
type GetStats = dyn Fn() -> Option<Stats> + Send + Sync;

struct CountedReporter {
    name: Option<String>,
    stats: Box<GetStats>,
}

/// The reporters whose counts are exposed.
#[derive(Default)]
pub(in crate::metrics) struct Reporters {
    in_code: Vec<CountedReporter>,
    /// Those of running tracers.
    started: Mutex<Vec<Arc<GetStats>>>,
}

impl Reporters {
    pub(in crate::metrics) fn add(
        &mut self,
        name: Option<String>,
        stats: impl Fn() -> Stats + Send + Sync + 'static,
    ) {
        self.in_code.push(CountedReporter {
            name: name.map(|name| cut(&name, MAX_NAME).to_owned()),
            stats: Box::new(move || Some(stats())),
        });
    }

    /// Adds the reporter of a running tracer, without keeping it alive.
    pub(in crate::metrics) fn add_started(&self, reporter: &BatchReporter) {
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.retain(|stats| stats().is_some());
        started.push(Arc::new(reporter.stats_while_it_lives()));
    }

    /// The name and the stats of each reporter that code has added, or else of those of running tracers.
    fn all(&self) -> Vec<(Option<String>, Option<Stats>)> {
        if !self.in_code.is_empty() {
            let in_code = self.in_code.iter();
            // A reporter whose function panics is left out.
            return in_code
                .map(|reporter| (reporter.name.clone(), guarded(&reporter.stats).flatten()))
                .collect();
        }
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let started = started.clone().into_iter();
        started
            .filter_map(|stats| stats())
            .map(|stats| (None, Some(stats)))
            .collect()
    }

    /// One family for each count. The label `reporter` distinguishes several reporters.
    pub(super) fn families(&self) -> Vec<Family> {
        let all = self.all();
        let several = all.len() > 1;
        let mut families = Vec::new();
        for (at, (name, stats)) in all.into_iter().enumerate() {
            let name = name.or_else(|| several.then(|| (at + 1).to_string()));
            let labels = name.map(|name| (Arc::from("reporter"), Arc::from(name)));
            let labels: Labels = labels.into_iter().collect();
            for (count, value) in stats.iter().flat_map(Stats::by_name) {
                add(&mut families, count, value, &labels);
            }
        }
        families
    }
}

/// Adds a count to its family, or to the point of a reporter with the same name.
fn add(families: &mut Vec<Family>, count: &str, value: u64, labels: &Labels) {
    let (name, kind) = match count {
        "queued" | "in_flight" => (format!("tower_b3_reporter_{count}"), Kind::Gauge),
        _ => (format!("tower_b3_reporter_{count}_total"), Kind::Counter),
    };
    let at = families.iter().position(|family| family.name == name);
    let at = at.unwrap_or_else(|| {
        families.push(Family {
            name,
            help: format!("Spans of the reporter: {}.", count.replace('_', " ")),
            kind,
            points: Vec::new(),
        });
        families.len() - 1
    });
    let points = &mut families[at].points;
    match points.iter_mut().find(|point| point.labels == *labels) {
        Some(point) => match &mut point.value {
            Value::Counter { count, .. } => *count += value,
            Value::Gauge(gauge) => *gauge += value as f64,
            Value::Histogram(_) => {}
        },
        None => points.push(Point {
            labels: Arc::clone(labels),
            value: match kind {
                Kind::Gauge => Value::Gauge(value as f64),
                _ => Value::Counter {
                    count: value,
                    exemplar: None,
                },
            },
        }),
    }
}
