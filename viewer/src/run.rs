//! Starts the servers.

use crate::cli::{Options, Otlp};
use std::{
    error::Error,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::{Command, ExitCode, Stdio},
};
use tokio::{net::TcpListener, runtime};
use tower_b3_viewer::{Viewer, serve};

/// Zipkin's port.
const ZIPKIN_PORT: u16 = 9411;
/// OTLP's port for HTTP.
const OTLP_PORT: u16 = 4318;
/// More threads take memory and are no help.
const MOST_THREADS: usize = 4;

/// Runs until the process is told to end.
pub fn run(options: Options) -> ExitCode {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(threads.min(MOST_THREADS))
        .enable_all()
        .build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(start(options)),
        Err(error) => Err(format!("no threads: {error}").into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tower-b3-viewer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start(options: Options) -> Result<(), Box<dyn Error>> {
    let viewer = viewer(&options);
    for file in &options.load {
        load(&viewer, file)?;
    }
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, ZIPKIN_PORT));
    let address = options.listen.unwrap_or(default);
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| in_use("--listen", address, &error))?;
    let address = listener.local_addr()?;
    let otlp = otlp_listener(options.otlp, address).await?;
    let otlp_address = otlp.as_ref().map(TcpListener::local_addr).transpose()?;
    viewer.set_addresses(address, otlp_address);
    let otlp_shown = otlp_address.unwrap_or(address);
    let lines = format!("listening on http://{address}\nOTLP at http://{otlp_shown}/v1/traces\n");
    // It serves also if nobody reads this.
    let _ = io::stdout().write_all(lines.as_bytes());
    if options.open {
        open(&format!("http://{address}/"));
    }
    if let Some(otlp) = otlp {
        tokio::spawn(serve(viewer.clone(), otlp));
    }
    tokio::select! {
        () = serve(viewer, listener) => {}
        () = terminated() => {}
    }
    Ok(())
}

fn viewer(options: &Options) -> Viewer {
    let mut builder = Viewer::builder()
        .limits(options.limits)
        .strict_trace_id(options.strict_trace_id);
    for host in &options.hosts {
        builder = builder.allow_host(host);
    }
    for origin in &options.origins {
        builder = builder.allow_origin(origin);
    }
    if options.expose_to_network {
        builder = builder.allow_any_address();
    }
    if let Some(directory) = &options.page {
        builder = builder.page_directory(directory);
    }
    builder.build()
}

fn load(viewer: &Viewer, file: &Path) -> Result<(), String> {
    let name = file.display();
    let content = std::fs::read(file).map_err(|error| format!("--load {name}: {error}"))?;
    let spans = tower_b3_viewer::decode::any_export(&content);
    let spans = spans.map_err(|error| format!("--load {name}: {error}"))?;
    viewer.store().add(spans);
    Ok(())
}

/// `main`: where OTLP is accepted too.
async fn otlp_listener(otlp: Otlp, main: SocketAddr) -> Result<Option<TcpListener>, String> {
    match otlp {
        Otlp::Off => Ok(None),
        Otlp::IfFree => {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, OTLP_PORT));
            let listener = TcpListener::bind(address).await;
            let listener = listener.map_err(|error| {
                let why = in_use("--otlp", address, &error);
                eprintln!("tower-b3-viewer: OTLP is only at http://{main}/v1/traces: {why}");
            });
            Ok(listener.ok())
        }
        Otlp::At(address) => {
            let listener = TcpListener::bind(address).await;
            let listener = listener.map_err(|error| in_use("--otlp", address, &error))?;
            Ok(Some(listener))
        }
    }
}

/// Says who probably has the port, and what to do.
fn in_use(option: &str, address: SocketAddr, error: &io::Error) -> String {
    if error.kind() != io::ErrorKind::AddrInUse {
        return format!("cannot listen on {address}: {error}");
    }
    let owner = match address.port() {
        ZIPKIN_PORT => "probably a Zipkin, a Jaeger or another tower-b3-viewer",
        OTLP_PORT => "probably an OpenTelemetry Collector, a Jaeger or another tower-b3-viewer",
        _ => "another program",
    };
    let ip = address.ip();
    format!(
        "{address} is in use by {owner}; end that program, or choose another port with \
         {option} {ip}:PORT (0 for any free port)"
    )
}

/// Opens the page in the browser, if there is one.
fn open(url: &str) {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    let mut command = Command::new(program);
    command
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if let Err(error) = command.spawn() {
        eprintln!("tower-b3-viewer: --open: {program}: {error}");
    }
}

/// Waits for Ctrl-C, or a request to end.
async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut signal) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = signal.recv() => return,
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
    // Without a handler, the system ends the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
