//! [`Program`]: an expression that the interpreter of the `cel` crate evaluates.

use super::{
    ExpressionError,
    attribute::Scope,
    known::Known,
    parse::check_program,
    rewrite::{NEGATE, Rewriter, Slot, variable},
};
use crate::user_code::catch;
use cel::{
    Context, ExecutionError, FunctionContext, IdedExpr, ResolveResult, Value, extractors::This,
};
use regex::Regex;
use std::{fmt, iter, sync::Arc};

pub(super) struct Program {
    expression: IdedExpr,
    slots: Vec<Slot>,
    /// The functions. Making a context takes 100 times as long as evaluating an expression.
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
        Ok(Program {
            expression,
            slots: rewriter.slots,
            context: functions(rewriter.patterns.into()),
        })
    }

    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The result, unless an attribute is not known or the evaluation fails.
    pub(super) fn evaluate(&self, scope: Scope<'_>) -> Option<Value> {
        let values = self.slots.iter().map(|slot| {
            let known = slot.attribute.read(scope);
            if slot.is_test {
                Some(Value::Bool(known.is_some()))
            } else {
                known.map(Known::into_value)
            }
        });
        self.run(values).ok()?.ok()
    }

    /// Evaluates it with no attribute known.
    pub(super) fn try_once(&self) -> Result<Option<Value>, ExpressionError> {
        let result = self.run(iter::empty());
        let result = result.map_err(|_| ExpressionError::new("cannot be evaluated"))?;
        Ok(result.ok())
    }

    /// Evaluates it with the values of the numbered variables. The interpreter panics instead of
    /// returning some errors: then this is `Err` with the message.
    fn run(&self, values: impl Iterator<Item = Option<Value>>) -> Result<ResolveResult, String> {
        let mut context = self.context.new_inner_scope();
        for (number, value) in values.enumerate() {
            // A variable without a value is an error only if it is read.
            if let Some(value) = value {
                context.add_variable_from_value(variable(number), value);
            }
        }
        catch(|| Value::resolve(&self.expression, &context))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("slots", &self.slots)
            .finish_non_exhaustive()
    }
}

/// The standard functions, with `matches` for patterns by their number, and with those replaced that
/// differ from Envoy's.
fn functions(patterns: Arc<[Regex]>) -> Context<'static> {
    let mut context = Context::default();
    context.add_function(
        "matches",
        move |This(text): This<Arc<String>>, number: i64| {
            let number = usize::try_from(number).ok();
            let pattern = number.and_then(|number| patterns.get(number));
            let pattern = pattern
                .ok_or_else(|| ExecutionError::function_error("matches", "unknown pattern"))?;
            Ok::<bool, ExecutionError>(pattern.is_match(&text))
        },
    );
    context.add_function(NEGATE, |value: Value| match value {
        Value::Int(integer) => integer
            .checked_neg()
            .map(Value::Int)
            .ok_or(ExecutionError::Overflow("minus", value.clone(), value)),
        Value::Float(float) => Ok(Value::Float(-float)),
        value => Err(ExecutionError::UnsupportedUnaryOperator("minus", value)),
    });
    // With truth values. The crate does not convert them.
    context.add_function(
        "string",
        |call: &FunctionContext<'_>, This(value): This<Value>| match value {
            Value::Bool(flag) => Ok(Value::String(flag.to_string().into())),
            value => cel::functions::string(call, This(value)),
        },
    );
    // In characters. The crate counts bytes.
    context.add_function("size", |This(value): This<Value>| {
        let size = match &value {
            Value::String(text) => text.chars().count(),
            Value::Bytes(bytes) => bytes.len(),
            Value::List(list) => list.len(),
            Value::Map(map) => map.map.len(),
            _ => return Err(ExecutionError::unsupported_target_type(value)),
        };
        Ok(i64::try_from(size).unwrap_or(i64::MAX))
    });
    context
}
