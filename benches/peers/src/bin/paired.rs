//! The time that each peer adds to a request. One process per scenario builds the baseline and the
//! peers and serves batches of each in random order, so that all see the same noise. Requests run
//! on one core, reporters on another.
//!
//! ```text
//! paired                            all scenarios and peers
//! paired in1,out1 fastrace zipkin   these scenarios, these peers and the baseline
//! ```
//!
//! `ROUNDS` is the number of batches per peer, 16 by default. With `ASLEEP=1` batches are shorter
//! and more numerous, so that the reporters' work is not timed.
//!
//! Columns: the median of ns per request; of ns added to the baseline in the same round; of the
//! ratio to what fastrace adds; allocations added on the request's thread; spans reported per
//! request; the percentage of them that were freed before the batch ended.

use peers::{
    ASLEEP, AWAKE, CountingAllocator, PEERS, REPORTED, Runner, SLICE, Scenario, allocations, build,
    build_apart, median, shuffle,
};
use std::{process::Command, sync::atomic::Ordering::Relaxed};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[derive(Default)]
struct Samples {
    ns: Vec<f64>,
    spans: f64,
    in_time: f64,
    allocations: f64,
}

impl Samples {
    fn batch(&mut self, runner: &mut dyn Runner, slices: usize) {
        let requests = (slices * SLICE) as f64;
        let before = REPORTED.load(Relaxed);
        let reported = || (REPORTED.load(Relaxed) - before) as f64 / requests;
        self.ns
            .push(runner.serve(slices).as_nanos() as f64 / requests);
        self.in_time += reported();
        runner.flush();
        self.spans += reported();
    }

    fn allocations(&mut self, runner: &mut dyn Runner) {
        let more = allocations(|| {
            runner.serve(AWAKE);
            runner.flush();
        });
        self.allocations = more as f64 / (AWAKE * SLICE) as f64;
    }
}

/// Runs one scenario in this process and prints the rows of `shown`.
fn run_scenario(scenario: Scenario, peers: &[&str], shown: &[&str]) {
    let rounds = std::env::var("ROUNDS").map_or(16, |rounds| rounds.parse().expect("a number"));
    let (rounds, slices) = match std::env::var_os("ASLEEP") {
        None => (rounds, AWAKE),
        Some(_) => (rounds * AWAKE / ASLEEP, ASLEEP),
    };
    let names: Vec<&str> = ["baseline"].iter().chain(peers).copied().collect();
    let build_all = || names.iter().map(|name| build(name, scenario)).collect();
    let mut runners: Vec<_> = build_apart(build_all);
    let mut seen: Vec<Samples> = names.iter().map(|_| Samples::default()).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    for round in 0..rounds + 2 {
        shuffle(&mut order);
        for &at in &order {
            seen[at].batch(&mut *runners[at], slices);
        }
        // The first rounds warm up.
        if round == 1 {
            seen.iter_mut().for_each(|seen| *seen = Samples::default());
        }
    }
    for (seen, runner) in seen.iter_mut().zip(&mut runners) {
        seen.allocations(&mut **runner);
    }
    let added = |at: usize| -> Vec<f64> {
        let pairs = seen[at].ns.iter().zip(&seen[0].ns);
        pairs.map(|(peer, bare)| peer - bare).collect()
    };
    let fastrace = names.iter().position(|name| *name == "fastrace").map(added);
    for (at, name) in names.iter().enumerate() {
        if !shown.contains(name) {
            continue;
        }
        let ratio = fastrace.as_ref().map_or("-".to_owned(), |fastrace| {
            let ratios = added(at).into_iter().zip(fastrace);
            format!(
                "{:.3}",
                median(ratios.map(|(peer, fast)| peer / fast).collect())
            )
        });
        let Samples {
            ns,
            spans,
            in_time,
            allocations,
        } = &seen[at];
        println!(
            "{}\t{name}\t{:.0}\t{:.0}\t{ratio}\t{:.2}\t{:.2}\t{:.0}",
            scenario.name(),
            median(ns.clone()),
            median(added(at)),
            allocations - seen[0].allocations,
            spans / rounds as f64,
            in_time / spans.max(f64::MIN_POSITIVE) * 100.0,
        );
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["--one", scenario, peers, shown] = arguments[1..] {
        let list = |names: &'static str| -> Vec<&str> { names.split(',').collect() };
        let leak = |text: &str| -> &'static str { text.to_owned().leak() };
        let scenario = Scenario::parse(scenario).expect("a scenario");
        return run_scenario(scenario, &list(leak(peers)), &list(leak(shown)));
    }
    let scenarios: Vec<&str> = match arguments.get(1) {
        Some(names) if *names != "all" => names.split(',').collect(),
        _ => Scenario::ALL.iter().map(|one| one.name()).collect(),
    };
    let selected = |name: &str| arguments.len() <= 2 || arguments[2..].contains(&name);
    let (apart, together): (Vec<_>, Vec<_>) = PEERS
        .iter()
        .filter(|peer| selected(peer.name))
        .partition(|peer| peer.apart);
    let together: Vec<&str> = together.iter().map(|peer| peer.name).collect();
    println!("scenario\tpeer\tns\tadded_ns\tvs_fastrace\tallocations\tspans\tfreed_in_time_pct");
    for scenario in scenarios {
        let run = |peers: &str, shown: &str| {
            let arguments = ["--one", scenario, peers, shown];
            let status = Command::new(std::env::args().next().expect("a name"))
                .args(arguments)
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{scenario} {peers}"
            );
        };
        if !together.is_empty() {
            let together = together.join(",");
            run(&together, &format!("baseline,{together}"));
        }
        for peer in &apart {
            run(&format!("nothing,fastrace,{}", peer.name), peer.name);
        }
    }
}
