//! Replaces paths of attributes by numbered variables, so that the interpreter reads them without
//! building maps, and patterns by the numbers of compiled ones.

use super::{
    ExpressionError,
    attribute::Attribute,
    path::Path,
    tree::parts_mut,
    vocabulary::{attribute, tested_by_in},
};
use crate::printable::quoted;
use cel::{
    IdedExpr,
    common::{
        ast::{CallExpr, Expr, operators},
        value::CelVal,
    },
};
use regex::{Regex, RegexBuilder};

/// Functions that replace operators of the interpreter: its negation panics on the smallest integer, a
/// missing key of a map is `null`, and texts that macros join are not limited. No name in an expression
/// contains `#`.
pub(super) const NEGATE: &str = "#-";
pub(super) const INDEX: &str = "#[]";
pub(super) const LIMITED_ADD: &str = "#+";

/// In bytes, compiled.
const MAX_PATTERN_SIZE: usize = 1 << 20;

/// What a numbered variable is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slot {
    /// The variable: `#0`, `#1`.
    pub(super) name: String,
    pub(super) attribute: Attribute,
    /// Whether it is known, instead of its value.
    pub(super) is_test: bool,
}

/// Collects what an expression reads.
pub(super) struct Rewriter<'g> {
    pub(super) slots: Vec<Slot>,
    pub(super) patterns: Vec<Regex>,
    generated: &'g [String],
    /// Variables of the enclosing macros.
    bound: Vec<String>,
}

pub(super) fn compile_pattern(pattern: &str) -> Result<Regex, ExpressionError> {
    let mut builder = RegexBuilder::new(pattern);
    let compiled = builder.size_limit(MAX_PATTERN_SIZE).build();
    compiled.map_err(|error| {
        let pattern = quoted(pattern);
        let problem = match error {
            regex::Error::CompiledTooBig(_) => "too large",
            _ => "not a pattern",
        };
        ExpressionError::new(format!(
            "calls `matches` with {pattern}, which is {problem}"
        ))
    })
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
                    expression.expr = self.read(attribute, &path)?;
                    return Ok(());
                }
            }
        }
        if let Expr::Comprehension(comprehension) = &mut expression.expr {
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
            return Ok(());
        }
        if let Expr::Call(call) = &mut expression.expr {
            let map = call.args.last().and_then(Path::of);
            if !map.is_some_and(|map| self.bound.contains(&map.steps[0])) {
                if let Some(attribute) = tested_by_in(call, self.generated) {
                    expression.expr = self.slot(attribute, true);
                    return Ok(());
                }
            }
            self.call(call)?;
        }
        let mut parts = parts_mut(expression).into_iter();
        parts.try_for_each(|part| self.rewrite(part))
    }

    fn call(&mut self, call: &mut CallExpr) -> Result<(), ExpressionError> {
        match call.func_name.as_str() {
            "matches" => self.pattern(call)?,
            operators::NEGATE => call.func_name = NEGATE.to_owned(),
            operators::INDEX => call.func_name = INDEX.to_owned(),
            operators::ADD if !self.bound.is_empty() => call.func_name = LIMITED_ADD.to_owned(),
            operators::LOGICAL_NOT | operators::NOT_STRICTLY_FALSE => return Ok(()),
            _ => {}
        }
        // The interpreter evaluates the argument of a call twice if it is the only one, so that the
        // cost doubles with each call inside of another. So `f(a)` becomes `a.f()`, and `a.f(b)`
        // becomes `f(a, b)`: the functions take both.
        if call.args.len() == 1 {
            match call.target.take() {
                Some(target) => call.args.insert(0, *target),
                None => call.target = call.args.pop().map(Box::new),
            }
        }
        Ok(())
    }

    /// Replaces the pattern of `matches` by its number among the compiled ones.
    fn pattern(&mut self, call: &mut CallExpr) -> Result<(), ExpressionError> {
        let Some(argument) = call.args.last_mut() else {
            return Err(ExpressionError::new("calls `matches` without a pattern"));
        };
        let Expr::Literal(CelVal::String(pattern)) = &argument.expr else {
            return Err(ExpressionError::new(
                "calls `matches` with a pattern that is not a literal",
            ));
        };
        let compiled = compile_pattern(pattern)?;
        let number = i64::try_from(self.patterns.len()).unwrap_or(i64::MAX);
        argument.expr = Expr::Literal(CelVal::Int(number));
        self.patterns.push(compiled);
        Ok(())
    }

    fn read(&mut self, attribute: Attribute, path: &Path) -> Result<Expr, ExpressionError> {
        if attribute.is_map() && !path.is_test {
            let path = path.steps.join(".");
            return Err(ExpressionError::new(format!(
                "reads all of `{path}`; name the fields that are needed"
            )));
        }
        Ok(self.slot(attribute, path.is_test))
    }

    fn slot(&mut self, attribute: Attribute, is_test: bool) -> Expr {
        let mut slots = self.slots.iter();
        let known = slots.find(|slot| slot.attribute == attribute && slot.is_test == is_test);
        if let Some(slot) = known {
            return Expr::Ident(slot.name.clone());
        }
        let name = format!("#{}", self.slots.len());
        self.slots.push(Slot {
            name: name.clone(),
            attribute,
            is_test,
        });
        Expr::Ident(name)
    }
}
