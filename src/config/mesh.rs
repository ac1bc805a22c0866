//! What a MeshConfig says about tracing, apart from its `defaultConfig`.

use super::{node::Node, provider::Provider};
use crate::config_error::ConfigError;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Mesh {
    /// The first of `defaultProviders.tracing`.
    pub(super) default_provider: Option<String>,
    /// `extensionProviders` by their names in lower case: Istio ignores case.
    pub(super) providers: BTreeMap<String, Provider>,
    pub(super) enable_tracing: Option<bool>,
}

impl Mesh {
    pub(super) fn read(node: &Node<'_>) -> Result<Mesh, ConfigError> {
        let mut mesh = Mesh::default();
        if let Some(providers) = node.get("extensionProviders") {
            for provider in providers.items()? {
                let name = provider.required("name")?.non_empty_text()?.to_lowercase();
                // Of two with the same name Istio takes the first.
                mesh.providers
                    .entry(name)
                    .or_insert_with(|| Provider::read(&provider));
            }
        }
        if let Some(tracing) = node.at(&["defaultProviders", "tracing"]) {
            let first = tracing.items()?.next();
            mesh.default_provider = first
                .map(|name| name.non_empty_text().map(str::to_owned))
                .transpose()?;
        }
        let enable = node.get("enableTracing");
        mesh.enable_tracing = enable.map(|flag| flag.flag()).transpose()?;
        Ok(mesh)
    }

    /// These settings, and the other's where these are unset. Providers are merged one by one.
    pub(super) fn over(self, other: Mesh) -> Mesh {
        let mut providers = other.providers;
        providers.extend(self.providers);
        Mesh {
            default_provider: self.default_provider.or(other.default_provider),
            providers,
            enable_tracing: self.enable_tracing.or(other.enable_tracing),
        }
    }
}
