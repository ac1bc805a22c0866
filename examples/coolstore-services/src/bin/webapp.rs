//! The service that the shop's customers call, as a program: see `--help`.
//!
//! ```sh
//! cargo run --bin webapp -- --zipkin http://localhost:9411/api/v2/spans
//! ```

use clap::Parser;
use coolstore::webapp::{self, CatalogUrl};
use coolstore_services::{
    options::{self, Options},
    run::run,
};
use std::process::ExitCode;

/// What the shop's customers call. It asks the catalog for everything.
#[derive(Parser)]
#[command(name = "webapp")]
struct Cli {
    #[command(flatten)]
    options: Options,

    /// The URL of the catalog
    #[arg(
        long,
        value_name = "URL",
        env = "SHOP_CATALOG",
        default_value = "http://127.0.0.1:8081"
    )]
    catalog: CatalogUrl,
}

fn main() -> ExitCode {
    let cli: Cli = match options::parse("127.0.0.1:8080") {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    run("webapp", &cli.options, |traced| {
        webapp::router(traced, cli.catalog)
    })
}
