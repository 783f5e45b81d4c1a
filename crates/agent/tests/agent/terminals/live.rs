//! The same on a real machine: a real pseudo-terminal, a real shell, real sockets.

#![allow(clippy::disallowed_methods, reason = "this test is the program that starts a runtime")]

use std::time::Duration;

use groundhog_agent::terminal::{TerminalConfig, TerminalCounts, Terminals};
use groundhog_host::{
    Address, Command, Host, Stream,
    live::{LiveConfig, LiveMachine},
};
use groundhog_wire::terminal::{Init, Input};

use super::{enter, join, rest, session, until};

/// Serves terminals on a real machine for as long as `story` takes.
fn live<F: Future<Output = ()>>(story: impl FnOnce(Host, Terminals, u16) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        let machine = LiveMachine::new("127.0.0.1", LiveConfig::new(folder.path())).expect("there is a runtime");
        let host = machine.host();
        let terminals = Terminals::new(host.clone(), TerminalConfig::default());
        let mut listener = host.listen(0).await.expect("a free port can be listened on");
        let (port, serving, serving_host) = (listener.port(), terminals.clone(), host.clone());
        host.spawn("listen", async move {
            while let Ok(stream) = listener.accept().await {
                let terminals = serving.clone();
                let shell = Command::new("/bin/sh").variable("PATH", "/usr/bin:/bin");
                serving_host.spawn("viewer", async move { terminals.serve(stream, shell).await }).detach();
            }
        })
        .detach();
        let told = tokio::time::timeout(Duration::from_secs(20), story(host, terminals, port)).await;
        told.expect("this takes moments, not seconds");
        machine.stop().await;
    });
}

async fn open(host: &Host, port: u16) -> Stream {
    host.connect(&Address::new("127.0.0.1", port)).await.expect("the machine listens")
}

#[test]
fn a_real_shell_is_typed_into_left_resized_joined_again_and_exited() {
    live(|host, terminals, port| async move {
        let mut stream = open(&host, port).await;
        let init = Init { id: session(1), height: 30, width: 100, command: String::new() };
        init.write(&mut stream).await.expect("the agent takes it");
        // What a login shell's profile makes of it differs; and written so, its echo is not taken for it.
        enter(&mut stream, "PS1='rea''dy> '\n").await;
        until(&mut stream, "ready> ").await;
        enter(&mut stream, "echo $((6 * 7)) $TERM; stty size\n").await;
        let seen = until(&mut stream, "ready> ").await;
        assert!(seen.contains("\r\n42 xterm-256color\r\n30 100\r\n"), "{seen:?}");
        drop(stream);

        let mut stream = open(&host, port).await;
        join(&mut stream, session(1), "").await;
        let replayed = until(&mut stream, "30 100\r\nready> ").await;
        assert!(replayed.contains("ready> echo"), "{replayed:?}");
        let resize = Input { height: 40, width: 120, ..Input::default() };
        resize.write(&mut stream).await.expect("the agent takes it");
        enter(&mut stream, "stty size\n").await;
        until(&mut stream, "\r\n40 120\r\nready> ").await;
        assert_eq!(terminals.counts().sessions, 1);
        enter(&mut stream, "exit\n").await;
        rest(&mut stream).await;
        assert_eq!(terminals.counts(), TerminalCounts::default());
    });
}

#[test]
fn a_long_output_of_a_quick_command_comes_whole() {
    live(|host, _, port| async move {
        let mut stream = open(&host, port).await;
        join(&mut stream, session(1), "seq 1 60000").await;
        let seen = rest(&mut stream).await;
        let all: String = (1..=60_000).map(|line| format!("{line}\r\n")).collect();
        assert!(seen == all, "{} bytes of {}", seen.len(), all.len());
    });
}

#[test]
fn closing_ends_a_real_process_that_does_not_want_to() {
    live(|host, terminals, port| async move {
        let mut stream = open(&host, port).await;
        join(&mut stream, session(1), "trap 'echo no' HUP; echo up; while true; do sleep 1; done").await;
        until(&mut stream, "up\r\n").await;
        let began = host.now();
        terminals.close().await;
        assert!(host.now() - began < Duration::from_secs(4), "it is killed after two seconds");
        rest(&mut stream).await;
    });
}
