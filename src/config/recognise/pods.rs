//! Pods, and the resources that create them: their annotation with a ProxyConfig.

use super::{
    blocks::of_proxy,
    metadata::{labels, namespace},
    reader::{ANNOTATION, DocumentReader},
};
use crate::{
    config::{
        model::TracingConfig,
        naming::Naming,
        node::Node,
        proxy::Proxy,
        ranked_config::{AppliesTo, Rank, RankedConfig},
    },
    config_error::ConfigError,
};

impl DocumentReader<'_> {
    /// A resource that creates pods from a template: a Deployment, a Job, a CronJob.
    pub(super) fn pod_template(&mut self, node: &Node<'_>) -> Result<(), ConfigError> {
        let template = node.at(&["spec", "template", "metadata"]);
        let job_template = ["spec", "jobTemplate", "spec", "template", "metadata"];
        match template.or_else(|| node.at(&job_template)) {
            Some(metadata) => self.annotation(node, &metadata),
            None => Ok(()),
        }
    }

    /// The annotation in the metadata of these pods.
    pub(super) fn annotation(
        &mut self,
        resource: &Node<'_>,
        pods: &Node<'_>,
    ) -> Result<(), ConfigError> {
        #[cfg(feature = "metrics-config")]
        self.metric_annotations(resource, pods)?;
        let annotations = pods.get("annotations");
        let Some(annotation) = annotations.and_then(|all| all.exactly(ANNOTATION)) else {
            return Ok(());
        };
        let in_annotation =
            |error: ConfigError| error.in_document(&format!("annotation {ANNOTATION}"));
        let trees = self
            .parse_nested(annotation.text()?)
            .map_err(in_annotation)?;
        for tree in &trees {
            let proxy_config = Node::new(tree, "");
            let tracing = proxy_config.get("tracing");
            let naming = Naming::read(&proxy_config);
            #[cfg(feature = "metrics-config")]
            self.stats_matcher(resource, &proxy_config);
            if tracing.is_none() && naming == Naming::default() {
                continue;
            }
            let proxy = tracing.map(|tracing| Proxy::read(&tracing));
            let proxy = proxy
                .transpose()
                .map_err(in_annotation)?
                .unwrap_or_default();
            let labels = pods.get("labels").map(|node| labels(&node));
            self.add(RankedConfig {
                rank: Rank::Annotation,
                namespace: namespace(resource),
                applies_to: AppliesTo::Pods(labels.unwrap_or_default()),
                config: TracingConfig {
                    naming,
                    ..of_proxy(proxy)
                },
            });
        }
        Ok(())
    }
}
