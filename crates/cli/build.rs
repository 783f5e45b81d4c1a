//! Tells the program which commit it is built from, as far as that is known.

#![allow(clippy::disallowed_methods, reason = "a build script runs on the machine that builds")]

use std::{path::Path, process::Command};

fn main() {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    };
    println!("cargo::rerun-if-changed=build.rs");
    // The log of HEAD grows with every commit and checkout; a source archive has none.
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    let commit = git(&["rev-parse", "--short=12", "HEAD"]).unwrap_or_default();
    println!("cargo::rustc-env=GROUNDHOG_COMMIT={commit}");
}
