//! Replaces paths of attributes by numbered variables, so that the interpreter reads them without
//! building maps, and patterns by the numbers of compiled ones.

use super::{
    ExpressionError,
    attribute::{Attribute, NodeField},
    path::Path,
    vocabulary::attribute,
};
use crate::printable::quoted;
use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, EntryExpr, Expr, operators},
        value::CelVal,
    },
};
use regex::Regex;

/// How a numbered variable is named: with a sign that no name in a text contains.
pub(super) fn variable(number: usize) -> String {
    format!("#{number}")
}

/// The sign `-` as a function of ours: the interpreter's panics on the smallest integer.
pub(super) const NEGATE: &str = "#-";

/// What a numbered variable is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    pub(super) attribute: Attribute,
    /// Whether it is known, instead of its value.
    pub(super) is_test: bool,
}

/// Collects what an expression reads.
pub(super) struct Rewriter<'g> {
    pub(super) slots: Vec<Slot>,
    pub(super) patterns: Vec<Regex>,
    generated: &'g [String],
    /// Variables of the macros around.
    bound: Vec<String>,
}

impl<'g> Rewriter<'g> {
    pub(super) fn new(generated: &'g [String]) -> Rewriter<'g> {
        Rewriter {
            slots: Vec::new(),
            patterns: Vec::new(),
            generated,
            bound: Vec::new(),
        }
    }

    pub(super) fn rewrite(&mut self, expression: &mut IdedExpr) -> Result<(), ExpressionError> {
        if let Some(path) = Path::of(expression) {
            if !self.bound.contains(&path.steps[0]) {
                if let Some(attribute) = attribute(&path.steps, self.generated) {
                    expression.expr = self.slot(attribute, path)?;
                    return Ok(());
                }
            }
        }
        match &mut expression.expr {
            Expr::Select(select) => self.rewrite(&mut select.operand),
            Expr::Call(call) => {
                if let Some(is_known) = self.header_test(call)? {
                    expression.expr = is_known;
                    return Ok(());
                }
                self.call(call)
            }
            Expr::List(list) => self.rewrite_all(&mut list.elements),
            Expr::Map(map) => map.entries.iter_mut().try_for_each(|entry| {
                let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                    return Ok(());
                };
                self.rewrite(&mut entry.key)?;
                self.rewrite(&mut entry.value)
            }),
            Expr::Comprehension(comprehension) => {
                self.rewrite(&mut comprehension.iter_range)?;
                self.rewrite(&mut comprehension.accu_init)?;
                let before = self.bound.len();
                self.bound.push(comprehension.iter_var.clone());
                self.bound.extend(comprehension.iter_var2.clone());
                self.bound.push(comprehension.accu_var.clone());
                self.rewrite(&mut comprehension.loop_cond)?;
                self.rewrite(&mut comprehension.loop_step)?;
                self.rewrite(&mut comprehension.result)?;
                self.bound.truncate(before);
                Ok(())
            }
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) => Ok(()),
        }
    }

    fn rewrite_all(&mut self, expressions: &mut [IdedExpr]) -> Result<(), ExpressionError> {
        let mut expressions = expressions.iter_mut();
        expressions.try_for_each(|expression| self.rewrite(expression))
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), ExpressionError> {
        if call.func_name == "matches" {
            self.pattern(call)?;
        }
        if call.func_name == operators::NEGATE {
            call.func_name = NEGATE.to_owned();
        }
        if let Some(target) = &mut call.target {
            self.rewrite(target)?;
        }
        self.rewrite_all(&mut call.args)
    }

    /// Replaces the pattern of `matches` by its number among the compiled ones.
    fn pattern(&mut self, call: &mut CallExpr) -> Result<(), ExpressionError> {
        let Some(argument) = call.args.last_mut() else {
            return Err(ExpressionError::new("calls `matches` without a pattern"));
        };
        let Expr::Literal(CelVal::String(pattern)) = &argument.expr else {
            return Err(ExpressionError::new(
                "calls `matches` with a pattern that is not written out",
            ));
        };
        let compiled = Regex::new(pattern).map_err(|_| {
            let pattern = quoted(pattern);
            ExpressionError::new(format!(
                "calls `matches` with {pattern}, which is not a pattern"
            ))
        })?;
        let number = i64::try_from(self.patterns.len()).unwrap_or(i64::MAX);
        argument.expr = Expr::Literal(CelVal::Int(number));
        self.patterns.push(compiled);
        Ok(())
    }

    /// `'x' in request.headers` asks whether the header is known.
    fn header_test(&mut self, call: &CallExpr) -> Result<Option<Expr>, ExpressionError> {
        let (operators::IN, [key, map]) = (call.func_name.as_str(), &call.args[..]) else {
            return Ok(None);
        };
        let Expr::Literal(CelVal::String(key)) = &key.expr else {
            return Ok(None);
        };
        let Some(mut path) = Path::of(map) else {
            return Ok(None);
        };
        let group = attribute(&path.steps, self.generated);
        if !group.is_some_and(|group| is_map(&group)) {
            return Ok(None);
        }
        path.steps.push(key.clone());
        path.is_test = true;
        let attribute = attribute(&path.steps, self.generated).unwrap_or(Attribute::Absent);
        self.slot(attribute, path).map(Some)
    }

    fn slot(&mut self, attribute: Attribute, path: Path) -> Result<Expr, ExpressionError> {
        if is_map(&attribute) && !path.is_test {
            let path = path.steps.join(".");
            return Err(ExpressionError::new(format!(
                "reads all of `{path}`; name the fields that are needed"
            )));
        }
        let slot = Slot {
            attribute,
            is_test: path.is_test,
        };
        let known = self.slots.iter().position(|other| *other == slot);
        let number = known.unwrap_or_else(|| {
            self.slots.push(slot);
            self.slots.len() - 1
        });
        Ok(Expr::Ident(variable(number)))
    }
}

/// Whether it is a map, of which only its fields are kept.
fn is_map(attribute: &Attribute) -> bool {
    matches!(
        attribute,
        Attribute::Group
            | Attribute::PeerAsWhole(_)
            | Attribute::Node(NodeField::Labels)
            | Attribute::Peer(_, NodeField::Labels)
    )
}
