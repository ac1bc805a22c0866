//! The program: a collector of traces for development, with a page.

mod cli;
mod run;

use std::process::ExitCode;

fn main() -> ExitCode {
    match cli::parse(std::env::args_os()) {
        Ok(cli::Command::Run(options)) => run::run(options),
        Ok(cli::Command::Help) => {
            print!("{}", cli::HELP);
            ExitCode::SUCCESS
        }
        Ok(cli::Command::Version) => {
            println!("tower-b3-viewer {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("tower-b3-viewer: {error}");
            ExitCode::from(2)
        }
    }
}
