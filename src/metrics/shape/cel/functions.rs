//! The functions that programs call: those of the `cel` crate, and replacements where it differs from
//! Envoy.

use super::{
    print::{json_duration, json_time, print_value},
    rewrite::{INDEX, LIMITED_ADD, NEGATE},
    tree::parts,
};
use cel::{
    Context, ExecutionError, FunctionContext, IdedExpr, ResolveResult, Value,
    common::ast::Expr,
    extractors::This,
    functions::{self, time},
    objects::Key,
};
use regex::Regex;
use std::sync::Arc;

/// The longest text in bytes, and list in elements, that `+` makes in a macro.
const MAX_JOINED: usize = 4096;

type Text = Arc<String>;

/// The functions that an expression calls. `matches` takes its patterns by their number.
pub(super) fn functions_of(expression: &IdedExpr, patterns: Arc<[Regex]>) -> Context<'static> {
    let mut context = Context::empty();
    add_functions_of(expression, &patterns, &mut context);
    context
}

fn add_functions_of(
    expression: &IdedExpr,
    patterns: &Arc<[Regex]>,
    context: &mut Context<'static>,
) {
    if let Expr::Call(call) = &expression.expr {
        add_function(&call.func_name, patterns, context);
    }
    for part in parts(expression) {
        add_functions_of(part, patterns, context);
    }
}

fn add_function(name: &str, patterns: &Arc<[Regex]>, context: &mut Context<'static>) {
    match name {
        INDEX => context.add_function(name, index),
        LIMITED_ADD => context.add_function(name, limited_add),
        NEGATE => context.add_function(name, negate),
        "bytes" => context.add_function(name, |This(text): This<Text>| functions::bytes(text)),
        "contains" => context.add_function(name, |This(text): This<Text>, part: Text| {
            text.contains(part.as_str())
        }),
        "double" => context.add_function(name, functions::double),
        "duration" => context.add_function(name, |This(text): This<Text>| time::duration(text)),
        "endsWith" => context.add_function(name, functions::ends_with),
        "getDate" => context.add_function(name, time::timestamp_date),
        "getDayOfMonth" => context.add_function(name, time::timestamp_month_day),
        "getDayOfWeek" => context.add_function(name, time::timestamp_weekday),
        "getDayOfYear" => context.add_function(name, time::timestamp_year_day),
        "getFullYear" => context.add_function(name, time::timestamp_year),
        "getHours" => context.add_function(name, time::timestamp_hours),
        "getMilliseconds" => context.add_function(name, time::timestamp_millis),
        "getMinutes" => context.add_function(name, time::timestamp_minutes),
        "getMonth" => context.add_function(name, time::timestamp_month),
        "getSeconds" => context.add_function(name, time::timestamp_seconds),
        "int" => context.add_function(name, int),
        "matches" => {
            let patterns = Arc::clone(patterns);
            context.add_function(name, move |This(text): This<Text>, number: i64| {
                matches(&text, number, &patterns)
            });
        }
        "size" => context.add_function(name, size),
        "startsWith" => context.add_function(name, functions::starts_with),
        "string" => context.add_function(name, string),
        "timestamp" => context.add_function(name, |This(text): This<Text>| time::timestamp(text)),
        "uint" => context.add_function(name, functions::uint),
        _ => {}
    }
}

/// Errors of programs are not reported, so they hold no texts.
const FAILED: ExecutionError = ExecutionError::NoSuchOverload;

fn matches(text: &str, number: i64, patterns: &[Regex]) -> Result<bool, ExecutionError> {
    let number = usize::try_from(number).ok();
    let pattern = number.and_then(|number| patterns.get(number));
    Ok(pattern.ok_or(FAILED)?.is_match(text))
}

fn negate(This(value): This<Value>) -> ResolveResult {
    match value {
        Value::Int(integer) => integer.checked_neg().map(Value::Int).ok_or(FAILED),
        Value::Float(float) => Ok(Value::Float(-float)),
        _ => Err(FAILED),
    }
}

fn limited_add(left: Value, right: Value) -> ResolveResult {
    let is_too_long = match (&left, &right) {
        (Value::String(left), Value::String(right)) => left.len() + right.len() > MAX_JOINED,
        (Value::List(left), Value::List(right)) => left.len() + right.len() > MAX_JOINED,
        _ => false,
    };
    if is_too_long {
        return Err(FAILED);
    }
    left + right
}

/// A missing key of a map is an error, as is an index out of range of a list.
fn index(container: Value, index: Value) -> ResolveResult {
    let element = match (&container, index) {
        (Value::List(list), Value::Int(at)) => usize::try_from(at).ok().and_then(|at| list.get(at)),
        (Value::List(list), Value::UInt(at)) => {
            usize::try_from(at).ok().and_then(|at| list.get(at))
        }
        (Value::Map(map), index) => {
            let key: Result<Key, Value> = index.try_into();
            key.ok().and_then(|key| map.get(&key))
        }
        _ => None,
    };
    element.cloned().ok_or(FAILED)
}

/// The size of a text is in characters, where the crate counts bytes.
fn size(This(value): This<Value>) -> Result<i64, ExecutionError> {
    let size = match &value {
        Value::String(text) => text.chars().count(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.map.len(),
        _ => return Err(FAILED),
    };
    Ok(i64::try_from(size).unwrap_or(i64::MAX))
}

/// Also converts bools, floating-point numbers to six digits, and durations and times as in JSON.
fn string(This(value): This<Value>) -> ResolveResult {
    let mut text = String::new();
    match &value {
        Value::String(_) => return Ok(value),
        Value::Duration(duration) => json_duration(*duration, &mut text),
        Value::Timestamp(time) => json_time(time, &mut text),
        Value::Bool(_) | Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Bytes(_) => {
            print_value(&value, &mut text);
        }
        _ => return Err(FAILED),
    }
    Ok(Value::String(text.into()))
}

/// Also converts bools, times, and texts with whitespace around them.
fn int(call: &FunctionContext<'_>, This(value): This<Value>) -> ResolveResult {
    let integer = match value {
        Value::Bool(flag) => flag.into(),
        Value::Timestamp(time) => time.timestamp(),
        Value::String(text) => text.trim_ascii().parse().map_err(|_| FAILED)?,
        value => return functions::int(call, This(value)),
    };
    Ok(Value::Int(integer))
}
