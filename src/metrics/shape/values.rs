//! [`Values`]: the values of labels and metrics, computed when an exchange has ended.

use super::{
    attribute_generation::AttributeGenerator,
    cel::{Expression, Scope},
};
use crate::metrics::{attributes::Attributes, destination::UNKNOWN, plan::ComputedValues};
use http::HeaderName;

#[derive(Debug, Default)]
pub(super) struct Values {
    generators: Vec<AttributeGenerator>,
    expressions: Vec<Expression>,
    request_headers: Vec<HeaderName>,
    response_headers: Vec<HeaderName>,
}

impl Values {
    /// Generates these attributes before the values are computed.
    pub(super) fn new(generators: Vec<AttributeGenerator>) -> Values {
        let mut values = Values::default();
        for generator in &generators {
            add_all(&mut values.request_headers, generator.request_headers());
            add_all(&mut values.response_headers, generator.response_headers());
        }
        values.generators = generators;
        values
    }

    /// The index of an expression's value. Equal expressions are computed once.
    pub(super) fn add(&mut self, expression: Expression) -> usize {
        let text = expression.to_string();
        let mut known = self.expressions.iter();
        if let Some(index) = known.position(|known| known.to_string() == text) {
            return index;
        }
        add_all(&mut self.request_headers, expression.request_headers());
        add_all(&mut self.response_headers, expression.response_headers());
        self.expressions.push(expression);
        self.expressions.len() - 1
    }

    pub(super) fn count(&self) -> usize {
        self.expressions.len()
    }
}

fn add_all<'a>(names: &mut Vec<HeaderName>, more: impl Iterator<Item = &'a HeaderName>) {
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}

impl ComputedValues for Values {
    fn request_headers(&self) -> &[HeaderName] {
        &self.request_headers
    }

    fn response_headers(&self) -> &[HeaderName] {
        &self.response_headers
    }

    fn compute(&self, exchange: &dyn Attributes, out: &mut Vec<String>) {
        let mut generated = Vec::with_capacity(self.generators.len());
        for generator in &self.generators {
            let value = generator.generate(exchange, &generated);
            generated.push(value);
        }
        let scope = Scope {
            exchange,
            generated: &generated,
        };
        for expression in &self.expressions {
            let mut value = String::new();
            if !expression.print(scope, &mut value) {
                value.clear();
                value.push_str(UNKNOWN);
            }
            out.push(value);
        }
    }
}
