//! One browser with one viewer for a test.

use std::{
    fmt::Debug,
    future::Future,
    io::Write,
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use fantoccini::{
    Client, ClientBuilder, Locator,
    actions::{InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction},
    wd::{Capabilities, WebDriverCompatibleCommand},
};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use test_kit::{Process, eventually, http::exchange};
use tokio::{sync::Mutex, task::LocalSet, time::sleep};
use url::{ParseError, Url};

const SWITCH: &str = "TOWER_B3_BROWSER";
const TIMEOUT: Duration = Duration::from_secs(20);
/// A browser uses more than one core: the tests take turns.
static TURN: Mutex<()> = Mutex::const_new(());

/// Runs before the page's own scripts: keeps what went wrong, and what was copied.
const RECORDER: &str = r"
    window.problems = [];
    window.copied = [];
    addEventListener('error', (event) => problems.push(`error: ${event.message}`));
    addEventListener('unhandledrejection', (event) => problems.push(`rejection: ${event.reason}`));
    addEventListener('securitypolicyviolation', (event) =>
        problems.push(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    Object.defineProperty(navigator, 'clipboard', {
        value: { writeText: async (text) => { copied.push(text); } },
    });
    window.alert = () => problems.push('alert');
";

/// A page of the viewer, which listens on an address of its own.
#[derive(Clone, Debug)]
pub struct Page {
    client: Client,
    address: SocketAddr,
    prefix: &'static str,
    downloads: PathBuf,
}

/// Runs a test in a browser of its own, with an empty viewer, unless browsers are switched off.
/// Afterwards the browser must have reported no error and no violation of the page's policy.
pub async fn browse<F>(test: &str, steps: impl FnOnce(Page) -> F + 'static)
where
    F: Future<Output = ()> + 'static,
{
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        // `eprintln!` would be captured by the test harness, since the test passes.
        let line = format!(
            "{test}: skipped; to run it, `set -a; source <(viewer/tests/browser/install.sh)` and \
             set {SWITCH}=1\n"
        );
        let _ = std::io::stderr().write_all(line.as_bytes());
        return;
    }
    let _turn = TURN.lock().await;
    let viewer = Process::listen(env!("CARGO_BIN_EXE_tower-b3-viewer"), &["--otlp", "off"]);
    let driver = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
    let driver = Process::start(&driver, &["--port=0"], &[]);
    let downloads = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("browser-{test}"));
    std::fs::create_dir_all(&downloads).expect("a directory for downloads");
    let page = Page {
        client: session(driver_port(&driver)).await,
        address: viewer.address(),
        prefix: "",
        downloads,
    };
    let client = page.client.clone();
    page.devtools(
        "Page.addScriptToEvaluateOnNewDocument",
        json!({ "source": RECORDER }),
    )
    .await;
    let folder = json!({ "behavior": "allow", "downloadPath": page.downloads });
    page.devtools("Browser.setDownloadBehavior", folder).await;
    page.resize(1280, 800).await;
    // As a task, so that the browser is closed after a panic too.
    let tasks = LocalSet::new();
    let outcome = tasks.run_until(async {
        let steps = tokio::task::spawn_local(async move {
            steps(page.clone()).await;
            assert_eq!(
                page.eval("return window.problems ?? []").await,
                json!([]),
                "in the browser"
            );
        });
        steps.await
    });
    let outcome = outcome.await;
    client.close().await.expect("the browser is closed");
    if let Err(error) = outcome {
        std::panic::resume_unwind(error.into_panic());
    }
}

fn driver_port(driver: &Process) -> u16 {
    eventually("chromedriver listening", || {
        let output = driver.stdout();
        let (_, rest) = output.split_once("started successfully on port ")?;
        rest.split_once('.')?.0.parse().ok()
    })
}

async fn session(port: u16) -> Client {
    let options = json!({
        "goog:chromeOptions": {
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
        },
    });
    let Value::Object(options) = options else {
        unreachable!("an object");
    };
    ClientBuilder::new(HttpConnector::new())
        .capabilities(options.into_iter().collect::<Capabilities>())
        .connect(&format!("http://127.0.0.1:{port}"))
        .await
        .expect("a browser")
}

/// A command of the browser's own protocol.
#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            session.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.0.to_string()))
    }
}

impl Page {
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let command = json!({ "cmd": command, "params": parameters });
        self.client
            .issue_cmd(DevTools(command))
            .await
            .expect("a command of DevTools")
    }

    /// The size of the page's window; windows narrower than 500 pixels cannot be real ones.
    pub async fn resize(&self, width: u32, height: u32) {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// Sets media features, such as `prefers-color-scheme`.
    pub async fn media(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> = features
            .iter()
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect();
        self.devtools(
            "Emulation.setEmulatedMedia",
            json!({ "features": features }),
        )
        .await;
    }

    /// Sends spans to the viewer, as a client of Zipkin does.
    pub fn post(&self, spans: &[Value]) {
        let response = self.request("POST", "/api/v2/spans", &Value::from(spans).to_string());
        assert_eq!(response.status, 202, "{response:?}");
    }

    pub fn request(&self, method: &str, path: &str, body: &str) -> test_kit::http::Response {
        let (address, prefix, length) = (self.address, self.prefix, body.len());
        let request = format!(
            "{method} {prefix}{path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        exchange(address, request.as_bytes())
    }

    /// The same browser for a viewer elsewhere, below a path.
    pub fn of(&self, address: SocketAddr, prefix: &'static str) -> Page {
        let page = self.clone();
        Page {
            address,
            prefix,
            ..page
        }
    }

    pub async fn open(&self, path: &str) {
        self.client
            .goto(&format!("http://{}{}{path}", self.address, self.prefix))
            .await
            .expect("the page");
    }

    /// Opens a page in a tab of its own and goes there.
    pub async fn open_tab(&self, path: &str) {
        let tab = self.client.new_window(true).await.expect("a tab");
        self.client
            .switch_to_window(tab.handle)
            .await
            .expect("the tab");
        self.open(path).await;
    }

    /// Goes to the first tab in which a page was opened.
    pub async fn first_tab(&self) {
        let tabs = self.client.windows().await.expect("the tabs");
        self.client
            .switch_to_window(tabs[1].clone())
            .await
            .expect("the tab");
    }

    /// The path and the query of the page.
    pub async fn path(&self) -> String {
        let value = self
            .eval("return location.pathname + location.search")
            .await;
        value.as_str().expect("a path").to_owned()
    }

    pub async fn eval(&self, script: &str) -> Value {
        self.client
            .execute(script, Vec::new())
            .await
            .expect("a script that runs")
    }

    pub async fn eval_with(&self, script: &str, argument: Value) -> Value {
        self.client
            .execute(script, vec![argument])
            .await
            .expect("a script that runs")
    }

    /// Runs a script that ends by calling its last argument.
    pub async fn eval_async(&self, script: &str) -> Value {
        self.client
            .execute_async(script, Vec::new())
            .await
            .expect("a script that ends")
    }

    /// Waits until an expression of the page is `wanted`.
    pub async fn until(&self, expression: &str, wanted: impl Into<Value> + Debug) {
        let wanted = wanted.into();
        let script = format!("return {expression}");
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let value = match self.client.execute(&script, Vec::new()).await {
                Ok(value) => value,
                Err(error) => Value::from(error.to_string()),
            };
            if value == wanted {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{expression} is {value}, not {wanted}"
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The text of the first element of a selector, without repeated white space.
    pub async fn text(&self, selector: &str) -> String {
        let script = "const node = document.querySelector(arguments[0]); \
                      return node ? node.innerText.replace(/\\s+/g, ' ').trim() : 'no such element'";
        let text = self.eval_with(script, json!(selector)).await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits until the text of the first element of a selector contains this.
    pub async fn until_text(&self, selector: &str, wanted: &str) {
        let expression = format!(
            "(document.querySelector({selector:?})?.innerText ?? '').replace(/\\s+/g, ' ').includes({wanted:?})"
        );
        self.until(&expression, true).await;
    }

    pub async fn count(&self, selector: &str) -> u64 {
        let count = self
            .eval_with(
                "return document.querySelectorAll(arguments[0]).length",
                json!(selector),
            )
            .await;
        count.as_u64().expect("a count")
    }

    /// Waits until a selector matches this many elements.
    pub async fn until_count(&self, selector: &str, wanted: u64) {
        self.until(
            &format!("document.querySelectorAll({selector:?}).length"),
            wanted,
        )
        .await;
    }

    pub async fn click(&self, selector: &str) {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let element = self.client.wait().for_element(Locator::Css(selector)).await;
            let element = element.unwrap_or_else(|error| panic!("{selector}: {error}"));
            match element.click().await {
                Ok(()) => return,
                // An update of the page has replaced the element since.
                Err(error) if error.is_stale_element_reference() && Instant::now() < deadline => {}
                Err(error) => panic!("{selector}: {error}"),
            }
        }
    }

    /// Types into a field and confirms it, in place of what it held.
    pub async fn fill(&self, selector: &str, text: &str) {
        let field = self.client.wait().for_element(Locator::Css(selector)).await;
        let field = field.unwrap_or_else(|error| panic!("{selector}: {error}"));
        field.clear().await.expect("a field that can be cleared");
        field
            .send_keys(&format!("{text}\n"))
            .await
            .expect("a field that can be typed in");
    }

    /// Chooses files in a file field.
    pub async fn choose_file(&self, selector: &str, path: &std::path::Path) {
        let field = self
            .client
            .find(Locator::Css(selector))
            .await
            .expect("a file field");
        field
            .send_keys(path.to_str().expect("a path"))
            .await
            .expect("a file");
    }

    /// Presses keys one after the other, wherever the focus is.
    pub async fn keys(&self, keys: &[&str]) {
        let mut actions = KeyActions::new("keyboard".to_owned());
        for key in keys {
            let value = key_value(key);
            actions = actions
                .then(KeyAction::Down { value })
                .then(KeyAction::Up { value });
        }
        self.client.perform_actions(actions).await.expect("keys");
    }

    /// Drags over an element, from one place to another; places are shares of its size.
    pub async fn drag(&self, selector: &str, from: (f64, f64), to: (f64, f64)) {
        let script = "const box = document.querySelector(arguments[0]).getBoundingClientRect(); \
                      return [box.left, box.top, box.width, box.height]";
        let place = self.eval_with(script, json!(selector)).await;
        let [left, top, width, height] =
            [0, 1, 2, 3].map(|index| place[index].as_f64().expect("a size"));
        let at = |(x, y): (f64, f64)| PointerAction::MoveTo {
            duration: Some(Duration::from_millis(50)),
            x: (left + x * width).round(),
            y: (top + y * height).round(),
        };
        let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
        let actions = MouseActions::new("mouse".to_owned())
            .then(at(from))
            .then(PointerAction::Down {
                button: MOUSE_BUTTON_LEFT,
            })
            .then(at(middle))
            .then(at(to))
            .then(PointerAction::Up {
                button: MOUSE_BUTTON_LEFT,
            });
        self.client.perform_actions(actions).await.expect("a drag");
    }

    /// A picture of the page, as PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture")
    }

    /// The last text that the page copied.
    pub async fn copied(&self) -> String {
        self.until("window.copied.length > 0", true).await;
        let text = self.eval("return window.copied.at(-1)").await;
        text.as_str().expect("a text").to_owned()
    }

    /// Waits for a downloaded file and reads it.
    pub async fn downloaded(&self, name: &str) -> String {
        let path = self.downloads.join(name);
        let text = eventually(name, || {
            std::fs::read_to_string(&path)
                .ok()
                .filter(|text| !text.is_empty())
        });
        std::fs::remove_file(&path).expect("the download is removed");
        text
    }
}

fn key_value(key: &str) -> char {
    match key {
        "Enter" => '\u{e007}',
        "Escape" => '\u{e00c}',
        "Left" => '\u{e012}',
        "Up" => '\u{e013}',
        "Right" => '\u{e014}',
        "Down" => '\u{e015}',
        "Home" => '\u{e011}',
        "End" => '\u{e010}',
        "PageUp" => '\u{e00e}',
        "PageDown" => '\u{e00f}',
        "Tab" => '\u{e004}',
        _ => key.chars().next().expect("a key"),
    }
}
