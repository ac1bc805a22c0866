//! [`TailStats`]: the counts of a tail sampler.

use std::{fmt, ops::AddAssign};

/// What a [`TailSampler`](super::TailSampler) has done with its spans so far.
///
/// At any moment `received = held + kept + unwanted + late + evicted + expired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct TailStats {
    /// Spans received.
    pub received: u64,
    /// Spans that wait for the end of their request.
    pub held: u64,
    /// Spans passed on.
    pub kept: u64,
    /// Spans dropped because nothing about their request was wanted.
    pub unwanted: u64,
    /// Spans dropped because they ended after their request, and it was not wanted.
    pub late: u64,
    /// Spans dropped because a limit was reached, and theirs was the oldest trace.
    pub evicted: u64,
    /// Spans dropped because their request did not end in time.
    pub expired: u64,
}

impl TailStats {
    /// All counts by name, for metrics. `held` is a gauge, the others only grow.
    pub fn by_name(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
        // Without `..`, so that a new field does not compile until it is named here.
        let TailStats {
            received,
            held,
            kept,
            unwanted,
            late,
            evicted,
            expired,
        } = *self;
        [
            ("received", received),
            ("held", held),
            ("kept", kept),
            ("unwanted", unwanted),
            ("late", late),
            ("evicted", evicted),
            ("expired", expired),
        ]
        .into_iter()
    }
}

impl AddAssign for TailStats {
    fn add_assign(&mut self, other: TailStats) {
        self.received += other.received;
        self.held += other.held;
        self.kept += other.kept;
        self.unwanted += other.unwanted;
        self.late += other.late;
        self.evicted += other.evicted;
        self.expired += other.expired;
    }
}

/// `100 received, 2 held, 8 kept, 85 unwanted, 5 late, 0 evicted, 0 expired`
impl fmt::Display for TailStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, value)) in self.by_name().enumerate() {
            let separator = if number == 0 { "" } else { ", " };
            write!(f, "{separator}{value} {name}")?;
        }
        Ok(())
    }
}
