//! The `groundhog` program: from a command line to an exit status.
//!
//! - [`arguments`]: what can be asked.
//! - [`commands`]: a file per command.
//! - [`pool`]: many runs on several threads, with results in order.
//! - [`mod@version`]: which code this is.
//! - [`exit`]: what the exit status says.
//!
//! Results go to standard output, progress and diagnostics to standard error, colour to terminals only.
//!
//! Architecture invariant: nothing is judged here. What a run means is the stage's business.

pub mod arguments;
pub mod commands;
pub mod exit;
pub mod pool;
pub mod version;

use std::{ffi::OsString, io};

use clap::Parser;

use crate::{
    arguments::{Arguments, Command, PrebuildsCommand},
    exit::Exit,
};

/// Runs the program with `arguments`, its own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are answers; everything else is a mistake in the command line.
            let exit = if error.use_stderr() { Exit::BadInput } else { Exit::Good };
            // Nobody is left to tell if even this can't be written.
            let _ = error.print();
            return exit;
        }
    };
    let outcome = match arguments.command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Fuzz(arguments) => commands::fuzz::run(&arguments),
        Command::Merge(arguments) => commands::merge::run(&arguments),
        Command::Replay(arguments) => commands::replay::run(&arguments),
        Command::Shrink(arguments) => commands::shrink::run(&arguments),
        Command::Check(arguments) => commands::check::run(&arguments),
        Command::Diff(arguments) => commands::diff::run(&arguments),
        Command::Elsewhere(arguments) => commands::check::elsewhere::serve(&arguments),
        Command::List(arguments) => commands::list::run(&arguments),
        Command::Invariants(arguments) => commands::invariants::run(arguments.format),
        Command::Fsm(arguments) => commands::fsm::run(&arguments),
        Command::Prebuilds(PrebuildsCommand::Plan(arguments)) => commands::plan::run(&arguments),
        Command::Serve(arguments) => Ok(commands::serve::run(&arguments)),
        Command::User(arguments) => commands::user::run(&arguments),
        Command::Events(arguments) => commands::events::run(arguments.format),
        Command::Tools(arguments) => commands::tools::run(arguments.format),
    };
    match outcome {
        Ok(exit) => exit,
        // Whoever read the output has seen enough: `groundhog events | head`.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Good,
        Err(error) => {
            anstream::eprintln!("groundhog: {error}");
            Exit::Broken
        }
    }
}
