//! The same requests to a real Envoy and to services with our layers: what goes upstream, what is
//! answered and what is reported are the same, field by field, but for what `differences` lists.

mod backend;
mod case;
mod compare;
mod connect;
mod differences;
mod envoy;
mod observe;
mod run;
mod service;
mod setup;

use compare::Comparison;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_do_as_envoy_does() {
    let Some(dir) = crate::backends::bench("services_do_as_envoy_does") else {
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
