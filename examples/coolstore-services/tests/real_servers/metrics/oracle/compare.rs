//! Compares the two sides field by field, with the intended differences read from a table.

use std::collections::BTreeSet;

use super::counted_request::CountedRequest;

const TABLE: &str = include_str!("differences.txt");

#[derive(Default)]
pub struct Comparison {
    cases: usize,
    equal: usize,
    explained: BTreeSet<usize>,
    faults: Vec<String>,
}

/// A line of the table, under its reason.
struct Rule {
    line: usize,
    side: &'static str,
    case: &'static str,
    field: &'static str,
    envoy: &'static str,
    ours: &'static str,
}

impl Rule {
    fn matches(&self, envoy: &str, ours: &str) -> bool {
        ["*", printed(envoy)].contains(&self.envoy) && self.ours == printed(ours)
    }
}

impl Comparison {
    pub fn add(
        &mut self,
        side: &str,
        case: &str,
        CountedRequest(envoy): CountedRequest,
        CountedRequest(ours): CountedRequest,
    ) {
        self.cases += 1;
        let rules = rules();
        for (field, envoy_value) in &envoy {
            let our_value = &ours[field];
            // Other bytes may be in another bucket.
            let bytes = field.replace("bucket", "bytes");
            if envoy[bytes.as_str()] != ours[bytes.as_str()] && bytes != *field {
                continue;
            }
            let matching = rules.iter().find(|rule| {
                let place = [rule.side, rule.case, rule.field];
                place == [side, case, field] && rule.matches(envoy_value, our_value)
            });
            match (envoy_value == our_value, matching) {
                (true, _) => self.equal += 1,
                (false, Some(rule)) => {
                    self.explained.insert(rule.line);
                }
                (false, None) => {
                    let values = format!("{} | {}", printed(envoy_value), printed(our_value));
                    self.faults
                        .push(format!("{side} | {case} | {field} | {values}"));
                }
            }
        }
    }

    pub fn summary(&self) -> String {
        let Comparison { cases, equal, .. } = self;
        let explained = self.explained.len();
        format!(
            "{cases} cases: {equal} fields are equal, {explained} intended differences were seen"
        )
    }

    /// Differences that are not in the table, and lines of the table that explain nothing.
    pub fn faults(&self) -> Vec<String> {
        let unused = rules()
            .into_iter()
            .filter(|rule| !self.explained.contains(&rule.line));
        let unused = unused.map(|rule| format!("line {} explains no difference", rule.line));
        self.faults.iter().cloned().chain(unused).collect()
    }
}

fn printed(value: &str) -> &str {
    if value.is_empty() { "-empty-" } else { value }
}

fn rules() -> Vec<Rule> {
    let rows = TABLE.lines().enumerate().filter_map(|(index, line)| {
        let row = line.strip_prefix("    ")?;
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [side, case, field, envoy, ours] = cells[..] else {
            panic!("not five cells in line {}: {line}", index + 1);
        };
        Some(Rule {
            line: index + 1,
            side,
            case,
            field,
            envoy,
            ours,
        })
    });
    rows.collect()
}
