use super::{SampleRequest, Sampler};
use http::Method;

/// Samplers by method and path prefix; the first rule that fits decides.
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
    prefix: String,
    sampler: Sampler,
}

impl Rules {
    /// No rules yet: this sampler decides where none fits.
    pub fn otherwise(sampler: Sampler) -> Rules {
        Rules {
            rules: Vec::new(),
            otherwise: sampler,
        }
    }

    /// Requests of this method.
    #[must_use]
    pub fn method(self, method: Method, sampler: Sampler) -> Rules {
        self.rule(Some(method), String::new(), sampler)
    }

    /// Requests whose path starts with this text.
    #[must_use]
    pub fn path(self, prefix: impl Into<String>, sampler: Sampler) -> Rules {
        self.rule(None, prefix.into(), sampler)
    }

    /// Requests of this method whose path starts with this text.
    #[must_use]
    pub fn method_and_path(
        self,
        method: Method,
        prefix: impl Into<String>,
        sampler: Sampler,
    ) -> Rules {
        self.rule(Some(method), prefix.into(), sampler)
    }

    pub(super) fn samplers(&self) -> impl Iterator<Item = &Sampler> {
        let rules = self.rules.iter().map(|rule| &rule.sampler);
        rules.chain([&self.otherwise])
    }

    fn rule(mut self, method: Option<Method>, prefix: String, sampler: Sampler) -> Rules {
        self.rules.push(Rule {
            method,
            prefix,
            sampler,
        });
        self
    }
}

impl Rules {
    /// The one that decides.
    pub(super) fn sampler(&self, request: &SampleRequest<'_>) -> &Sampler {
        let rule = request.head().and_then(|head| {
            self.rules.iter().find(|rule| {
                rule.method
                    .as_ref()
                    .is_none_or(|method| method == head.method())
                    && head.path().starts_with(&rule.prefix)
            })
        });
        rule.map_or(&self.otherwise, |rule| &rule.sampler)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{head::RequestHead, id::TraceId};
    use http::Request;

    #[test]
    fn the_first_rule_that_fits_decides() {
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
            let request = SampleRequest::new(TraceId::random(), Some(head));
            let sampled = rules.sampler(&request).sample(&request);
            assert_eq!(sampled, expected, "{method} {path}");
        }
        let request = SampleRequest::new(TraceId::random(), None);
        assert!(!rules.sampler(&request).sample(&request));
    }
}
