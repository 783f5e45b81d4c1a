//! The answering end: its bounds, and how it ends.

use std::{sync::Arc, time::Duration};

use groundhog_host::Host;
use groundhog_wire::{ChannelConfig, Fault, Routes, ServerConfig, serve};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    join,
};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{
    service::{address, channel, start, update},
    world::{World, soon},
};

#[tokio::test(start_paused = true)]
async fn shutdown_lets_calls_end_and_takes_no_new_ones() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let (result, ()) = join!(update(&channel, "wait"), async {
        server.desk.waiting(1).await;
        server.shutdown.cancel();
        // The paused clock moves when nothing else does: by then the word has arrived.
        world.host("client").sleep(Duration::from_millis(1)).await;
        let status = update(&channel, "job").await.expect_err("the listener is closed");
        assert!(matches!(Fault::of(&status), Some(Fault::Connect(_))), "it was not sent the old way: {status:?}");
        soon(channel.closed()).await;
        server.desk.bell.notify_one();
    });
    result.expect("the call in flight was answered");
    soon(server.ended.cancelled()).await;
    world.ends_open(0).await;
    assert!(world.elapsed() < Duration::from_secs(1), "nobody waited for the grace to pass");
}

#[tokio::test(start_paused = true)]
async fn connections_are_bounded() {
    let world = World::new();
    start(&world, ServerConfig { connections_max: 1, ..ServerConfig::default() }).await;
    let (first, second) = (channel(&world, ChannelConfig::default()), channel(&world, ChannelConfig::default()));
    update(&first, "job").await.expect("there is room for one");
    update(&second, "job").await.expect_err("there is no room");
    drop(first);
    world.ends_open(0).await;
    update(&second, "job").await.expect("there is room again");
}

async fn end_of(host: &Host, bytes: &[u8]) -> usize {
    let mut stream = host.connect(&address()).await.expect("the server is there");
    stream.write_all(bytes).await.expect("there is room in the window");
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.expect("the server closes")
}

#[tokio::test(start_paused = true)]
async fn who_does_not_begin_with_http2_is_closed() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let host = world.host("client");
    assert_eq!(end_of(&host, b"GET / HTTP/1.1\r\nHost: server\r\n\r\n").await, 0);
    assert_eq!(world.elapsed(), Duration::ZERO, "what is certainly wrong is closed at once");
    assert_eq!(end_of(&host, b"").await, 0);
    assert_eq!(world.elapsed().as_secs(), 10, "silence is closed after the time-out");
    assert_eq!(end_of(&host, b"PRI * HTTP").await, 0);
    assert_eq!(world.elapsed().as_secs(), 20, "and so is half a preface");
    // The preface and nothing more: settings and pings come, and keep-alive ends it.
    assert!(end_of(&host, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await > 0);
    assert_eq!(world.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn failing_accepts_are_backed_off_from_and_do_not_end_the_server() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    for _ in 0..8 {
        world.fail_accept(&address());
    }
    update(&channel(&world, ChannelConfig::default()), "job").await.expect("the server went on");
    assert!((300..=1_000).contains(&world.elapsed().as_millis()), "{:?}", world.elapsed());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_server_ends_its_connections() {
    let world = World::new();
    let host = world.host("server");
    let listener = host.listen(address().port).await.expect("the port is free");
    let channel = channel(&world, ChannelConfig::default());
    let serving = serve(&host, listener, Routes::new(), ServerConfig::default(), CancellationToken::new());
    tokio::select! {
        biased;
        // First the answer, and with it the end of the server.
        answer = update(&channel, "job") => assert_eq!(answer.expect_err("no service").code(), Code::Unimplemented),
        () = serving => unreachable!("nobody shut it down"),
    }
    soon(channel.closed()).await;
    world.ends_open(0).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_without_connections_ends_at_once() {
    let world: Arc<World> = World::new();
    let server = start(&world, ServerConfig::default()).await;
    server.shutdown.cancel();
    soon(server.ended.cancelled()).await;
    assert_eq!(world.elapsed(), Duration::ZERO);
}
