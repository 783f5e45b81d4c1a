//! The essentials again on the live engine: real sockets, the real clock. Each test waits for what it awaits, so
//! a slow machine makes it slow and not wrong.

use std::time::Duration;

use groundhog_host::{
    Address,
    live::{Directory, LiveConfig, LiveMachine},
};
use groundhog_wire::{Channel, ChannelConfig, Fault, ServerConfig, retryable};
use tempfile::TempDir;
use tokio::join;

use crate::{
    service::{client, identity, start_on, update},
    world::soon,
};

/// Machines that know each other by name, each with its files below the folder.
fn machine(name: &'static str, directory: &Directory, folder: &TempDir) -> LiveMachine {
    let mut config = LiveConfig::new(folder.path().join(name));
    config.directory = directory.clone();
    LiveMachine::new(name, config).expect("there is a runtime here, and the folder is ours")
}

#[tokio::test]
async fn a_server_is_called_lost_and_found_again() {
    let (directory, folder) = (Directory::new(), TempDir::new().expect("a folder for temporary files"));
    let (caller, first) = (machine("client", &directory, &folder), machine("server", &directory, &folder));
    let (server, port) = start_on(&first.host(), 0, ServerConfig::default()).await;
    let channel = Channel::new(&caller.host(), Address::new("server", port), identity(), ChannelConfig::default());
    update(&channel, "job").await.expect("the server is there");
    let mut answers = client(&channel).acquire_job(tokio_stream::empty()).await.expect("taken").into_inner();
    assert!(answers.message().await.expect("no fault").is_none());

    // The machine goes down with a call in flight.
    let (result, ()) = join!(update(&channel, "wait"), async {
        server.desk.waiting(1).await;
        first.stop().await;
    });
    let status = result.expect_err("the machine is gone");
    assert!(retryable(&status) && Fault::of(&status).is_some(), "{status:?}");
    soon(channel.closed()).await;
    let status = update(&channel, "job").await.expect_err("nobody listens");
    assert!(matches!(Fault::of(&status), Some(Fault::Connect(_))), "{status:?}");

    let second = machine("server", &directory, &folder);
    let (server, _) = start_on(&second.host(), port, ServerConfig::default()).await;
    update(&channel, "job").await.expect("the server is back");
    drop(channel);
    server.shutdown.cancel();
    soon(server.ended.cancelled()).await;
}

#[tokio::test]
async fn keep_alive_finds_a_peer_that_accepts_and_says_nothing() {
    let (directory, folder) = (Directory::new(), TempDir::new().expect("a folder for temporary files"));
    let (caller, mute) = (machine("client", &directory, &folder), machine("mute", &directory, &folder));
    let mut listener = mute.host().listen(0).await.expect("a free port");
    let config = ChannelConfig {
        keep_alive_interval: Duration::from_millis(50),
        keep_alive_timeout: Duration::from_millis(50),
        ..ChannelConfig::default()
    };
    let channel = Channel::new(&caller.host(), Address::new("mute", listener.port()), identity(), config);
    let (result, held) = join!(update(&channel, "job"), listener.accept());
    let status = result.expect_err("nobody answers");
    assert!(matches!(Fault::of(&status), Some(Fault::Broken { .. })), "{status:?}");
    soon(channel.closed()).await;
    drop(held);
}
