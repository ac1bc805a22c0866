//! The service that knows the shop's items, as a program: see `--help`.
//!
//! ```sh
//! cargo run --bin catalog -- --zipkin http://localhost:9411/api/v2/spans
//! ```

use clap::Parser;
use coolstore::catalog;
use coolstore_services::{
    options::{self, Options},
    run::run,
};
use std::process::ExitCode;

/// The shop's items. `POST /blowup` makes it slow or failing.
#[derive(Parser)]
#[command(name = "catalog")]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match options::parse::<Cli>("127.0.0.1:8081") {
        Ok(cli) => run("catalog", &cli.options, catalog::router),
        Err(code) => code,
    }
}
