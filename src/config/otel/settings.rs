//! Everything that is read: name, sampler and propagators of the service, and its exporter.

use super::{
    exporter::Exporter,
    variables::{Variables, not_one_of},
};
use crate::{
    config_error::ConfigError,
    printable::quoted,
    propagation::{Format, Propagation},
};
use http::HeaderName;

const DISABLED: &str = "OTEL_SDK_DISABLED";
const SERVICE_NAME: &str = "OTEL_SERVICE_NAME";
const RESOURCE_ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const PROPAGATORS: &str = "OTEL_PROPAGATORS";

#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::config) struct Otel {
    /// No spans are made. Headers are still propagated.
    pub(in crate::config) disabled: bool,
    pub(in crate::config) service_name: Option<String>,
    /// The sampler and its argument, as a percentage of trace ids.
    pub(in crate::config) percentage: Option<f64>,
    pub(in crate::config) propagators: Option<Propagators>,
    pub(in crate::config) exporter: Option<Exporter>,
}

/// Which formats are written, and whether `baggage` is forwarded.
#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::config) struct Propagators {
    pub(super) b3_single: bool,
    pub(super) b3_multi: bool,
    pub(super) w3c: bool,
    pub(super) baggage: bool,
}

impl Otel {
    pub(in crate::config) fn read(
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Otel, ConfigError> {
        let variables = Variables(variable);
        Ok(Otel {
            // The specification: any value other than "true" means false.
            disabled: variables
                .get(DISABLED)
                .is_some_and(|value| value.eq_ignore_ascii_case("true")),
            service_name: service_name(&variables)?,
            percentage: percentage(&variables)?,
            propagators: Propagators::read(&variables)?,
            exporter: Exporter::read(&variables)?,
        })
    }

    /// These settings, and the other's where these are unset.
    pub(in crate::config) fn over(self, other: Otel) -> Otel {
        Otel {
            disabled: self.disabled || other.disabled,
            service_name: self.service_name.or(other.service_name),
            percentage: self.percentage.or(other.percentage),
            propagators: self.propagators.or(other.propagators),
            exporter: self.exporter.or(other.exporter),
        }
    }
}

impl Propagators {
    fn read(variables: &Variables<'_>) -> Result<Option<Propagators>, ConfigError> {
        let Some(list) = variables.get(PROPAGATORS) else {
            return Ok(None);
        };
        let mut propagators = Propagators::default();
        for name in list.split(',').map(str::trim) {
            match name {
                "tracecontext" => propagators.w3c = true,
                "baggage" => propagators.baggage = true,
                "b3" => propagators.b3_single = true,
                "b3multi" => propagators.b3_multi = true,
                "none" | "" => {}
                name => {
                    let allowed = ["b3", "b3multi", "tracecontext", "baggage", "none"];
                    return Err(not_one_of(PROPAGATORS, name, &allowed));
                }
            }
        }
        Ok(Some(propagators))
    }

    pub(in crate::config) fn propagation(&self) -> Propagation {
        let formats = [
            (self.b3_multi, Format::B3Multi),
            (self.b3_single, Format::B3Single),
            (self.w3c, Format::W3c),
        ];
        let written = formats.into_iter().filter(|(written, _)| *written);
        let propagation = Propagation::default().formats(written.map(|(_, format)| format));
        let forwarded = self.baggage.then_some(HeaderName::from_static("baggage"));
        propagation.with_forwarded(forwarded, true)
    }
}

/// `OTEL_SERVICE_NAME`, or else `service.name` in `OTEL_RESOURCE_ATTRIBUTES`.
fn service_name(variables: &Variables<'_>) -> Result<Option<String>, ConfigError> {
    if let Some(name) = variables.get(SERVICE_NAME) {
        return Ok(Some(name));
    }
    let attributes = variables.pairs(RESOURCE_ATTRIBUTES)?;
    let name = attributes
        .into_iter()
        .rfind(|(name, value)| name == "service.name" && !value.is_empty());
    Ok(name.map(|(_, value)| value))
}

/// A caller's decision always stands, so `always_on` means the same as `parentbased_always_on`.
fn percentage(variables: &Variables<'_>) -> Result<Option<f64>, ConfigError> {
    let Some(sampler) = variables.get(SAMPLER) else {
        return Ok(None);
    };
    match sampler.strip_prefix("parentbased_").unwrap_or(&sampler) {
        "always_on" => Ok(Some(100.0)),
        "always_off" => Ok(Some(0.0)),
        "traceidratio" => {
            let ratio = variables.get(SAMPLER_ARGUMENT).unwrap_or("1".to_owned());
            match ratio.parse::<f64>() {
                Ok(ratio) if ratio.is_sign_positive() && ratio <= 1.0 => Ok(Some(ratio * 100.0)),
                _ => {
                    let found = quoted(&ratio);
                    let reason = format!("expected a number from 0 to 1, found {found}");
                    Err(ConfigError::new(SAMPLER_ARGUMENT, reason))
                }
            }
        }
        _ => {
            let allowed = [
                "always_on",
                "always_off",
                "traceidratio",
                "parentbased_always_on",
                "parentbased_always_off",
                "parentbased_traceidratio",
            ];
            Err(not_one_of(SAMPLER, &sampler, &allowed))
        }
    }
}
