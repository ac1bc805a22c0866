//! Parses an expression within limits, because the parser and the interpreter of the `cel` crate
//! recurse: a long or deep expression would overflow the stack, which aborts the process.

use super::{ExpressionError, tree::parts};
use crate::{printable::at_most, user_code::catch};
use cel::{IdedExpr, common::ast::Expr, parser::Parser};
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
/// How often the bodies of macros run, all together.
const MAX_ROUNDS: usize = 100;
/// The parser's stack. Only the used part takes memory.
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
/// can be nested in many ways, and the limit of MAX_NESTING is generous.
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
    Check::new(MAX_DEPTH).expression(&parsed, 0)?;
    Ok(parsed)
}

/// Checks what the interpreter evaluates, with attributes replaced by variables.
pub(super) fn check_program(expression: &IdedExpr) -> Result<(), ExpressionError> {
    Check::new(MAX_PROGRAM_DEPTH).expression(expression, 0)
}

struct Check {
    max_depth: usize,
    macros: usize,
    /// The product of the rounds of the macros.
    rounds: usize,
}

impl Check {
    fn new(max_depth: usize) -> Check {
        Check {
            max_depth,
            macros: 0,
            rounds: 1,
        }
    }

    /// Refuses what is too deep, and what the interpreter panics on.
    fn expression(&mut self, expression: &IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        let max_depth = self.max_depth;
        if depth > max_depth {
            return Err(ExpressionError::new(format!(
                "has more than {max_depth} operators inside of each other"
            )));
        }
        match &expression.expr {
            Expr::Unspecified => return Err(ExpressionError::new("is not CEL")),
            Expr::Struct(_) => {
                return Err(ExpressionError::new(
                    "makes a message, which is not supported",
                ));
            }
            Expr::Comprehension(comprehension) => {
                self.macros += 1;
                if self.macros > MAX_MACROS {
                    return Err(ExpressionError::new(format!(
                        "has more than {MAX_MACROS} macros"
                    )));
                }
                let Some(rounds) = rounds(&comprehension.iter_range.expr) else {
                    return Err(ExpressionError::new(
                        "has a macro over something other than a literal list or map",
                    ));
                };
                self.rounds *= rounds.max(1);
                if self.rounds > MAX_ROUNDS {
                    return Err(ExpressionError::new(format!(
                        "has macros over more than {MAX_ROUNDS} elements"
                    )));
                }
            }
            _ => {}
        }
        let mut parts = parts(expression).into_iter();
        parts.try_for_each(|part| self.expression(part, depth + 1))
    }
}

/// How often a macro over it runs. The interpreter panics on anything but a list or a map. Elements of the
/// result of another macro are counted there.
fn rounds(range: &Expr) -> Option<usize> {
    match range {
        Expr::List(list) => Some(list.elements.len()),
        Expr::Map(map) => Some(map.entries.len()),
        // `map` and `filter` collect a list.
        Expr::Comprehension(inner) if matches!(inner.accu_init.expr, Expr::List(_)) => Some(1),
        _ => None,
    }
}
