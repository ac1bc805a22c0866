//! What the page costs: first content, and frame times with 5,000 spans and 5,000 traces. Printed, not
//! judged: the machine may be busy. To measure:
//!
//! ```sh
//! set -a; source <(viewer/tests/browser/install.sh); TOWER_B3_BROWSER=1; TOWER_B3_FIGURES=1
//! cargo test --release -p tower-b3-viewer --test browser -- --nocapture figures
//! ```

use crate::{
    harness::{Page, browse},
    large::{large_trace, post_many},
    spans::view,
};

const FRAMES: u32 = 240;

/// Runs a step before each frame, and prints the times between frames.
async fn print_frames(page: &Page, what: &str, step: &str) {
    let script = format!(
        "const done = arguments[arguments.length - 1]; const times = []; let last = 0; let i = 0; \
         const step = (now) => {{ if (last) times.push(now - last); last = now; \
             if (i === {FRAMES}) {{ times.sort((a, b) => a - b); \
                 done([0.5, 0.95, 0.99].map((share) => times[Math.floor(share * times.length)].toFixed(1)).join(', ')); return; }} \
             {step}; i += 1; requestAnimationFrame(step); }}; requestAnimationFrame(step);"
    );
    let times = page.eval_async(&script).await;
    let times = times.as_str().expect("times");
    println!("{what}: a frame takes {times} ms (median, 95 %, 99 %)");
}

async fn print_first_content(page: &Page, what: &str, path: &str) {
    let mut times = Vec::new();
    for _ in 0..9 {
        page.open(path).await;
        page.until("document.querySelectorAll('.row').length > 10", true)
            .await;
        let time =
            "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0";
        times.push(page.eval(time).await.as_f64().expect("a time"));
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{what}: first content after {:.0} ms (median), {:.0} to {:.0}",
        times[4], times[0], times[8]
    );
}

#[tokio::test]
async fn figures_are_printed() {
    if std::env::var_os("TOWER_B3_FIGURES").is_none() {
        return;
    }
    browse("figures", async |page: Page| {
        page.post(&large_trace());
        post_many(&page);
        let scroll = |pixels: u32| format!("document.querySelector('.rows').scrollTop = i * {pixels}");
        print_first_content(&page, "list of 5,000 traces", "/").await;
        page.until("document.querySelector('.traces').getAttribute('aria-rowcount')", "5000").await;
        print_frames(&page, "scrolling 5,000 traces", &scroll(137)).await;
        print_first_content(&page, "trace of 5,000 spans", &view(9_008)).await;
        print_frames(&page, "scrolling 5,000 spans", &scroll(301)).await;
        let zoom = "document.querySelector('.rows').dispatchEvent(new WheelEvent('wheel', { ctrlKey: true, \
            deltaY: i < 120 ? -40 : 40, clientX: 700, clientY: 500, bubbles: true, cancelable: true }))";
        print_frames(&page, "zooming 5,000 spans", zoom).await;
    })
    .await;
}
