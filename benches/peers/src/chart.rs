//! The chart: a panel for each setting and kind of request, a bar for each peer.

use std::fmt::Write;

pub struct Bar {
    pub name: &'static str,
    /// The ratio to what fastrace adds.
    pub ratio: f64,
    pub ns: f64,
}

pub struct Panel {
    pub row: &'static str,
    pub column: &'static str,
    pub bars: Vec<Bar>,
}

const NAMES: f64 = 136.0;
const PANEL: f64 = 226.0;
const GAP: f64 = 18.0;
/// Space to the right of the longest bar, for its number.
const NUMBER: f64 = 92.0;
const PITCH: f64 = 20.0;
const TOP: f64 = 66.0;
const TITLE: f64 = 28.0;

const STYLE: &str = "\
text{font:12px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#24292f}\
.page{fill:#ffffff}.title{font-size:15px;font-weight:600}.head{font-weight:600}\
.note{font-size:11px;fill:#57606a}.bar{fill:#8c959f}.ours{fill:#0969da}\
.one{stroke:#57606a;stroke-dasharray:2 3}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}.note{fill:#9198a1}\
.bar{fill:#6e7681}.ours{fill:#4493f8}.one{stroke:#9198a1}}";

/// An SVG of panels in rows and columns, both in the order of first appearance.
pub fn draw(panels: &[Panel], machine: &str) -> String {
    let rows = distinct(panels.iter().map(|panel| panel.row));
    let columns = distinct(panels.iter().map(|panel| panel.column));
    let most = panels.iter().map(|panel| panel.bars.len()).max();
    let height_of_row = TITLE + PITCH * most.unwrap_or(0) as f64 + 14.0;
    let width = NAMES + (PANEL + GAP) * columns.len() as f64;
    let notes: Vec<&str> = machine.lines().collect();
    let bottom = TOP + height_of_row * rows.len() as f64;
    let height = bottom + 16.0 * notes.len() as f64 + 12.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\">\n\
         <title>Time that tracing adds to a request, as a ratio to fastrace</title>\n\
         <style>{STYLE}</style>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n"
    );
    text(
        &mut svg,
        "title",
        12.0,
        24.0,
        "Time that tracing adds to a request",
    );
    let legend =
        "ratio to fastrace, which is the dotted line; in brackets, nanoseconds; less is better";
    text(&mut svg, "note", 12.0, 42.0, legend);
    for (at, row) in rows.iter().enumerate() {
        let y = TOP + height_of_row * at as f64;
        let in_row = || panels.iter().filter(|panel| panel.row == *row);
        let ratios = in_row().flat_map(|panel| panel.bars.iter().map(|bar| bar.ratio));
        let longest = ratios.fold(1.0, f64::max);
        text(&mut svg, "head", 12.0, y + 14.0, row);
        for (at, column) in columns.iter().enumerate() {
            let x = NAMES + (PANEL + GAP) * at as f64;
            text(&mut svg, "head", x, y + 14.0, column);
            if let Some(panel) = in_row().find(|panel| panel.column == *column) {
                let scale = (PANEL - NUMBER) / longest;
                bars(&mut svg, panel, at == 0, x, y + TITLE, scale);
            }
        }
    }
    for (at, note) in notes.iter().enumerate() {
        text(&mut svg, "note", 12.0, bottom + 16.0 * at as f64, note);
    }
    svg.push_str("</svg>\n");
    svg
}

fn bars(svg: &mut String, panel: &Panel, named: bool, x: f64, y: f64, scale: f64) {
    for (at, bar) in panel.bars.iter().enumerate() {
        let y = y + PITCH * at as f64;
        let class = if bar.name == "tower-b3" {
            "ours"
        } else {
            "bar"
        };
        let width = (bar.ratio * scale).max(1.0);
        if named {
            text(svg, "", 12.0, y + 11.0, bar.name);
        }
        let _ = writeln!(
            svg,
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"14\"/>"
        );
        let number = format!("{:.2} ({:.0})", bar.ratio, bar.ns);
        text(svg, "", x + width + 5.0, y + 11.0, &number);
    }
    let (one, end) = (x + scale, y + PITCH * panel.bars.len() as f64);
    let _ = writeln!(
        svg,
        "<line class=\"one\" x1=\"{one:.1}\" x2=\"{one:.1}\" y1=\"{:.1}\" y2=\"{end:.1}\"/>",
        y - 4.0
    );
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{content}</text>"
    );
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    names.fold(Vec::new(), |mut seen, name| {
        if !seen.contains(&name) {
            seen.push(name);
        }
        seen
    })
}
