//! The same requests to a real Envoy and to services with tower-b3's layers: what is sent upstream,
//! the responses and the reported spans are equal, field by field, except for what `differences`
//! lists.

mod backend;
mod case;
mod cases;
mod compare;
pub mod connect;
mod differences;
mod envoy;
mod observe;
mod run;
mod service;
mod setup;
mod setups;
mod tags;

use std::collections::BTreeSet;

use compare::Comparison;
use setups::{by_id, by_request_id};
use tower_b3::id::RequestId;

#[test]
fn the_guide_has_the_same_list() {
    let guide = include_str!(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../src/guide/parity.md"
    ));
    let listed = guide.lines().filter_map(|line| {
        let name = line.strip_prefix("| **")?.split_once("** |")?.0;
        Some(name.replace('\\', ""))
    });
    let reasons = differences::reasons();
    let reasons: BTreeSet<String> = reasons.into_iter().map(|reason| reason.name).collect();
    assert_eq!(listed.collect::<BTreeSet<_>>(), reasons);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_behave_like_envoy() {
    let Some(dir) = crate::test_dir("services_behave_like_envoy") else {
        return;
    };
    let reasons = differences::reasons();
    let mut comparison = Comparison::default();
    for (case, envoy, ours) in run::all(&dir).await {
        comparison.case(&reasons, &case, &envoy, &ours);
    }
    let summary = comparison.summary(&reasons);
    println!("{summary}");
    let faults = comparison.faults(&reasons);
    assert!(faults.is_empty(), "{}\n\n{summary}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_ids_are_sampled_as_by_envoy() {
    let name = "the_same_request_ids_are_sampled_as_by_envoy";
    let Some(dir) = crate::test_dir(name) else {
        return;
    };
    let ids: BTreeSet<String> = (0..2_000)
        .map(|_| RequestId::random().to_string())
        .collect();
    assert_eq!(ids.len(), 2_000);
    let ids: Vec<String> = ids.into_iter().collect();
    let setup = by_id("37.25", 37.25, |tracer| by_request_id(tracer, 37.25));
    let [envoy, ours] = run::decisions(&dir, setup, &ids).await;
    assert_eq!(envoy.len(), 2_000);
    let differ = envoy
        .iter()
        .zip(&ours)
        .filter(|(envoy, ours)| envoy != ours);
    assert_eq!(differ.collect::<Vec<_>>(), []);
    assert_eq!(envoy, ours);
    let sampled = |all: &[(String, String)]| all.iter().filter(|(_, state)| state == "1").count();
    println!(
        "2000 request ids at 37.25 %: {} sampled by both",
        sampled(&ours)
    );
    // The expectation for random ids is 745; the margin is ten standard deviations.
    assert!((529..=961).contains(&sampled(&ours)), "{}", sampled(&ours));
}
