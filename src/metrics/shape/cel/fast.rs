//! [`Fast`]: the shapes that most expressions have, evaluated without an interpreter: a literal, one
//! attribute, texts put together, a condition, and a choice between two literals.

use super::{
    attribute::{Attribute, Scope},
    known::Known,
    path::Path,
    print::print_value,
    vocabulary::attribute,
};
use cel::{
    IdedExpr, Value,
    common::{
        ast::{CallExpr, Expr, operators},
        value::CelVal,
    },
};
use regex::Regex;
use std::cmp::Ordering;

#[derive(Debug, Clone)]
pub(super) enum Fast {
    /// A literal as it is printed.
    Literal(String),
    Attribute(Attribute),
    Joined(Vec<Part>),
    Condition(Condition),
    Choice {
        condition: Condition,
        then: String,
        otherwise: String,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    Literal(String),
    /// It must be text.
    Attribute(Attribute),
    /// `string(…)`: it is no duration or time, which are converted in a format of their own.
    Converted(Attribute),
}

#[derive(Debug, Clone)]
pub(super) enum Condition {
    Compare(Attribute, Operator, Literal),
    /// It must be text.
    Matches(Attribute, Regex),
    IsKnown(Attribute),
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
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

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Integer(i64),
}

impl Fast {
    /// `None` if the expression has another shape.
    pub(super) fn of(expression: &IdedExpr, generated: &[String]) -> Option<Fast> {
        let reader = Reader { generated };
        if let Some(printed) = printed(expression) {
            return Some(Fast::Literal(printed));
        }
        if let Some(attribute) = reader.attribute(expression) {
            return Some(Fast::Attribute(attribute));
        }
        if let Some(condition) = reader.condition(expression) {
            return Some(Fast::Condition(condition));
        }
        let Expr::Call(call) = &expression.expr else {
            return None;
        };
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::CONDITIONAL, [condition, then, otherwise]) => Some(Fast::Choice {
                condition: reader.condition(condition)?,
                then: printed(then)?,
                otherwise: printed(otherwise)?,
            }),
            ("string", _) => Some(Fast::Joined(vec![reader.converted(call)?])),
            (operators::ADD, _) => {
                let mut parts = Vec::new();
                reader.join(expression, &mut parts)?;
                // Two numbers would be added.
                let is_text = parts.iter().any(|part| !matches!(part, Part::Attribute(_)));
                is_text.then_some(Fast::Joined(parts))
            }
            _ => None,
        }
    }

    /// Appends the result as Envoy prints it. `false` if it fails.
    pub(super) fn print(&self, scope: Scope<'_>, out: &mut String) -> bool {
        let choice = |condition: &Condition, then: &str, otherwise: &str, out: &mut String| {
            let holds = condition.holds(scope)?;
            out.push_str(if holds { then } else { otherwise });
            Some(())
        };
        let printed = match self {
            Fast::Literal(text) => {
                out.push_str(text);
                Some(())
            }
            Fast::Attribute(attribute) => attribute.read(scope).map(|known| known.print(out)),
            Fast::Joined(parts) => parts.iter().try_for_each(|part| part.print(scope, out)),
            Fast::Condition(condition) => choice(condition, "true", "false", out),
            Fast::Choice {
                condition,
                then,
                otherwise,
            } => choice(condition, then, otherwise, out),
        };
        printed.is_some()
    }

    /// Whether it is true. `None` if it fails, or is no condition.
    pub(super) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match self {
            Fast::Condition(condition) => condition.holds(scope),
            Fast::Literal(text) if text == "true" => Some(true),
            Fast::Literal(text) if text == "false" => Some(false),
            Fast::Attribute(attribute) => match attribute.read(scope)? {
                Known::Bool(flag) => Some(flag),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn attributes(&self) -> Vec<&Attribute> {
        let mut attributes = Vec::new();
        match self {
            Fast::Literal(_) => {}
            Fast::Attribute(attribute) => attributes.push(attribute),
            Fast::Joined(parts) => attributes.extend(parts.iter().filter_map(|part| match part {
                Part::Attribute(attribute) | Part::Converted(attribute) => Some(attribute),
                Part::Literal(_) => None,
            })),
            Fast::Condition(condition) | Fast::Choice { condition, .. } => {
                condition.attributes(&mut attributes);
            }
        }
        attributes
    }
}

impl Part {
    fn print(&self, scope: Scope<'_>, out: &mut String) -> Option<()> {
        match self {
            Part::Literal(text) => out.push_str(text),
            Part::Attribute(attribute) => match attribute.read(scope)? {
                Known::Text(text) => out.push_str(&text),
                _ => return None,
            },
            Part::Converted(attribute) => match attribute.read(scope)? {
                known @ (Known::Text(_) | Known::Integer(_) | Known::Bool(_)) => known.print(out),
                _ => return None,
            },
        }
        Some(())
    }
}

impl Condition {
    /// `None` if it fails: an attribute is not known, or of another type. A failure on one side of
    /// `&&` or `||` does not matter if the other side decides.
    fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match self {
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
            Condition::Compare(attribute, operator, literal) => {
                compare(&attribute.read(scope)?, *operator, literal)
            }
        }
    }

    fn attributes<'a>(&'a self, into: &mut Vec<&'a Attribute>) {
        match self {
            Condition::IsKnown(attribute)
            | Condition::Matches(attribute, _)
            | Condition::Compare(attribute, ..) => {
                into.push(attribute);
            }
            Condition::Not(condition) => condition.attributes(into),
            Condition::Both(left, right) | Condition::Either(left, right) => {
                left.attributes(into);
                right.attributes(into);
            }
        }
    }
}

fn compare(known: &Known<'_>, operator: Operator, literal: &Literal) -> Option<bool> {
    let order = match (known, literal) {
        (Known::Text(text), Literal::Text(literal)) => match operator {
            Operator::StartsWith => return Some(text.starts_with(literal)),
            Operator::EndsWith => return Some(text.ends_with(literal)),
            Operator::Contains => return Some(text.contains(literal)),
            _ => (**text).cmp(literal.as_str()),
        },
        (Known::Integer(integer), Literal::Integer(literal)) => integer.cmp(literal),
        _ => return None,
    };
    Some(match operator {
        Operator::Equal => order == Ordering::Equal,
        Operator::NotEqual => order != Ordering::Equal,
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        Operator::GreaterOrEqual => order != Ordering::Less,
        Operator::StartsWith | Operator::EndsWith | Operator::Contains => return None,
    })
}

/// A literal as it is printed.
fn printed(expression: &IdedExpr) -> Option<String> {
    let Expr::Literal(literal) = &expression.expr else {
        return None;
    };
    let mut text = String::new();
    let value = match literal {
        CelVal::String(text) => return Some(text.clone()),
        CelVal::Boolean(flag) => Value::Bool(*flag),
        CelVal::Int(integer) => Value::Int(*integer),
        CelVal::UInt(integer) => Value::UInt(*integer),
        CelVal::Double(float) => Value::Float(*float),
        CelVal::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
        CelVal::Null => Value::Null,
        _ => return None,
    };
    print_value(&value, &mut text).then_some(text)
}

/// Both operands of an operator or a function, in either way of writing.
fn operands(call: &CallExpr) -> Option<(&IdedExpr, &IdedExpr)> {
    match (&call.target, &call.args[..]) {
        (Some(target), [argument]) => Some((target, argument)),
        (None, [left, right]) => Some((left, right)),
        _ => None,
    }
}

struct Reader<'g> {
    generated: &'g [String],
}

impl Reader<'_> {
    fn attribute(&self, expression: &IdedExpr) -> Option<Attribute> {
        let path = Path::of(expression).filter(|path| !path.is_test)?;
        attribute(&path.steps, self.generated)
    }

    fn condition(&self, expression: &IdedExpr) -> Option<Condition> {
        if let Some(path) = Path::of(expression).filter(|path| path.is_test) {
            return attribute(&path.steps, self.generated).map(Condition::IsKnown);
        }
        let Expr::Call(call) = &expression.expr else {
            return None;
        };
        let both = |left, right| {
            Some((
                Box::new(self.condition(left)?),
                Box::new(self.condition(right)?),
            ))
        };
        match (call.func_name.as_str(), &call.args[..]) {
            (operators::LOGICAL_AND, [left, right]) => {
                both(left, right).map(|(left, right)| Condition::Both(left, right))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                both(left, right).map(|(left, right)| Condition::Either(left, right))
            }
            (operators::LOGICAL_NOT, [inner]) => {
                Some(Condition::Not(Box::new(self.condition(inner)?)))
            }
            ("matches", _) => self.pattern(call),
            _ => self.comparison(call),
        }
    }

    fn pattern(&self, call: &CallExpr) -> Option<Condition> {
        let (text, pattern) = operands(call)?;
        let Expr::Literal(CelVal::String(pattern)) = &pattern.expr else {
            return None;
        };
        let pattern = Regex::new(pattern).ok()?;
        Some(Condition::Matches(self.attribute(text)?, pattern))
    }

    /// The operand of `string(…)`.
    fn converted(&self, call: &CallExpr) -> Option<Part> {
        let (None, [operand]) = (&call.target, &call.args[..]) else {
            return None;
        };
        let attribute = self.attribute(operand)?;
        let has_own_format = matches!(attribute, Attribute::Duration | Attribute::Time);
        (!has_own_format).then_some(Part::Converted(attribute))
    }

    fn comparison(&self, call: &CallExpr) -> Option<Condition> {
        let operator = match call.func_name.as_str() {
            operators::EQUALS => Operator::Equal,
            operators::NOT_EQUALS => Operator::NotEqual,
            operators::LESS => Operator::Less,
            operators::LESS_EQUALS => Operator::LessOrEqual,
            operators::GREATER => Operator::Greater,
            operators::GREATER_EQUALS => Operator::GreaterOrEqual,
            "startsWith" => Operator::StartsWith,
            "endsWith" => Operator::EndsWith,
            "contains" => Operator::Contains,
            _ => return None,
        };
        let (left, right) = operands(call)?;
        let Expr::Literal(literal) = &right.expr else {
            return None;
        };
        let literal = match literal {
            CelVal::String(text) => Literal::Text(text.clone()),
            CelVal::Int(integer) => Literal::Integer(*integer),
            _ => return None,
        };
        Some(Condition::Compare(self.attribute(left)?, operator, literal))
    }

    /// The parts of a sum of texts.
    fn join(&self, expression: &IdedExpr, parts: &mut Vec<Part>) -> Option<()> {
        match &expression.expr {
            Expr::Literal(CelVal::String(text)) => parts.push(Part::Literal(text.clone())),
            Expr::Call(call) if call.func_name == operators::ADD => {
                call.args
                    .iter()
                    .try_for_each(|side| self.join(side, parts))?;
            }
            Expr::Call(call) if call.func_name == "string" => parts.push(self.converted(call)?),
            _ => parts.push(Part::Attribute(self.attribute(expression)?)),
        }
        Some(())
    }
}
