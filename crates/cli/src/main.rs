//! The `groundhog` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    groundhog_cli::main(std::env::args_os()).into()
}
