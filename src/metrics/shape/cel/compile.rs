//! [`Compiler`]: makes a [`Term`] of a parsed expression.

use super::{
    ExpressionError,
    attribute::Attribute,
    condition::{Condition, Operand, Operator},
    known::Known,
    path::Path,
    print::print_value,
    program::Program,
    rewrite::compile_pattern,
    term::{Choice, Part, Term},
    vocabulary::{attribute, tested_by_in},
};
use cel::{
    IdedExpr, Value,
    common::{
        ast::{CallExpr, Expr, operators},
        value::CelVal,
    },
};

pub(super) struct Compiler<'g> {
    /// The names of the attributes that the configuration generates.
    pub(super) generated: &'g [String],
}

impl Compiler<'_> {
    pub(super) fn term(&self, expression: &IdedExpr) -> Result<Term, ExpressionError> {
        if let Some(literal) = literal(expression) {
            return Ok(literal);
        }
        if let Some(attribute) = self.attribute(expression) {
            return Ok(Term::Attribute(attribute));
        }
        if let Expr::Call(call) = &expression.expr {
            if let (operators::CONDITIONAL, [condition, then, otherwise]) = operation(call) {
                return Ok(Term::Choice(Box::new(Choice {
                    condition: self.condition(condition)?,
                    then: self.term(then)?,
                    otherwise: self.term(otherwise)?,
                })));
            }
            if let Some(parts) = self.joined(call, expression) {
                return Ok(Term::Joined(parts));
            }
        }
        match self.known_condition(expression)? {
            Some(condition) => Ok(Term::Condition(condition)),
            None => self.program(expression),
        }
    }

    fn condition(&self, expression: &IdedExpr) -> Result<Condition, ExpressionError> {
        Ok(match self.term(expression)? {
            Term::Condition(condition) => condition,
            term => Condition::Term(Box::new(term)),
        })
    }

    /// Evaluated once, so that an expression that can never be evaluated is refused now. If it reads no
    /// attribute, this result is final.
    fn program(&self, expression: &IdedExpr) -> Result<Term, ExpressionError> {
        let program = Program::compile(expression.clone(), self.generated)?;
        let result = program.try_once()?;
        if program.attributes().next().is_some() {
            return Ok(Term::Program(program));
        }
        let mut text = String::new();
        Ok(match result {
            Some(Value::Bool(flag)) => Term::Condition(Condition::Constant(flag)),
            Some(value) if print_value(&value, &mut text) => Term::Literal(text),
            _ => Term::Attribute(Attribute::Absent),
        })
    }

    fn attribute(&self, expression: &IdedExpr) -> Option<Attribute> {
        let path = Path::of(expression).filter(|path| !path.is_test)?;
        attribute(&path.steps, self.generated)
    }

    /// `None` if it is not a condition, or needs the interpreter.
    fn known_condition(&self, expression: &IdedExpr) -> Result<Option<Condition>, ExpressionError> {
        if let Some(path) = Path::of(expression).filter(|path| path.is_test) {
            return Ok(attribute(&path.steps, self.generated).map(Condition::IsKnown));
        }
        let Expr::Call(call) = &expression.expr else {
            return Ok(None);
        };
        let condition = |expression| self.condition(expression).map(Box::new);
        Ok(match operation(call) {
            (operators::LOGICAL_AND, [left, right]) => {
                Some(Condition::Both(condition(left)?, condition(right)?))
            }
            (operators::LOGICAL_OR, [left, right]) => {
                Some(Condition::Either(condition(left)?, condition(right)?))
            }
            (operators::LOGICAL_NOT, [inner]) => Some(Condition::Not(condition(inner)?)),
            (operators::IN, [element, list]) => match tested_by_in(call, self.generated) {
                Some(attribute) => Some(Condition::IsKnown(attribute)),
                None => self.membership(element, list),
            },
            ("matches", _) => self.pattern(call),
            _ => self.comparison(call),
        })
    }

    fn pattern(&self, call: &CallExpr) -> Option<Condition> {
        let (text, pattern) = operands(call)?;
        let Expr::Literal(CelVal::String(pattern)) = &pattern.expr else {
            return None;
        };
        let pattern = compile_pattern(pattern).ok()?;
        Some(Condition::Matches(self.attribute(text)?, pattern))
    }

    /// `response.code in [200, 204]`.
    fn membership(&self, element: &IdedExpr, list: &IdedExpr) -> Option<Condition> {
        let Expr::List(list) = &list.expr else {
            return None;
        };
        let attribute = self.attribute(element)?;
        let literals = list.elements.iter().map(known_literal);
        let literals = literals.collect::<Option<_>>()?;
        Some(Condition::IsOneOf(Operand::Attribute(attribute), literals))
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
        let (left, right) = (self.operand(left)?, self.operand(right)?);
        let reads = left.attribute().or(right.attribute()).is_some();
        reads.then_some(Condition::Compare(left, operator, right))
    }

    fn operand(&self, expression: &IdedExpr) -> Option<Operand> {
        let attribute = || self.attribute(expression).map(Operand::Attribute);
        known_literal(expression)
            .map(Operand::Literal)
            .or_else(attribute)
    }

    /// The parts of a sum of texts, or of a text that is converted.
    fn joined(&self, call: &CallExpr, expression: &IdedExpr) -> Option<Vec<Part>> {
        if call.func_name != operators::ADD && call.func_name != "string" {
            return None;
        }
        let mut parts = Vec::new();
        self.join(expression, &mut parts)?;
        // Two numbers would be added.
        let is_text = parts.iter().any(|part| !matches!(part, Part::Attribute(_)));
        is_text.then_some(parts)
    }

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

    /// The operand of `string(…)`.
    fn converted(&self, call: &CallExpr) -> Option<Part> {
        let (None, [operand]) = (&call.target, &call.args[..]) else {
            return None;
        };
        let attribute = self.attribute(operand)?;
        let has_own_format = matches!(attribute, Attribute::Duration | Attribute::Time);
        (!has_own_format).then_some(Part::Converted(attribute))
    }
}

/// An operator or a function, and its operands. None of a method.
fn operation(call: &CallExpr) -> (&str, &[IdedExpr]) {
    let operands = match call.target {
        Some(_) => &[],
        None => &call.args[..],
    };
    (&call.func_name, operands)
}

/// Both operands of an operator or a function, called as a function or as a method.
fn operands(call: &CallExpr) -> Option<(&IdedExpr, &IdedExpr)> {
    match (&call.target, &call.args[..]) {
        (Some(target), [argument]) => Some((target, argument)),
        (None, [left, right]) => Some((left, right)),
        _ => None,
    }
}

fn literal(expression: &IdedExpr) -> Option<Term> {
    let Expr::Literal(literal) = &expression.expr else {
        return None;
    };
    let mut text = String::new();
    let value = match literal {
        CelVal::Boolean(flag) => return Some(Term::Condition(Condition::Constant(*flag))),
        CelVal::String(text) => return Some(Term::Literal(text.clone())),
        CelVal::Int(integer) => Value::Int(*integer),
        CelVal::UInt(integer) => Value::UInt(*integer),
        CelVal::Double(float) => Value::Float(*float),
        CelVal::Bytes(bytes) => Value::Bytes(bytes.clone().into()),
        CelVal::Null => Value::Null,
        _ => return None,
    };
    print_value(&value, &mut text).then_some(Term::Literal(text))
}

/// A literal of a type that attributes have.
fn known_literal(expression: &IdedExpr) -> Option<Known<'static>> {
    match &expression.expr {
        Expr::Literal(CelVal::String(text)) => Some(Known::Text(text.clone().into())),
        Expr::Literal(CelVal::Int(integer)) => Some(Known::Integer(*integer)),
        Expr::Literal(CelVal::Boolean(flag)) => Some(Known::Bool(*flag)),
        _ => None,
    }
}
