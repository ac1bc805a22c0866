//! What the shop's customers call, as a service: see `--help`.
//!
//! ```sh
//! cargo run --example webapp --all-features -- --zipkin http://localhost:9411/api/v2/spans
//! ```

use clap::Parser;
use std::process::ExitCode;

mod shop {
    pub mod options;
    pub mod run;
    pub mod serve;
    pub mod webapp;
}

use shop::{
    options,
    run::run,
    webapp::{self, CatalogUrl},
};

/// What the shop's customers call. It asks the catalog for everything.
#[derive(Parser)]
#[command(name = "webapp")]
struct Cli {
    #[command(flatten)]
    options: options::Options,

    /// Where the catalog is
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
