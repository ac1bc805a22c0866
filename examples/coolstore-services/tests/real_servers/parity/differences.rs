//! The intended differences, read from a table.

use std::collections::BTreeMap;

use super::compare::{Reason, Rule};

const TABLE: &str = include_str!("differences.txt");

pub fn reasons() -> Vec<Reason> {
    let table = TABLE.replace("\n    ||", " ||");
    let mut defined = BTreeMap::<String, &str>::new();
    let mut reasons: Vec<Reason> = Vec::new();
    for line in table.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = line.strip_prefix('$').and_then(|l| l.split_once(" = ")) {
            defined.insert(format!("${name}"), value);
        } else if let Some(row) = line.strip_prefix("    ") {
            let cells: Vec<String> = row
                .split(" | ")
                .map(|cell| cell.trim())
                .map(|cell| (*defined.get(cell).unwrap_or(&cell)).to_owned())
                .collect();
            let [cases, field, envoy, ours] = cells.try_into().expect("four cells");
            let reason = reasons.last_mut().expect("a reason above its rules");
            reason.rules.push(Rule {
                cases,
                field,
                envoy,
                ours,
            });
        } else {
            let everywhere = line.strip_prefix("everywhere: ");
            reasons.push(Reason {
                name: everywhere.unwrap_or(line).to_owned(),
                is_everywhere: everywhere.is_some(),
                rules: Vec::new(),
            });
        }
    }
    reasons
}
