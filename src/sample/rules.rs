//! Sampling rules by method and path.

use super::{Sampler, SamplingParameters, ShouldSample};
use crate::head::RequestHead;
use http::Method;

/// Samplers by method and path prefix. The first rule that matches decides.
///
/// ```
/// use http::Method;
/// use tower_b3::sample::{Rules, Sampler};
///
/// let sampler = Sampler::rules(
///     Rules::otherwise(Sampler::percentage(1.0)?)
///         .path("/health", Sampler::never())
///         .method_and_path(Method::POST, "/orders", Sampler::always())
///         .method(Method::OPTIONS, Sampler::never()),
/// );
/// # Ok::<(), tower_b3::sample::PercentageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<Rule>,
    otherwise: Sampler,
}

#[derive(Debug, Clone)]
struct Rule {
    method: Option<Method>,
    path_prefix: String,
    sampler: Sampler,
}

impl Sampler {
    /// Samples by method and path prefix.
    pub fn rules(rules: Rules) -> Sampler {
        Sampler::built_in(rules)
    }
}

impl Rules {
    /// Creates rules with a sampler for requests that no rule matches, and for spans without a
    /// request.
    pub fn otherwise(sampler: Sampler) -> Rules {
        Rules {
            rules: Vec::new(),
            otherwise: sampler,
        }
    }

    /// Adds a rule for requests with this method.
    #[must_use]
    pub fn method(self, method: Method, sampler: Sampler) -> Rules {
        self.rule(Some(method), String::new(), sampler)
    }

    /// Adds a rule for requests whose path starts with `prefix`.
    #[must_use]
    pub fn path(self, prefix: impl Into<String>, sampler: Sampler) -> Rules {
        self.rule(None, prefix.into(), sampler)
    }

    /// Adds a rule for requests with this method whose path starts with `prefix`.
    #[must_use]
    pub fn method_and_path(
        self,
        method: Method,
        prefix: impl Into<String>,
        sampler: Sampler,
    ) -> Rules {
        self.rule(Some(method), prefix.into(), sampler)
    }

    fn rule(mut self, method: Option<Method>, path_prefix: String, sampler: Sampler) -> Rules {
        self.rules.push(Rule {
            method,
            path_prefix,
            sampler,
        });
        self
    }

    /// The sampler that decides on this trace.
    fn sampler(&self, parameters: &SamplingParameters<'_>) -> &Sampler {
        let rule = parameters
            .head()
            .and_then(|head| self.rules.iter().find(|rule| rule.matches(head)));
        rule.map_or(&self.otherwise, |rule| &rule.sampler)
    }
}

impl Rule {
    fn matches(&self, head: &RequestHead<'_>) -> bool {
        let method = self.method.as_ref();
        method.is_none_or(|method| method == head.method())
            && head.path().starts_with(&self.path_prefix)
    }
}

impl ShouldSample for Rules {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
        self.sampler(parameters).should_sample(parameters)
    }

    fn is_by_request_id(&self) -> bool {
        let mut samplers = self.rules.iter().map(|rule| &rule.sampler);
        samplers.any(Sampler::is_by_request_id) || self.otherwise.is_by_request_id()
    }

    fn is_stateless(&self, parameters: &SamplingParameters<'_>) -> bool {
        self.sampler(parameters).is_stateless(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;
    use http::Request;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let rules = Rules::otherwise(Sampler::never())
            .path("/items/secret", Sampler::never())
            .method_and_path(Method::GET, "/items", Sampler::always())
            .method(Method::PUT, Sampler::always());
        for (method, path, expected) in [
            (Method::GET, "/items", true),
            (Method::GET, "/items/1", true),
            (Method::GET, "/items/secret/1", false),
            (Method::POST, "/items", false),
            (Method::PUT, "/anything", true),
            (Method::GET, "/", false),
        ] {
            let request = Request::builder()
                .method(&method)
                .uri(path)
                .body(())
                .unwrap();
            let head = RequestHead::of(&request);
            let parameters = SamplingParameters::new(TraceId::random(), Some(head));
            let sampled = rules.should_sample(&parameters);
            assert_eq!(sampled, expected, "{method} {path}");
        }
        let parameters = SamplingParameters::new(TraceId::random(), None);
        assert!(!rules.should_sample(&parameters));
    }
}
