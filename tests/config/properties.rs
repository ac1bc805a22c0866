//! Properties of all configurations and all texts.

#[path = "../../fuzz/src/config.rs"]
mod config;

use crate::documents;
use proptest::{collection::btree_map, option, prelude::*};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use tower_b3::config::TracingConfig;

/// An object with these fields, without those that are `None`.
fn object(fields: Vec<(&str, Option<Value>)>) -> Value {
    let fields = fields.into_iter();
    Value::Object(
        fields
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<_, _>>(),
    )
}

fn percent() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..=100u8).prop_map(|whole| json!(whole)),
        (0.0..=100.0f64).prop_map(|percent| json!(percent)),
    ]
}

fn word() -> impl Strategy<Value = String> {
    // Some of them mean something else in YAML if they are not quoted.
    prop_oneof![
        "[a-z][a-z0-9.-]{0,8}",
        "[ -~é]{1,12}",
        prop::sample::select(vec![
            "true", "null", "10", "~", "- a", "a: b", "#", "'", "\"", "é\n\t\\"
        ])
        .prop_map(str::to_owned),
    ]
}

fn custom_tag() -> impl Strategy<Value = Value> {
    let named = |kind: &'static str| {
        ("[a-zA-Z][a-zA-Z0-9_-]{0,8}", option::of(word())).prop_map(move |(name, default)| {
            let default = default.map(Value::from);
            let named = object(vec![("name", Some(name.into())), ("defaultValue", default)]);
            json!({ kind: named })
        })
    };
    prop_oneof![
        word().prop_map(|value| json!({ "literal": { "value": value } })),
        named("environment"),
        named("header"),
        "[a-z ]{0,4}%REQ\\(x-[a-z]{1,4}\\)%"
            .prop_map(|value| json!({ "formatter": { "value": value } })),
    ]
}

fn custom_tags() -> impl Strategy<Value = Value> {
    btree_map("[a-z.]{1,3}", custom_tag(), 0..4).prop_map(|tags| json!(tags))
}

fn telemetry() -> impl Strategy<Value = Value> {
    let mode = prop::sample::select(vec!["CLIENT", "SERVER", "CLIENT_AND_SERVER"]);
    let provider = prop::sample::select(vec!["a", "b", "c"]);
    let flags = prop::array::uniform4(option::of(any::<bool>()));
    (
        option::of(mode),
        option::of(provider),
        option::of(percent()),
        option::of(custom_tags()),
        flags,
    )
        .prop_map(|(mode, provider, percent, tags, flags)| {
            let flag = |at: usize| flags[at].map(Value::from);
            object(vec![
                ("match", mode.map(|mode| json!({ "mode": mode }))),
                ("providers", provider.map(|name| json!([{ "name": name }]))),
                ("randomSamplingPercentage", percent),
                ("customTags", tags),
                ("disableSpanReporting", flag(0)),
                ("disableContextPropagation", flag(1)),
                ("useRequestIdForTraceSampling", flag(2)),
                ("enableIstioTags", flag(3)),
            ])
        })
}

fn proxy() -> impl Strategy<Value = Value> {
    let tracer = prop_oneof![
        "[a-z]{1,4}:[1-9]{1,4}".prop_map(|address| ("zipkin", json!({ "address": address }))),
        Just(("datadog", json!({}))),
    ];
    (
        option::of(tracer),
        option::of(percent()),
        option::of(custom_tags()),
        option::of(0..1000u32),
        option::of(any::<bool>()),
        option::of(prop::sample::select(vec!["DISABLE", "SIMPLE", "MUTUAL"])),
    )
        .prop_map(|(tracer, percent, tags, length, istio_tags, tls)| {
            let (tracer, settings) = tracer.unzip();
            object(vec![
                (tracer.unwrap_or("zipkin"), settings),
                ("sampling", percent),
                ("customTags", tags),
                ("maxPathTagLength", length.map(Value::from)),
                ("enableIstioTags", istio_tags.map(Value::from)),
                (
                    "tlsSettings",
                    tls.map(|mode| json!({ "mode": mode, "caCertificates": "/ca" })),
                ),
            ])
        })
}

fn mesh() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec![
        json!({ "zipkin": { "service": "z", "port": 9411, "enable64bitTraceId": true } }),
        json!({ "opentelemetry": { "service": "ns/o", "port": 4317, "maxTagLength": 7 } }),
        json!({ "opentelemetry": { "service": "o", "port": 4318, "http": { "path": "/v1/traces" } } }),
        json!({ "datadog": { "service": "d", "port": 1 } }),
    ]);
    let providers = btree_map("[abc]", kinds, 0..3).prop_map(|providers| {
        let provider = |(name, mut provider): (String, Value)| {
            provider["name"] = name.into();
            provider
        };
        providers.into_iter().map(provider).collect::<Vec<_>>()
    });
    (
        option::of(providers),
        option::of("[abc]"),
        option::of(any::<bool>()),
        option::of(proxy()),
    )
        .prop_map(|(providers, default, enable, proxy)| {
            object(vec![
                ("extensionProviders", providers.map(Value::from)),
                (
                    "defaultProviders",
                    default.map(|name| json!({ "tracing": [name] })),
                ),
                ("enableTracing", enable.map(Value::from)),
                ("defaultConfig", Some(object(vec![("tracing", proxy)]))),
            ])
        })
}

fn bootstrap() -> impl Strategy<Value = Value> {
    (option::of("/[a-z/]{0,5}"), option::of("[a-z]{1,4}"), any::<bool>()).prop_map(
        |(endpoint, hostname, long)| {
            let config = object(vec![
                ("@type", Some("envoy.config.trace.v3.ZipkinConfig".into())),
                ("collectorCluster", Some("zipkin".into())),
                ("collectorEndpoint", endpoint.map(Value::from)),
                ("collectorHostname", hostname.map(Value::from)),
                ("traceId128bit", Some(long.to_string().into())),
            ]);
            json!({ "tracing": { "http": { "name": "envoy.tracers.zipkin", "typedConfig": config } } })
        },
    )
}

/// A document without a resource around it.
fn block() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop::collection::vec(telemetry(), 0..3).prop_map(|list| json!({ "tracing": list })),
        proxy().prop_map(|proxy| json!({ "tracing": proxy })),
        mesh(),
        bootstrap(),
    ]
}

/// A configuration of a few documents.
fn configuration() -> impl Strategy<Value = TracingConfig> {
    prop::collection::vec(block(), 0..4).prop_map(|blocks| {
        let read = |block: Value| TracingConfig::from_yaml(&block.to_string()).unwrap();
        let configs = blocks.into_iter().map(read);
        configs.fold(TracingConfig::default(), |all, one| one.over(all))
    })
}

/// The same with the names of fields in snake_case.
fn snake(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(snake).collect(),
        Value::Object(fields) => {
            let snake = |(name, value): (&String, &Value)| (snake_case(name), snake(value));
            Value::Object(fields.iter().map(snake).collect())
        }
        other => other.clone(),
    }
}

fn snake_case(name: &str) -> String {
    // Words that begin with a digit.
    match name {
        "traceId128bit" => return "trace_id_128bit".to_owned(),
        "enable64bitTraceId" => return "enable_64bit_trace_id".to_owned(),
        _ => {}
    }
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// The same as YAML in block style, without quotes where they are not needed.
fn yaml(value: &Value, indent: usize, to: &mut String) {
    let pad = "  ".repeat(indent);
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, value) in fields {
                to.push_str(&format!("\n{pad}{}:", scalar(name)));
                yaml(value, indent + 1, to);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for value in list {
                to.push_str(&format!("\n{pad}-"));
                yaml(value, indent + 1, to);
            }
        }
        Value::String(text) => to.push_str(&format!(" {}", scalar(text))),
        other => to.push_str(&format!(" {other}")),
    }
}

fn scalar(text: &str) -> String {
    let word = text
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
    let other = text.starts_with(|first: char| !first.is_ascii_alphabetic());
    match word && !other && !["true", "false", "null"].contains(&text) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "''")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn case_and_format_make_no_difference(block in block()) {
        let read = |text: &str| TracingConfig::from_yaml(text).map_err(|error| error.reason().to_owned());
        let of_json = read(&block.to_string());
        prop_assert_eq!(&read(&snake(&block).to_string()), &of_json);
        prop_assert_eq!(&read(&serde_json::to_string_pretty(&block).unwrap()), &of_json);
        // Single quotes cannot contain a line break.
        if !block.to_string().contains("\\n") {
            let mut text = String::new();
            yaml(&block, 0, &mut text);
            prop_assert_eq!(&read(&text), &of_json, "{}", text);
        }
        let of_serde = serde_json::from_value::<TracingConfig>(block.clone());
        prop_assert_eq!(of_serde.ok(), of_json.ok(), "{}", block);
    }

    #[test]
    fn merging_is_associative_and_the_default_is_neutral(
        one in configuration(),
        two in configuration(),
        three in configuration(),
    ) {
        let left = one.clone().over(two.clone()).over(three.clone());
        prop_assert_eq!(left, one.clone().over(two.over(three)));
        prop_assert_eq!(&one.clone().over(TracingConfig::default()), &one);
        prop_assert_eq!(&TracingConfig::default().over(one.clone()), &one);
        prop_assert_eq!(&one.clone().over(one.clone()), &one);
    }

    #[test]
    fn any_block_can_be_used(block in block()) {
        config::config(block.to_string().as_bytes());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", yamlish in "[-a&*:{}\\[\\]?|>%,'\"#! \n\t]{0,200}") {
        config::config(text.as_bytes());
        config::config(yamlish.as_bytes());
    }
}

/// The seeds of the fuzzer, and the documents of the tests.
fn seeds() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/config");
    let files = std::fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        (path.display().to_string(), std::fs::read(&path).unwrap())
    });
    let documents = documents().into_iter();
    let documents = documents.map(|(name, (_, text))| (name, text.into_bytes()));
    files.chain(documents).collect()
}

#[test]
fn every_seed_is_read_or_refused() {
    let seeds = seeds();
    assert!(seeds.len() >= 50);
    for (name, seed) in seeds {
        println!("{name}");
        config::config(&seed);
    }
}

#[test]
fn every_seed_with_one_byte_changed_is_read_or_refused() {
    for (_, seed) in seeds() {
        for at in (0..seed.len()).step_by(seed.len() / 40 + 1) {
            for byte in [b' ', b':', b'[', b'%', b'\n', 0xff] {
                let mut changed = seed.clone();
                changed[at] = byte;
                config::config(&changed);
            }
            let mut shorter = seed.clone();
            shorter.remove(at);
            config::config(&shorter);
            config::config(&seed[..at]);
        }
    }
}

/// Each is repeated to a megabyte.
const REPEATED: &[&str] = &[
    "[",
    "{",
    "]",
    "- ",
    "? ",
    "a: ",
    "&a ",
    "*a ",
    "!a ",
    "|\n",
    ">\n ",
    "\"",
    "'",
    "\\",
    "\n",
    " ",
    "\t",
    "#",
    "%",
    "---\n",
    "...\n",
    "a",
    "a\n",
    ",",
    "[]",
    "{},",
    "a: b\n",
    "- a\n",
    "[a, ",
    "{a: ",
    "\"a\": ",
    "- - a\n",
    "a: &a b\n",
    "? a\n",
    "<<: {}\n",
    "\u{feff}",
    "é",
    "\r",
    "a:\n",
    "[a]: b\n",
    "x: |\n  y\n",
];

/// Texts of a megabyte that are hard to parse do not take too long.
#[test]
fn a_megabyte_is_read_or_refused_in_time() {
    let megabyte = |unit: &str| unit.repeat(1024 * 1024 / unit.len());
    for unit in REPEATED {
        config::config(megabyte(unit).as_bytes());
        config::config(format!("tracing: {{ customTags: {{ {}", megabyte(unit)).as_bytes());
    }
    // Long lists of aliases to a long text.
    let text = format!(
        "x: &x {}\ny: [{}]",
        "a".repeat(500_000),
        "*x, ".repeat(100_000)
    );
    config::config(text.as_bytes());
    // Many ConfigMaps with one long mesh.
    let item = "{ kind: ConfigMap, data: { mesh: *x } }, ".repeat(10_000);
    let text = format!(
        "kind: List\nx: &x '{}'\nitems: [{item}]",
        "a: [".repeat(100_000)
    );
    config::config(text.as_bytes());
}
