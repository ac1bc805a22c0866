//! Every difference that is meant.

use super::compare::Reason;

pub fn reasons() -> Vec<Reason> {
    vec![]
}
