//! Work around the build that cargo itself does not do. `cargo run -p xtask -- site` lays out what the browser downloads,
//! in the layout of `cargo leptos build`; `-- engine` makes the modules with which `scripts/same-bits` compares.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks on the terminal"
)]

mod css;
mod engine;
mod js;
mod site;
mod wasm;
mod workspace;

use std::process::ExitCode;

/// What went wrong and where, in words for whoever ran the command.
type Result<T> = std::result::Result<T, String>;

/// How much work goes into the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Quick to build: cargo's `dev` profile, no `wasm-opt`, no compression, no size limit.
    Dev,
    /// What is deployed and what the browser tests see.
    Release,
}

const USAGE: &str = "\
usage: cargo run -p xtask -- site [--release | --dev]
       cargo run -p xtask -- engine

  --release  small: profile wasm-release, wasm-opt, full compression, size limit (the default)
  --dev      quick: profile dev, none of these
  engine     the engine as modules for node, below target/engine";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let built = match arguments.as_slice() {
        ["site"] | ["site", "--release"] => site::build(Mode::Release),
        ["site", "--dev"] => site::build(Mode::Dev),
        ["engine"] => engine::build(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match built {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
