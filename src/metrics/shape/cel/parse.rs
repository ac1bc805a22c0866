//! Parses an expression within limits, because the parser and the interpreter of the `cel` crate
//! recurse: a long or deep expression would overflow the stack, which aborts the process.

use super::ExpressionError;
use crate::{printable::at_most, user_code::catch};
use cel::{
    IdedExpr,
    common::ast::{EntryExpr, Expr},
    parser::Parser,
};
use std::thread;

/// The longest expression, in bytes.
pub(super) const MAX_LENGTH: usize = 1024;
/// The deepest nesting of brackets and conditions. A debug build of the parser takes about 100 KiB of
/// stack for each level.
const MAX_NESTING: usize = 32;
/// The deepest tree.
const MAX_DEPTH: usize = 64;
/// The deepest tree that the interpreter evaluates, on the stack of a request. A debug build takes about
/// 40 KiB of stack for each level, a release build 1 KiB.
const MAX_PROGRAM_DEPTH: usize = 16;
/// Macros loop over lists, and their results can be looped over again.
const MAX_MACROS: usize = 2;
/// The parser's stack. Memory is taken only as far as it is used.
const STACK: usize = 16 << 20;

/// Parses an expression on a thread with a stack that is large enough for the limits.
pub(super) fn parse(text: &str) -> Result<IdedExpr, ExpressionError> {
    if text.len() > MAX_LENGTH {
        let length = text.len();
        return Err(ExpressionError::new(format!(
            "is {length} bytes long; at most {MAX_LENGTH} are allowed"
        )));
    }
    if nesting(text) > MAX_NESTING {
        return Err(ExpressionError::new(format!(
            "is nested too deeply; at most {MAX_NESTING} brackets and conditions are allowed inside \
             of each other"
        )));
    }
    let run = || {
        // The parser panics on some malformed texts.
        catch(|| parse_here(text)).unwrap_or_else(|_| Err(ExpressionError::new("is not CEL")))
    };
    thread::scope(|scope| {
        let parser = thread::Builder::new().stack_size(STACK);
        let parser = parser
            .spawn_scoped(scope, run)
            .map_err(|error| ExpressionError::new(format!("cannot be parsed: {error}")))?;
        parser
            .join()
            .unwrap_or_else(|_| Err(ExpressionError::new("is not CEL")))
    })
}

/// How deep brackets, conditions and signs may nest, at most. Text in quotes counts too, because quotes
/// can be nested in too many ways: see MAX_NESTING for how generous the limit is.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    let mut conditions = 0;
    for letter in text.bytes() {
        match letter {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'?' => conditions += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest + conditions
}

fn parse_here(text: &str) -> Result<IdedExpr, ExpressionError> {
    let parsed = Parser::default().parse(text).map_err(|errors| {
        let errors = errors.to_string();
        let first = errors.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("ERROR: <input>:");
        ExpressionError::new(format!("is not CEL: {}", at_most(first, 120)))
    })?;
    let mut check = Check {
        max_depth: MAX_DEPTH,
        macros: 0,
    };
    check.expression(&parsed, 0)?;
    Ok(parsed)
}

/// Checks what the interpreter evaluates, with attributes replaced by variables.
pub(super) fn check_program(expression: &IdedExpr) -> Result<(), ExpressionError> {
    let mut check = Check {
        max_depth: MAX_PROGRAM_DEPTH,
        macros: 0,
    };
    check.expression(expression, 0)
}

struct Check {
    max_depth: usize,
    macros: usize,
}

impl Check {
    /// Refuses what is too deep, and what the interpreter panics on.
    fn expression(&mut self, expression: &IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        let max_depth = self.max_depth;
        if depth > max_depth {
            return Err(ExpressionError::new(format!(
                "has more than {max_depth} operators inside of each other"
            )));
        }
        match &expression.expr {
            Expr::Unspecified => Err(ExpressionError::new("is not CEL")),
            Expr::Struct(_) => Err(ExpressionError::new(
                "makes a message, which is not supported",
            )),
            Expr::Ident(_) | Expr::Literal(_) => Ok(()),
            Expr::Select(select) => self.expression(&select.operand, depth + 1),
            Expr::Call(call) => {
                let target = call.target.as_deref();
                let mut parts = target.into_iter().chain(&call.args);
                parts.try_for_each(|part| self.expression(part, depth + 1))
            }
            Expr::List(list) => {
                let mut elements = list.elements.iter();
                elements.try_for_each(|element| self.expression(element, depth + 1))
            }
            Expr::Map(map) => map.entries.iter().try_for_each(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key, depth + 1)?;
                    self.expression(&entry.value, depth + 1)
                }
                EntryExpr::StructField(_) => Err(ExpressionError::new("is not CEL")),
            }),
            Expr::Comprehension(comprehension) => {
                self.macros += 1;
                if self.macros > MAX_MACROS {
                    return Err(ExpressionError::new(format!(
                        "has more than {MAX_MACROS} macros"
                    )));
                }
                if !is_list_or_map(&comprehension.iter_range.expr) {
                    return Err(ExpressionError::new(
                        "has a macro over something other than a list or map that is written out",
                    ));
                }
                let parts = [
                    &comprehension.iter_range,
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ];
                let mut parts = parts.into_iter();
                parts.try_for_each(|part| self.expression(part, depth + 1))
            }
        }
    }
}

/// Whether a macro can loop over it. The interpreter panics on anything else.
fn is_list_or_map(expression: &Expr) -> bool {
    match expression {
        Expr::List(_) | Expr::Map(_) => true,
        // `map` and `filter` collect a list.
        Expr::Comprehension(inner) => matches!(inner.accu_init.expr, Expr::List(_)),
        _ => false,
    }
}
