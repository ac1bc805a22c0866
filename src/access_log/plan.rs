//! `Plan`: which lines are written for an exchange.

use super::{
    capture::Captures,
    error::AccessLogError,
    filter::{Filter, PlannedFilter},
    format::{AccessLogFormat, Layout},
    output::Output,
    queue::Queue,
};
use crate::direction::{Direction, PerDirection};
use std::{fmt, sync::Arc};

/// One log as it is configured.
#[derive(Clone)]
pub(crate) struct LogSettings {
    pub(crate) output: Output,
    pub(crate) format: AccessLogFormat,
    /// `None` is both.
    pub(crate) direction: Option<Direction>,
    pub(crate) filter: Option<Filter>,
}

/// The lines of an exchange, and what is captured for them.
#[derive(Default)]
pub(super) struct Plan {
    directions: PerDirection<DirectionPlan>,
}

#[derive(Default)]
pub(super) struct DirectionPlan {
    pub(super) captures: Captures,
    pub(super) lines: Vec<PlannedLine>,
}

pub(super) struct PlannedLine {
    pub(super) layout: Layout,
    pub(super) filter: Option<PlannedFilter>,
    pub(super) queue: Arc<Queue>,
}

impl Plan {
    /// The plan for these logs, each with the queue of its output.
    pub(super) fn new<'a>(
        logs: impl IntoIterator<Item = (&'a LogSettings, &'a Arc<Queue>)>,
    ) -> Result<Plan, AccessLogError> {
        let mut plan = Plan::default();
        for (log, queue) in logs {
            for direction in Direction::BOTH {
                if log.direction.is_some_and(|only| only != direction) {
                    continue;
                }
                let directed = plan.directions.of_mut(direction);
                let filter = log.filter.as_ref();
                directed.lines.push(PlannedLine {
                    layout: log.format.layout(&mut directed.captures)?,
                    filter: filter.map(|filter| PlannedFilter::new(filter, &mut directed.captures)),
                    queue: Arc::clone(queue),
                });
            }
        }
        Ok(plan)
    }

    pub(super) fn of(&self, direction: Direction) -> &DirectionPlan {
        self.directions.of(direction)
    }

    pub(super) fn is_empty(&self) -> bool {
        let mut directions = Direction::BOTH.into_iter();
        directions.all(|direction| self.of(direction).lines.is_empty())
    }
}

impl fmt::Debug for LogSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSettings")
            .field("output", &self.output)
            .field("format", &self.format)
            .field("direction", &self.direction)
            .finish_non_exhaustive()
    }
}
