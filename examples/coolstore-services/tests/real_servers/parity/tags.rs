//! Custom tags of both sides, each in every form of configuration.

use serde_json::{Value, json};
use tower_b3::tags::Tag;

/// A custom tag of both sides.
#[derive(Clone, Copy)]
pub struct CustomTag {
    pub name: &'static str,
    source: Source,
    default: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Source {
    Literal(&'static str),
    Environment(&'static str),
    Header(&'static str),
}

const fn tag(name: &'static str, source: Source) -> CustomTag {
    CustomTag {
        name,
        source,
        default: None,
    }
}

const fn tag_or(name: &'static str, source: Source, default: &'static str) -> CustomTag {
    CustomTag {
        name,
        source,
        default: Some(default),
    }
}

/// Identifies the case that a span belongs to.
const CASE: CustomTag = tag("case", Source::Header("x-case"));

pub const TAGS: &[CustomTag] = &[
    CASE,
    tag("t.literal", Source::Literal("lit")),
    tag_or("t.header", Source::Header("x-tag"), "default"),
];

pub const MORE_TAGS: &[CustomTag] = &[
    CASE,
    tag("t.header", Source::Header("x-tag")),
    tag_or("t.header.default", Source::Header("x-tag"), "default"),
    tag("t.method", Source::Header(":method")),
    tag("t.path", Source::Header(":path")),
    tag("t.env", Source::Environment("PARITY_SET")),
    tag_or("t.env.set", Source::Environment("PARITY_SET"), "default"),
    tag("t.env.unset", Source::Environment("PARITY_UNSET")),
    tag_or(
        "t.env.default",
        Source::Environment("PARITY_UNSET"),
        "envdef",
    ),
    tag_or("t.env.empty", Source::Environment("PARITY_EMPTY"), "envdef"),
    tag("t.twice", Source::Literal("first")),
    tag("t.twice", Source::Literal("second")),
    tag("http.method", Source::Literal("overwritten")),
    tag("http.status_code", Source::Literal("overwritten")),
];

pub const ERROR_TAG: &[CustomTag] = &[CASE, tag("error", Source::Literal("overwritten"))];

/// The tags that Istio adds for `setup::identity`.
pub const ISTIO_TAGS: [CustomTag; 5] = [
    tag("istio.canonical_revision", Source::Literal("v1")),
    tag("istio.canonical_service", Source::Literal("svc-a")),
    tag("istio.cluster_id", Source::Literal("Kubernetes")),
    tag("istio.mesh_id", Source::Literal("unknown")),
    tag("istio.namespace", Source::Literal("default")),
];

impl CustomTag {
    pub fn for_envoy(self) -> Value {
        let kind = match self.source {
            Source::Literal(value) => {
                return json!({ "tag": self.name, "literal": { "value": value } });
            }
            Source::Environment(_) => "environment",
            Source::Header(_) => "request_header",
        };
        let (Source::Environment(from) | Source::Header(from) | Source::Literal(from)) =
            self.source;
        let mut source = json!({ "name": from });
        if let Some(default) = self.default {
            source["default_value"] = default.into();
        }
        json!({ "tag": self.name, kind: source })
    }

    /// As an entry of `customTags`.
    pub fn for_istio(self) -> Value {
        let (kind, from) = match self.source {
            Source::Literal(value) => return json!({ "literal": { "value": value } }),
            Source::Environment(variable) => ("environment", variable),
            Source::Header(header) => ("header", header),
        };
        let mut source = json!({ "name": from });
        if let Some(default) = self.default {
            source["defaultValue"] = default.into();
        }
        json!({ kind: source })
    }

    /// As the value of the flag `--tag`.
    pub fn for_webapp(self) -> String {
        let (kind, from) = match self.source {
            Source::Literal(value) => ("literal", value),
            Source::Environment(variable) => ("env", variable),
            Source::Header(header) => ("header", header),
        };
        let default = self.default.map(|default| format!(":{default}"));
        format!("{}={kind}:{from}{}", self.name, default.unwrap_or_default())
    }

    pub fn for_tracer(self) -> Tag {
        let tag = match self.source {
            Source::Literal(value) => Tag::literal(self.name, value),
            Source::Environment(variable) => Tag::environment(self.name, variable),
            Source::Header(header) => Tag::request_header(self.name, header),
        };
        match self.default {
            Some(default) => tag.default_value(default),
            None => tag,
        }
    }
}
