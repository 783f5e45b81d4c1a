//! `groundhog serve`: the platform's components, each as a program on this machine.

use groundhog_serve::arguments::ServeArguments;

use crate::{exit::Exit, version::version};

/// Runs a component until it ends.
pub fn run(arguments: &ServeArguments) -> Exit {
    match groundhog_serve::serve(arguments, version()) {
        groundhog_serve::Exit::Clean => Exit::Good,
        groundhog_serve::Exit::Broken => Exit::Failed,
        groundhog_serve::Exit::BadArguments => Exit::BadInput,
    }
}
