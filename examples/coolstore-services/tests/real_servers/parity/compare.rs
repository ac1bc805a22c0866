//! Compares both sides field by field, except for the intended differences.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::observe::Fields;

/// An intended difference: its reason, and where it occurs.
pub struct Reason {
    pub name: String,
    /// Whether it occurs in nearly every case, whatever the case is about.
    pub is_everywhere: bool,
    pub rules: Vec<Rule>,
}

/// In all patterns `*` matches anything. An absent field is `-none-`.
pub struct Rule {
    /// `setup: name` of cases.
    pub cases: String,
    pub field: String,
    pub envoy: String,
    pub ours: String,
}

const NONE: &str = "-none-";

#[derive(Default)]
pub struct Comparison {
    cases: usize,
    same: usize,
    equal_except_everywhere: usize,
    fields: usize,
    equal: usize,
    /// For each reason, the cases and fields.
    intended: BTreeMap<usize, (BTreeSet<String>, usize)>,
    used: BTreeSet<(usize, usize)>,
    unexpected: Vec<String>,
}

impl Comparison {
    pub fn case(&mut self, reasons: &[Reason], case: &str, envoy: &Fields, ours: &Fields) {
        self.cases += 1;
        let (mut same, mut equal_except_everywhere) = (true, true);
        let names: BTreeSet<&String> = envoy.keys().chain(ours.keys()).collect();
        let alone = |name: &str| {
            // The number of spans and their places in the trace are a separate field.
            let kind = format!("{} kind", name.split(' ').next().unwrap_or_default());
            name.starts_with(|first: char| first.is_uppercase())
                && envoy.contains_key(&kind) != ours.contains_key(&kind)
        };
        for name in names.into_iter().filter(|name| !alone(name)) {
            self.fields += 1;
            let value = |fields: &Fields| fields.get(name).map_or(NONE, String::as_str).to_owned();
            let (envoy, ours) = (value(envoy), value(ours));
            if envoy == ours {
                self.equal += 1;
                continue;
            }
            same = false;
            let mut rules = reasons.iter().enumerate().flat_map(|(at, reason)| {
                let rules = reason.rules.iter().enumerate();
                rules.map(move |(nth, rule)| (at, nth, rule))
            });
            let matching =
                |(_, _, rule): &(usize, usize, &Rule)| rule.matches(case, name, &envoy, &ours);
            let Some((at, nth, _)) = rules.find(matching) else {
                equal_except_everywhere = false;
                self.unexpected.push(format!(
                    "{case}\n    {name}\n        Envoy: {envoy}\n        ours:  {ours}"
                ));
                continue;
            };
            equal_except_everywhere &= reasons[at].is_everywhere;
            self.used.insert((at, nth));
            let (cases, fields) = self.intended.entry(at).or_default();
            cases.insert(case.to_owned());
            *fields += 1;
        }
        self.same += usize::from(same);
        self.equal_except_everywhere += usize::from(!same && equal_except_everywhere);
    }

    /// The number of compared cases and fields, and the differences by reason.
    pub fn summary(&self, reasons: &[Reason]) -> String {
        let mut text = String::new();
        let intended = self.cases - self.same - self.equal_except_everywhere;
        let _ = writeln!(
            text,
            "{} cases: {} equal, {} equal except for differences everywhere, {intended} intentionally different\n\
             {} fields: {} equal, {} intentionally different, {} unexpectedly different",
            self.cases,
            self.same,
            self.equal_except_everywhere,
            self.fields,
            self.equal,
            self.fields - self.equal - self.unexpected.len(),
            self.unexpected.len(),
        );
        for (at, reason) in reasons.iter().enumerate() {
            let (cases, fields) = self
                .intended
                .get(&at)
                .map_or((0, 0), |(cases, fields)| (cases.len(), *fields));
            let everywhere = if reason.is_everywhere {
                " (everywhere)"
            } else {
                ""
            };
            let _ = writeln!(
                text,
                "{cases:>5} cases {fields:>5} fields  {}{everywhere}",
                reason.name
            );
        }
        text
    }

    /// Unintended differences, and listed differences that do not occur.
    pub fn faults(&self, reasons: &[Reason]) -> Vec<String> {
        let mut faults = self.unexpected.clone();
        for (at, reason) in reasons.iter().enumerate() {
            for (nth, rule) in reason.rules.iter().enumerate() {
                if !self.used.contains(&(at, nth)) {
                    let Rule {
                        cases,
                        field,
                        envoy,
                        ours,
                    } = rule;
                    faults.push(format!(
                        "{}: occurs in no case: {cases:?} {field:?} Envoy {envoy:?} ours {ours:?}",
                        reason.name
                    ));
                }
            }
        }
        faults
    }
}

impl Rule {
    fn matches(&self, case: &str, field: &str, envoy: &str, ours: &str) -> bool {
        let all = [
            (&self.cases, case),
            (&self.field, field),
            (&self.envoy, envoy),
            (&self.ours, ours),
        ];
        all.into_iter()
            .all(|(pattern, text)| matches_pattern(pattern, text))
    }
}

/// Whether a text matches a pattern; alternatives are separated by `||`.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    pattern
        .split("||")
        .any(|pattern| matches_one(pattern.trim_matches(' '), text))
}

fn matches_one(pattern: &str, text: &str) -> bool {
    let Some((start, mut rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(start) else {
        return false;
    };
    while let Some((part, next)) = rest.split_once('*') {
        let Some(at) = text.find(part) else {
            return false;
        };
        (text, rest) = (&text[at + part.len()..], next);
    }
    text.ends_with(rest)
}

#[test]
fn patterns() {
    for (pattern, text, fits) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*", "abc", true),
        ("*c", "abc", true),
        ("a*b*c", "axbxc", true),
        ("a*b*c", "axc", false),
        ("ab*bc", "abc", false),
        ("x || a*", "abc", true),
    ] {
        assert_eq!(matches_pattern(pattern, text), fits, "{pattern:?} {text:?}");
    }
}
