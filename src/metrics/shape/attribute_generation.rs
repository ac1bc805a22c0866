//! Attributes that the configuration generates, such as `istio_operationId` by path and method.

use super::cel::{Expression, ExpressionError, Scope};
use crate::metrics::attributes::Attributes;
use http::HeaderName;

/// An attribute as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GeneratedAttribute {
    pub(crate) name: String,
    /// In order: the first that matches sets the value.
    pub(crate) matches: Vec<AttributeMatch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttributeMatch {
    pub(crate) value: String,
    /// Empty: always.
    pub(crate) condition: String,
}

/// An attribute whose conditions are compiled.
#[derive(Debug, Clone)]
pub(super) struct AttributeGenerator {
    /// The generator before this one that generates the same attribute.
    earlier: Option<usize>,
    matches: Vec<(Option<Expression>, String)>,
}

impl AttributeGenerator {
    /// `generated` are the names of the attributes that are generated before this one.
    ///
    /// # Errors
    ///
    /// The value of the match whose condition is wrong, and why.
    pub(super) fn compile(
        attribute: &GeneratedAttribute,
        generated: &[String],
    ) -> Result<AttributeGenerator, (String, ExpressionError)> {
        let matches = attribute.matches.iter().map(|one| {
            let condition = match one.condition.trim_ascii() {
                "" => None,
                text => {
                    let condition = Expression::with_generated(text, generated);
                    Some(condition.map_err(|error| (one.value.clone(), error))?)
                }
            };
            Ok((condition, one.value.clone()))
        });
        let matches = matches.collect::<Result<_, _>>()?;
        let earlier = generated.iter().rposition(|name| *name == attribute.name);
        Ok(AttributeGenerator { earlier, matches })
    }

    /// The attribute's value after this generator. If nothing matches, the earlier value stays.
    pub(super) fn generate<'a>(
        &'a self,
        exchange: &dyn Attributes,
        generated: &[Option<&'a str>],
    ) -> Option<&'a str> {
        let scope = Scope {
            exchange,
            generated,
        };
        let earlier = || *generated.get(self.earlier?)?;
        self.first_match(scope).or_else(earlier)
    }

    /// `None` if no condition holds, or one fails before.
    fn first_match(&self, scope: Scope<'_>) -> Option<&str> {
        for (condition, value) in &self.matches {
            let holds = match condition {
                Some(condition) => condition.holds(scope)?,
                None => true,
            };
            if holds {
                return Some(value);
            }
        }
        None
    }

    fn conditions(&self) -> impl Iterator<Item = &Expression> {
        let conditions = self.matches.iter();
        conditions.filter_map(|(condition, _)| condition.as_ref())
    }

    pub(super) fn request_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.conditions().flat_map(Expression::request_headers)
    }

    pub(super) fn response_headers(&self) -> impl Iterator<Item = &HeaderName> {
        self.conditions().flat_map(Expression::response_headers)
    }
}
