//! [`Condition`]: comparisons, and how they are combined.

use super::{
    attribute::{Attribute, Scope},
    known::Known,
    term::Term,
};
use regex::Regex;
use std::cmp::Ordering;

#[derive(Debug)]
pub(super) enum Condition {
    Constant(bool),
    Compare(Operand, Operator, Operand),
    /// Whether the operand is in a list of literals.
    IsOneOf(Operand, Vec<Known<'static>>),
    /// The attribute must be text.
    Matches(Attribute, Regex),
    IsKnown(Attribute),
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
    Term(Box<Term>),
}

#[derive(Debug)]
pub(super) enum Operand {
    Literal(Known<'static>),
    Attribute(Attribute),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StartsWith,
    EndsWith,
    Contains,
}

impl Condition {
    /// `None` if it fails: an attribute is not known, or of another type. A failure on one side of `&&`
    /// or `||` does not matter if the other side determines the result.
    pub(super) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match self {
            Condition::Constant(holds) => Some(*holds),
            Condition::IsKnown(attribute) => Some(attribute.read(scope).is_some()),
            Condition::Not(condition) => condition.holds(scope).map(|holds| !holds),
            Condition::Both(left, right) => match left.holds(scope) {
                Some(false) => Some(false),
                Some(true) => right.holds(scope),
                None => right.holds(scope).filter(|holds| !holds),
            },
            Condition::Either(left, right) => match left.holds(scope) {
                Some(true) => Some(true),
                Some(false) => right.holds(scope),
                None => right.holds(scope).filter(|holds| *holds),
            },
            Condition::Matches(attribute, pattern) => match attribute.read(scope)? {
                Known::Text(text) => Some(pattern.is_match(&text)),
                _ => None,
            },
            Condition::Compare(left, operator, right) => {
                operator.holds(&left.read(scope)?, &right.read(scope)?)
            }
            Condition::IsOneOf(operand, literals) => {
                let known = operand.read(scope)?;
                Some(literals.contains(&known))
            }
            Condition::Term(term) => term.holds(scope),
        }
    }

    /// Whether it is evaluated without the interpreter.
    #[cfg(test)]
    pub(super) fn is_fast(&self) -> bool {
        match self {
            Condition::Term(term) => term.is_fast(),
            Condition::Not(condition) => condition.is_fast(),
            Condition::Both(left, right) | Condition::Either(left, right) => {
                left.is_fast() && right.is_fast()
            }
            _ => true,
        }
    }

    pub(super) fn attributes<'a>(&'a self, into: &mut Vec<&'a Attribute>) {
        match self {
            Condition::Constant(_) => {}
            Condition::IsKnown(attribute) | Condition::Matches(attribute, _) => {
                into.push(attribute);
            }
            Condition::Compare(left, _, right) => {
                into.extend(left.attribute());
                into.extend(right.attribute());
            }
            Condition::IsOneOf(operand, _) => into.extend(operand.attribute()),
            Condition::Not(condition) => condition.attributes(into),
            Condition::Both(left, right) | Condition::Either(left, right) => {
                left.attributes(into);
                right.attributes(into);
            }
            Condition::Term(term) => term.attributes(into),
        }
    }
}

impl Operand {
    fn read<'a>(&'a self, scope: Scope<'a>) -> Option<Known<'a>> {
        match self {
            Operand::Literal(known) => Some(known.borrowed()),
            Operand::Attribute(attribute) => attribute.read(scope),
        }
    }

    pub(super) fn attribute(&self) -> Option<&Attribute> {
        match self {
            Operand::Attribute(attribute) => Some(attribute),
            Operand::Literal(_) => None,
        }
    }
}

impl Operator {
    /// Values of different types are not equal, and cannot be compared otherwise.
    fn holds(self, left: &Known<'_>, right: &Known<'_>) -> Option<bool> {
        let order = match (left, right) {
            (Known::Text(left), Known::Text(right)) => match self {
                Operator::StartsWith => return Some(left.starts_with(&**right)),
                Operator::EndsWith => return Some(left.ends_with(&**right)),
                Operator::Contains => return Some(left.contains(&**right)),
                Operator::Equal => return Some(left == right),
                Operator::NotEqual => return Some(left != right),
                _ => left.cmp(right),
            },
            (Known::Integer(left), Known::Integer(right)) => left.cmp(right),
            (Known::Bool(left), Known::Bool(right)) => left.cmp(right),
            (Known::Duration(left), Known::Duration(right)) => left.cmp(right),
            (Known::Time(left), Known::Time(right)) => left.cmp(right),
            // Their fields are not known.
            (Known::Map, Known::Map) => return None,
            _ => {
                return match self {
                    Operator::Equal => Some(false),
                    Operator::NotEqual => Some(true),
                    _ => None,
                };
            }
        };
        match self {
            Operator::Equal => Some(order == Ordering::Equal),
            Operator::NotEqual => Some(order != Ordering::Equal),
            Operator::Less => Some(order == Ordering::Less),
            Operator::LessOrEqual => Some(order != Ordering::Greater),
            Operator::Greater => Some(order == Ordering::Greater),
            Operator::GreaterOrEqual => Some(order != Ordering::Less),
            Operator::StartsWith | Operator::EndsWith | Operator::Contains => None,
        }
    }
}
