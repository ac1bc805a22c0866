//! The shop's catalogue of items, as a service: see `--help`.
//!
//! ```sh
//! cargo run --example catalog --all-features -- --zipkin http://localhost:9411/api/v2/spans
//! ```

use clap::Parser;
use std::process::ExitCode;

mod shop {
    pub mod catalog;
    pub mod options;
    pub mod run;
    pub mod serve;
}

use shop::{catalog, options, run::run};

/// The shop's catalogue of items. `POST /blowup` makes it slow or failing.
#[derive(Parser)]
#[command(name = "catalog")]
struct Cli {
    #[command(flatten)]
    options: options::Options,
}

fn main() -> ExitCode {
    match options::parse::<Cli>("127.0.0.1:8081") {
        Ok(cli) => run("catalog", &cli.options, catalog::router),
        Err(code) => code,
    }
}
