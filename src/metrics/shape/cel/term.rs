//! [`Term`]: a compiled expression, evaluated without the interpreter as far as possible.

use super::{
    attribute::{Attribute, Scope},
    condition::Condition,
    known::Known,
    print::print_value,
    program::Program,
};
use cel::Value;

#[derive(Debug)]
pub(super) enum Term {
    /// A printed literal. `true` and `false` are conditions instead.
    Literal(String),
    Attribute(Attribute),
    Joined(Vec<Part>),
    Condition(Condition),
    Choice(Box<Choice>),
    /// Everything else.
    Program(Program),
}

#[derive(Debug)]
pub(super) struct Choice {
    pub(super) condition: Condition,
    pub(super) then: Term,
    pub(super) otherwise: Term,
}

#[derive(Debug)]
pub(super) enum Part {
    Literal(String),
    /// It must be text.
    Attribute(Attribute),
    /// `string(…)`, except of durations and times, which have a format of their own.
    Converted(Attribute),
}

impl Choice {
    /// The side that is chosen. `None` if the condition fails.
    fn chosen(&self, scope: Scope<'_>) -> Option<&Term> {
        let holds = self.condition.holds(scope)?;
        Some(if holds { &self.then } else { &self.otherwise })
    }
}

impl Term {
    /// Appends the result as Envoy prints it. `None` if it fails.
    pub(super) fn print(&self, scope: Scope<'_>, out: &mut String) -> Option<()> {
        match self {
            Term::Literal(text) => out.push_str(text),
            Term::Attribute(attribute) => attribute.read(scope)?.print(out),
            Term::Joined(parts) => return parts.iter().try_for_each(|part| part.print(scope, out)),
            Term::Condition(condition) => Known::Bool(condition.holds(scope)?).print(out),
            Term::Choice(choice) => return choice.chosen(scope)?.print(scope, out),
            Term::Program(program) => {
                return print_value(&program.evaluate(scope)?, out).then_some(());
            }
        }
        Some(())
    }

    /// Whether it is true. `None` if it fails, or is not a bool.
    pub(super) fn holds(&self, scope: Scope<'_>) -> Option<bool> {
        match self {
            Term::Condition(condition) => condition.holds(scope),
            Term::Choice(choice) => choice.chosen(scope)?.holds(scope),
            Term::Attribute(attribute) => match attribute.read(scope)? {
                Known::Bool(flag) => Some(flag),
                _ => None,
            },
            Term::Program(program) => match program.evaluate(scope)? {
                Value::Bool(flag) => Some(flag),
                _ => None,
            },
            Term::Literal(_) | Term::Joined(_) => None,
        }
    }

    /// The result, if it is the same for every exchange.
    pub(super) fn constant(&self) -> Option<&str> {
        match self {
            Term::Literal(text) => Some(text),
            Term::Condition(Condition::Constant(true)) => Some("true"),
            Term::Condition(Condition::Constant(false)) => Some("false"),
            _ => None,
        }
    }

    /// Whether it is evaluated without the interpreter.
    #[cfg(test)]
    pub(super) fn is_fast(&self) -> bool {
        match self {
            Term::Program(_) => false,
            Term::Condition(condition) => condition.is_fast(),
            Term::Choice(choice) => {
                choice.condition.is_fast() && choice.then.is_fast() && choice.otherwise.is_fast()
            }
            Term::Literal(_) | Term::Attribute(_) | Term::Joined(_) => true,
        }
    }

    pub(super) fn attributes<'a>(&'a self, into: &mut Vec<&'a Attribute>) {
        match self {
            Term::Literal(_) => {}
            Term::Attribute(attribute) => into.push(attribute),
            Term::Joined(parts) => into.extend(parts.iter().filter_map(|part| match part {
                Part::Attribute(attribute) | Part::Converted(attribute) => Some(attribute),
                Part::Literal(_) => None,
            })),
            Term::Condition(condition) => condition.attributes(into),
            Term::Choice(choice) => {
                choice.condition.attributes(into);
                choice.then.attributes(into);
                choice.otherwise.attributes(into);
            }
            Term::Program(program) => into.extend(program.attributes()),
        }
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
