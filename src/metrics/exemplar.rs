//! `Exemplar`: a recent sampled request of a counter or bucket.

use crate::id::{SpanId, TraceId};
use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

/// Older exemplars are not exposed: their traces may be gone.
const MAX_AGE: Duration = Duration::from_secs(15 * 60);

/// A sampled request that was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Exemplar {
    /// The trace of the request.
    pub trace_id: TraceId,
    /// The span that the layer made for it.
    pub span_id: SpanId,
    /// What was counted or observed, in the unit of the metric.
    pub value: f64,
    /// When it was counted.
    pub time: SystemTime,
}

/// The most recent exemplar of each counter and bucket of a series. Allocated by the first sampled
/// request.
#[derive(Debug, Default)]
pub(super) struct Exemplars(OnceLock<Box<[Mutex<Option<Exemplar>>]>>);

impl Exemplars {
    /// Keeps exemplars by their indices, which are below `places`. One that another thread is writing is skipped.
    pub(super) fn keep(
        &self,
        places: usize,
        exemplars: impl IntoIterator<Item = (usize, Exemplar)>,
    ) {
        let slots = self
            .0
            .get_or_init(|| (0..places).map(|_| Mutex::new(None)).collect());
        for (at, exemplar) in exemplars {
            if let Some(Ok(mut slot)) = slots.get(at).map(Mutex::try_lock) {
                *slot = Some(exemplar);
            }
        }
    }

    /// The exemplar at this index, unless it is too old.
    pub(super) fn get(&self, at: usize, now: SystemTime) -> Option<Exemplar> {
        let slot = self.0.get()?.get(at)?;
        let exemplar = *slot.lock().unwrap_or_else(PoisonError::into_inner);
        exemplar.filter(|exemplar| exemplar.is_recent(now))
    }
}

impl Exemplar {
    /// Whether its trace may still exist.
    pub(super) fn is_recent(&self, now: SystemTime) -> bool {
        // The clock may have gone back.
        let age = now.duration_since(self.time).unwrap_or_default();
        age <= MAX_AGE
    }
}

/// The more recent of two.
pub(super) fn newer(one: Option<Exemplar>, other: Option<Exemplar>) -> Option<Exemplar> {
    match (one, other) {
        (Some(one), Some(other)) if one.time < other.time => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_recent_exemplar_is_kept_for_a_while() {
        let exemplars = Exemplars::default();
        let now = SystemTime::now();
        let exemplar = |id, time| Exemplar {
            trace_id: TraceId::new(id).unwrap(),
            span_id: SpanId::new(7).unwrap(),
            value: 1.0,
            time,
        };
        assert_eq!(exemplars.get(0, now), None);
        let [old, new] = [exemplar(1, now - Duration::from_secs(9)), exemplar(2, now)];
        exemplars.keep(3, [(0, old), (2, old), (9, old)]);
        exemplars.keep(3, [(2, new)]);
        assert_eq!(exemplars.get(0, now), Some(old));
        assert_eq!(exemplars.get(1, now), None);
        assert_eq!(exemplars.get(2, now), Some(new));
        let later = now + MAX_AGE;
        assert_eq!(exemplars.get(0, later), None);
        assert_eq!(exemplars.get(2, later), Some(new));
        assert_eq!(newer(Some(old), Some(new)), Some(new));
        assert_eq!(newer(Some(new), Some(old)), Some(new));
        assert_eq!(newer(None, Some(old)), Some(old));
        assert_eq!(newer(Some(old), None), Some(old));
    }
}
