//! The program `mixlens`. Everything it does is in the library, so that tests can build it, too.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::run()
}
