//! [`Program`]: an expression that the interpreter of the `cel` crate evaluates.

use super::{
    ExpressionError,
    attribute::{Attribute, Scope},
    functions::functions_of,
    known::Known,
    parse::check_program,
    rewrite::{Rewriter, Slot},
    tree::{parts, parts_mut},
};
use crate::user_code::catch;
use cel::{Context, IdedExpr, ResolveResult, Value, common::ast::Expr};
use std::{collections::HashMap, fmt};

pub(super) struct Program {
    expression: IdedExpr,
    slots: Vec<Slot>,
    /// The functions that it calls, and the constants. Creating a context takes longer than evaluating an
    /// expression.
    context: Context<'static>,
}

impl Program {
    pub(super) fn compile(
        mut expression: IdedExpr,
        generated: &[String],
    ) -> Result<Program, ExpressionError> {
        let mut rewriter = Rewriter::new(generated);
        rewriter.rewrite(&mut expression)?;
        check_program(&expression)?;
        let mut context = functions_of(&expression, rewriter.patterns.into());
        replace_constants(&mut expression, &mut context, &mut 0);
        Ok(Program {
            expression,
            slots: rewriter.slots,
            context,
        })
    }

    pub(super) fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.slots.iter().map(|slot| &slot.attribute)
    }

    /// The result, unless an attribute is not known or the evaluation fails.
    pub(super) fn evaluate(&self, scope: Scope<'_>) -> Option<Value> {
        let mut variables = HashMap::with_capacity(self.slots.len());
        for slot in &self.slots {
            // A variable without a value is an error only if it is read.
            if let Some(value) = slot.value(scope) {
                variables.insert(slot.name.clone(), value);
            }
        }
        self.run(variables).ok()?.ok()
    }

    /// Evaluates it with no attribute known.
    pub(super) fn try_once(&self) -> Result<Option<Value>, ExpressionError> {
        let result = self.run(HashMap::new());
        let result = result.map_err(|_| ExpressionError::new("cannot be evaluated"))?;
        Ok(result.ok())
    }

    /// Evaluates it with the values of the slots. The interpreter panics instead of returning some
    /// errors: then this is `Err` with the message.
    fn run(&self, variables: HashMap<String, Value>) -> Result<ResolveResult, String> {
        let context = Context::Child {
            parent: &self.context,
            variables,
        };
        catch(|| Value::resolve(&self.expression, &context))
    }
}

impl Slot {
    fn value(&self, scope: Scope<'_>) -> Option<Value> {
        let known = self.attribute.read(scope);
        if self.is_test {
            return Some(Value::Bool(known.is_some()));
        }
        known.map(Known::into_value)
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// Evaluates calls, lists and maps that read nothing once, and replaces them by variables. One that
/// fails stays: it may not be reached.
fn replace_constants(expression: &mut IdedExpr, context: &mut Context<'static>, count: &mut usize) {
    if is_constant(expression) {
        if let Ok(Ok(value)) = catch(|| Value::resolve(expression, context)) {
            let name = format!("#constant{count}");
            *count += 1;
            context.add_variable_from_value(name.clone(), value);
            expression.expr = Expr::Ident(name);
        }
        return;
    }
    for part in parts_mut(expression) {
        replace_constants(part, context, count);
    }
}

fn is_constant(expression: &IdedExpr) -> bool {
    fn reads_nothing(expression: &IdedExpr) -> bool {
        let is_read = matches!(expression.expr, Expr::Ident(_) | Expr::Comprehension(_));
        !is_read && parts(expression).into_iter().all(reads_nothing)
    }
    // A literal is as cheap as a variable, and so is the empty list in which a macro collects.
    !parts(expression).is_empty() && reads_nothing(expression)
}
