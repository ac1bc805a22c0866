//! `LineState`: what an access log keeps of an exchange until its end.

use super::{
    capture::Captured,
    plan::{DirectionPlan, Plan},
    template::Line,
};
use crate::{direction::Direction, observe::EndedExchange};
use std::{fmt, sync::Arc};

/// The state of an exchange. Its memory, and its reference to the plan, stay for the next exchange: counting
/// a reference that threads share would make them wait for each other.
#[derive(Default)]
pub struct LineState {
    /// By which the values were captured. The log may have another one meanwhile.
    plan: Option<Arc<Plan>>,
    direction: Option<Direction>,
    captured: Captured,
    line: Vec<u8>,
}

/// More memory than this is given back after an exchange.
const KEPT_BYTES: usize = 16 * 1024;

/// Lines up to this length are written without growing the buffer, although their lengths differ.
const USUAL_LENGTH: usize = 1024;

impl LineState {
    /// Begins with an exchange.
    pub(super) fn begin(&mut self, plan: &Arc<Plan>, direction: Direction) {
        let is_same = |own: &Arc<Plan>| Arc::ptr_eq(own, plan);
        if !self.plan.as_ref().is_some_and(is_same) {
            self.plan = Some(Arc::clone(plan));
        }
        self.direction = Some(direction);
    }

    /// What is to be captured, and where the values go; `None` if no exchange has begun.
    pub(super) fn capturing(&mut self) -> Option<(&DirectionPlan, &mut Captured)> {
        let plan = self.plan.as_ref()?.of(self.direction?);
        Some((plan, &mut self.captured))
    }

    /// Queues the lines of the exchange.
    pub(super) fn end(&mut self, exchange: &EndedExchange<'_>) {
        let (Some(plan), Some(direction)) = (&self.plan, self.direction) else {
            return;
        };
        for planned in &plan.of(direction).lines {
            let filter = planned.filter.as_ref();
            if filter.is_some_and(|filter| !filter.keeps(exchange, &self.captured)) {
                continue;
            }
            let line = Line {
                exchange,
                captured: &self.captured,
                omit_empty: planned.layout.omit_empty,
            };
            self.line.clear();
            self.line.reserve(USUAL_LENGTH);
            planned.layout.write(line, &mut self.line);
            planned.queue.push(&self.line);
        }
    }

    pub(super) fn reset(&mut self) {
        self.direction = None;
        self.captured.clear();
        self.line.clear();
        self.line.shrink_to(KEPT_BYTES);
    }
}

impl fmt::Debug for LineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineState").finish_non_exhaustive()
    }
}
