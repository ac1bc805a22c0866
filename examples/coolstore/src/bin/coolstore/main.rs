//! The whole shop in one process. It sends a few requests to itself, prints their traces, and shows
//! them in a page.
//!
//! ```sh
//! cargo run -p coolstore
//! ```

mod demo;
mod shop;
mod traces;

use coolstore::{logging::log_to_stderr, server::stop_signal};
use futures_util::future::{FutureExt, select};
use shop::{Failure, Shop, Stop};
use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};
use tokio::sync::oneshot;
use tracing_subscriber::filter::LevelFilter;

const USAGE: &str = "\
usage: coolstore [--once]

The whole shop in one process. It sends a few requests, prints their traces, and shows them in a page.

  --once    End when the traces are printed, instead of serving on until Ctrl-C";

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let once = match arguments.as_slice() {
        [] => false,
        [flag] if flag == "--once" => true,
        _ => {
            let _ = writeln!(io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    };
    log_to_stderr(LevelFilter::ERROR);
    match run(once).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, the error cannot be reported.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(once: bool) -> Result<(), Failure> {
    let (close, closed) = oneshot::channel();
    let stop: Stop = select(Box::pin(stop_signal()?), closed)
        .map(drop)
        .boxed()
        .shared();
    let shop = Shop::open(stop.clone(), !once).await?;
    tokio::select! {
        shown = demo::run(&shop) => shown?,
        () = stop.clone() => {}
    }
    if !once {
        print(&shop.invitation())?;
        stop.await;
    }
    // After a signal the receiver is gone.
    let _ = close.send(());
    shop.close().await
}

/// Prints a line. If standard output is closed that is an error, where `println!` would panic.
fn print(text: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
