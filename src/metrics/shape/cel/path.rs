//! The path of a chain of fields and indexes: `request.headers['x-a']` is `request`, `headers`, `x-a`.

use cel::{
    IdedExpr,
    common::{
        ast::{Expr, operators},
        value::CelVal,
    },
};

/// The path that an expression reads, if it is a variable, its fields and literal indexes.
pub(super) struct Path {
    pub(super) steps: Vec<String>,
    /// `has(…)` around it.
    pub(super) is_test: bool,
}

impl Path {
    pub(super) fn of(expression: &IdedExpr) -> Option<Path> {
        let mut path = Path {
            steps: Vec::new(),
            is_test: matches!(&expression.expr, Expr::Select(select) if select.test),
        };
        path.collect(expression)?;
        Some(path)
    }

    fn collect(&mut self, expression: &IdedExpr) -> Option<()> {
        match &expression.expr {
            Expr::Ident(name) => self.steps.push(name.clone()),
            Expr::Select(select) => {
                self.collect(&select.operand)?;
                self.steps.push(select.field.clone());
            }
            Expr::Call(call) if call.func_name == operators::INDEX && call.target.is_none() => {
                let [operand, index] = &call.args[..] else {
                    return None;
                };
                self.collect(operand)?;
                self.steps.push(match &index.expr {
                    Expr::Literal(CelVal::String(key)) => key.clone(),
                    Expr::Literal(CelVal::Int(at)) => at.to_string(),
                    Expr::Literal(CelVal::UInt(at)) => at.to_string(),
                    _ => return None,
                });
            }
            _ => return None,
        }
        Some(())
    }
}
