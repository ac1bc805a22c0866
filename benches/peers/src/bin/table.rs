//! Turns the output of the other programs into tables and a chart: see `run.sh`.
//!
//! ```text
//! table FOLDER CHART.svg     tables to standard output, the chart to the file
//! table --wrk FILE           the table of `wrk.sh`
//! table --metrics FILE       the tables of `metrics.sh`
//! ```

use peers::{COUNTING, LAYERS, PEERS, RECORDERS, SERIES, chart, median};
use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

const SETTINGS: [(&str, &str); 3] = [
    ("work", "reporters at work"),
    ("asleep", "reporters asleep"),
    ("jemalloc", "reporters at work, jemalloc"),
];
const SCENARIOS: [&str; 6] = ["in1", "in0", "none0", "none1", "out1", "out0"];

/// Tab-separated lines; the first one names the columns.
struct Tsv {
    columns: Vec<String>,
    lines: Vec<Vec<String>>,
}

impl Tsv {
    fn read(path: &Path) -> Result<Tsv, String> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let mut lines = text
            .lines()
            .map(|line| line.split('\t').map(str::to_owned).collect());
        let columns = lines.next().ok_or(format!("{}: empty", path.display()))?;
        Ok(Tsv {
            columns,
            lines: lines.collect(),
        })
    }

    fn lines(&self) -> impl Iterator<Item = Line<'_>> {
        self.lines.iter().map(|cells| Line { tsv: self, cells })
    }
}

struct Line<'a> {
    tsv: &'a Tsv,
    cells: &'a [String],
}

impl<'a> Line<'a> {
    fn text(&self, column: &str) -> &'a str {
        let at = self.tsv.columns.iter().position(|name| name == column);
        at.and_then(|at| self.cells.get(at)).map_or("", |text| text)
    }

    fn number(&self, column: &str) -> f64 {
        self.text(column).parse().unwrap_or(f64::NAN)
    }
}

fn header(first: &str, columns: &[&str]) {
    println!("\n| {first} | {} |", columns.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
}

fn setting(title: &str, tsv: &Tsv) {
    println!(
        "\n**{title}**: ratio to fastrace (ns added, allocations added on the request's thread)"
    );
    header("peer", &SCENARIOS);
    for peer in PEERS {
        let cells = SCENARIOS.map(|scenario| {
            let line = tsv
                .lines()
                .find(|line| line.text("peer") == peer.name && line.text("scenario") == scenario);
            line.map_or("".to_owned(), |line| {
                let allocations = line.number("allocations");
                let (ratio, ns) = (line.number("vs_fastrace"), line.number("added_ns"));
                format!("{ratio:.2} ({ns:.0}, {allocations:.0})")
            })
        });
        println!("| {} | {} |", peer.name, cells.join(" | "));
    }
    let bare = SCENARIOS.map(|scenario| {
        let mut lines = tsv.lines();
        lines
            .find(|line| line.text("peer") == "baseline" && line.text("scenario") == scenario)
            .map_or("".to_owned(), |line| format!("{:.0} ns", line.number("ns")))
    });
    println!("| the bare service takes | {} |", bare.join(" | "));
}

fn micro(tsv: &Tsv) {
    println!("\n**Header operations**: ratio to the first of each group");
    header("", &["ratio", "ns"]);
    for line in tsv.lines() {
        let (group, what) = (line.text("group"), line.text("what"));
        let (ratio, ns) = (line.number("ratio"), line.number("ns"));
        println!("| {group}: {what} | {ratio:.2} | {ns:.0} |");
    }
}

fn scale(tsv: &Tsv) {
    println!("\n**Growth**: ns added per request, and the ratio to the smallest count");
    let mut rows: BTreeMap<(&str, &str), Vec<(&str, f64)>> = BTreeMap::new();
    for line in tsv.lines() {
        let row = rows.entry((line.text("what"), line.text("peer")));
        // The baseline adds nothing to itself.
        let column = if line.text("peer") == "baseline" {
            "ns"
        } else {
            "added_ns"
        };
        row.or_default()
            .push((line.text("count"), line.number(column)));
    }
    header("", &["how many: ns (ratio)"]);
    for ((what, peer), counts) in rows {
        let (_, fewest) = counts[0];
        let cells: Vec<String> = counts
            .iter()
            .map(|(count, ns)| format!("{count}: {ns:.0} ({:.2})", ns / fewest))
            .collect();
        println!("| {what}, {peer} | {} |", cells.join(", "));
    }
}

fn local(tsv: &Tsv) {
    println!("\n**A span of `tracing` with three fields**: ns (allocations) added to the registry");
    let requests = ["sampled", "not sampled"];
    header("layer", &requests);
    for (layer, about) in &LAYERS[1..] {
        let cells = requests.map(|request| {
            let mut lines = tsv.lines();
            let line =
                lines.find(|line| line.text("layer") == *layer && line.text("request") == request);
            line.map_or("".to_owned(), |line| {
                let (ns, allocations) = (line.number("added_ns"), line.number("allocations"));
                format!("{ns:.0} ({allocations:.0})")
            })
        });
        println!("| {layer}: {about} | {} |", cells.join(" | "));
    }
    let mut lines = tsv.lines();
    if let Some(line) = lines.find(|line| line.text("layer") == LAYERS[0].0) {
        println!(
            "| the registry alone takes | {:.0} ns | |",
            line.number("ns")
        );
    }
}

fn metrics(tsv: &Tsv) {
    let ns = |line: &Line<'_>| {
        let (least, middle) = (line.number("ns"), line.number("median_ns"));
        format!("{least:.0} ({middle:.0})")
    };
    let find = |part: &str, what: &str| {
        let mut lines = tsv.lines();
        lines.find(|line| line.text("part") == part && line.text("what") == what)
    };
    println!(
        "\n**Recording a request**, a counter and three histograms with 25 labels, {SERIES} series: best (median)"
    );
    header("", &["ns", "allocations", "upkeep, ns"]);
    for (name, about) in RECORDERS {
        if let Some(line) = find("record", name) {
            let (allocations, upkeep) = (line.text("allocations"), line.text("upkeep_ns"));
            println!(
                "| {name}: {about} | {} | {allocations} | {upkeep} |",
                ns(&line)
            );
        }
    }
    println!("\n**Counting in a layer**, added to a request: best (median)");
    let columns = [
        "layer, ns",
        "allocations",
        "metrics, ns",
        "allocations",
        "upkeep, ns",
    ];
    header("", &columns);
    for row in COUNTING {
        if let (Some(layer), Some(metrics)) = (find("layer", row.name), find("counting", row.name))
        {
            let cells = [
                ns(&layer),
                layer.text("allocations").to_owned(),
                ns(&metrics),
                metrics.text("allocations").to_owned(),
                layer.text("upkeep_ns").to_owned(),
            ];
            println!("| {}: {} | {} |", row.name, row.about, cells.join(" | "));
        }
    }
}

fn all(folder: &Path, svg: &Path) -> Result<(), String> {
    let machine =
        fs::read_to_string(folder.join("machine.txt")).map_err(|error| error.to_string())?;
    println!("{}", machine.trim());
    let mut panels = Vec::new();
    for (name, title) in SETTINGS {
        let tsv = Tsv::read(&folder.join(format!("{name}.tsv")))?;
        setting(title, &tsv);
        for (scenario, what) in [("in1", "sampled"), ("in0", "not sampled")] {
            let bars = PEERS.iter().filter(|peer| peer.traces).filter_map(|peer| {
                let mut lines = tsv.lines();
                let line = lines.find(|line| {
                    line.text("peer") == peer.name && line.text("scenario") == scenario
                })?;
                Some(chart::Bar {
                    name: peer.name,
                    ratio: line.number("vs_fastrace"),
                    ns: line.number("added_ns"),
                })
            });
            let bars = bars.collect();
            panels.push(chart::Panel {
                row: what,
                column: title,
                bars,
            });
        }
    }
    micro(&Tsv::read(&folder.join("micro.tsv"))?);
    scale(&Tsv::read(&folder.join("scale.tsv"))?);
    local(&Tsv::read(&folder.join("local.tsv"))?);
    metrics(&Tsv::read(&folder.join("metrics.tsv"))?);
    println!("\nThe peers:\n");
    for peer in PEERS {
        println!("- {}: {}", peer.name, peer.about);
    }
    let text = chart::draw(&panels, machine.trim());
    fs::write(svg, text).map_err(|error| format!("{}: {error}", svg.display()))
}

fn wrk(file: &Path) -> Result<(), String> {
    let tsv = Tsv::read(file)?;
    println!(
        "Requests per second as a share of the bare server's and of `nothing`'s in the same round,"
    );
    println!("CPU µs per request added to `nothing`'s: median (least–most)");
    header(
        "peer, scenario",
        &["of bare", "of nothing", "CPU µs", "spans lost"],
    );
    for peer in PEERS.iter().map(|peer| peer.name) {
        for scenario in SCENARIOS {
            let rounds: Vec<Line<'_>> = tsv
                .lines()
                .filter(|line| line.text("peer") == peer && line.text("scenario") == scenario)
                .collect();
            if rounds.is_empty() {
                continue;
            }
            let of = |value: &dyn Fn(&Line<'_>) -> f64, digits: usize| {
                let values: Vec<f64> = rounds.iter().map(value).collect();
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let middle = median(values);
                format!("{middle:.digits$} ({least:.digits$}–{most:.digits$})")
            };
            let share =
                |of: &'static str| move |line: &Line<'_>| line.number("req_s") / line.number(of);
            let cpu = |line: &Line<'_>| line.number("cpu_us") - line.number("nothing_cpu_us");
            let lost: f64 = rounds
                .iter()
                .filter(|line| line.number("reported") > 0.0)
                .map(|line| (line.number("requests") - line.number("reported")).max(0.0))
                .fold(0.0, |sum, lost| sum + lost);
            println!(
                "| {peer}, {scenario} | {} | {} | {} | {lost:.0} |",
                of(&share("bare_req_s"), 2),
                of(&share("nothing_req_s"), 2),
                of(&cpu, 1),
            );
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["--wrk", file] => wrk(Path::new(file)),
        ["--metrics", file] => Tsv::read(Path::new(file)).map(|tsv| metrics(&tsv)),
        [folder, svg] => all(Path::new(folder), Path::new(svg)),
        _ => Err(
            "usage: table FOLDER CHART.svg | table --wrk FILE | table --metrics FILE".to_owned(),
        ),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
