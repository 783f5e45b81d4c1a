//! The live engine: the suite of every engine, and what only a real machine has.

#![allow(clippy::disallowed_methods, reason = "these tests are the program that makes machines and starts a runtime")]

mod conformance;
mod machine;

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicU8, Ordering},
};

use groundhog_host::live::{Directory, LiveConfig, LiveMachine};
use tempfile::TempDir;

/// Two machines that know each other, and the folder that holds their files.
struct Pair {
    a: LiveMachine,
    b: LiveMachine,
    folder: TempDir,
}

/// A fresh pair, on the runtime in which this is called.
fn pair() -> Pair {
    static PAIRS: AtomicU8 = AtomicU8::new(0);
    let number = PAIRS.fetch_add(1, Ordering::Relaxed);
    let folder = tempfile::tempdir().expect("there is room for a temporary folder");
    let directory = Directory::new();
    let machine = |name: &str, last_byte: u8| {
        let mut config = LiveConfig::new(folder.path().join(name));
        config.directory = directory.clone();
        // On Linux all of 127.0.0.0/8 is loopback, so that each machine has ports of its own, which no other test
        // can take, in this run or in one beside it. Elsewhere there is one address for all.
        if cfg!(target_os = "linux") {
            let run = 64 + (std::process::id() % 128) as u8;
            config.bind = IpAddr::V4(Ipv4Addr::new(127, run, number, last_byte));
        }
        LiveMachine::new(name, config).expect("a machine can be made in a runtime, over a folder that can be written")
    };
    Pair { a: machine("a", 1), b: machine("b", 2), folder }
}
