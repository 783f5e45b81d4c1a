//! The life of a channel's connection: made, shared, lost, made again, given up.

use std::time::Duration;

use groundhog_host::Address;
use groundhog_wire::{Channel, ChannelConfig, ConnectError, Endpoints, ServerConfig};
use tokio::join;

use crate::{
    service::{channel, client, identity, start, start_on, update},
    world::{World, soon},
};

#[tokio::test(start_paused = true)]
async fn calls_share_one_connection() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    assert!(world.attempts().is_empty() && !channel.is_open(), "nothing happens before the first call");
    let clone = channel.clone();
    let (first, second, connected) = join!(update(&channel, "a"), update(&clone, "b"), channel.connect());
    assert!(first.is_ok() && second.is_ok() && connected.is_ok());
    assert!(channel.is_open());
    assert_eq!(world.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_share_one_failure() {
    let world = World::new();
    world.hang_connects(true);
    let channel = channel(&world, ChannelConfig::default());
    let (first, second, connected) = join!(update(&channel, "a"), update(&channel, "b"), channel.connect());
    assert_eq!(first.expect_err("no answer").message(), second.expect_err("no answer").message());
    assert!(matches!(connected, Err(ConnectError::TimedOut { .. })));
    assert_eq!(world.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_outlives_the_call_that_began_it() {
    let world = World::new();
    world.hang_connects(true);
    let channel = channel(&world, ChannelConfig::default());
    let impatient = world.host("client").timeout(Duration::from_secs(4), update(&channel, "a")).await;
    assert!(impatient.is_err());
    assert!(channel.connect().await.is_err());
    assert_eq!((world.attempts().len(), world.elapsed().as_secs()), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_held_back_more_and_more() {
    let world = World::new();
    let channel = channel(&world, ChannelConfig::default());
    for _ in 0..16 {
        update(&channel, "job").await.expect_err("nobody listens");
    }
    let attempts = world.attempts();
    let waits: Vec<_> = attempts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis()).collect();
    // 50 ms times the powers of the golden ratio, each rounded up to the clock's millisecond.
    assert!((80..=82).contains(&waits[0]) && (130..=132).contains(&waits[1]), "{waits:?}");
    assert!(waits.is_sorted());
    assert_eq!(waits[14], 10_000);

    // One's own patience counts: after a pause there is nothing to wait for.
    world.host("client").sleep(Duration::from_secs(60)).await;
    let before = world.elapsed();
    update(&channel, "job").await.expect_err("nobody listens");
    assert_eq!(world.attempts().last(), Some(&before));
}

#[tokio::test(start_paused = true)]
async fn a_restarted_server_is_found_again_and_the_back_off_starts_anew() {
    let world = World::new();
    let first = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    update(&channel, "job").await.expect("the server is there");
    first.shutdown.cancel();
    let (_, ()) = join!(soon(channel.closed()), first.ended.cancelled());
    for _ in 0..12 {
        update(&channel, "job").await.expect_err("the server is gone");
    }
    let down = world.elapsed();
    assert!(down > Duration::from_secs(10));

    start(&world, ServerConfig::default()).await;
    update(&channel, "job").await.expect("the server is back");
    // That connection answered, so when it breaks the next attempt is immediate.
    world.reset();
    soon(channel.closed()).await;
    let before = world.elapsed();
    update(&channel, "job").await.expect("the server is back");
    assert_eq!(world.attempts().last(), Some(&before));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_closes_is_backed_off_from() {
    let world = World::new();
    // It takes no connection at all.
    start(&world, ServerConfig { connections_max: 0, ..ServerConfig::default() }).await;
    let channel = channel(&world, ChannelConfig::default());
    for _ in 0..10 {
        // Depending on which end is quicker the connection breaks before the call or during it.
        update(&channel, "job").await.expect_err("it never answers");
    }
    let attempts = world.attempts();
    assert!(attempts.len() >= 10);
    assert!(*attempts.last().expect("there are some") > Duration::from_secs(5), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_connect_and_closed_needs_no_wait_of_its_own() {
    let world = World::new();
    let channel = channel(&world, ChannelConfig::default());
    while world.elapsed() < Duration::from_secs(60) {
        match channel.connect().await {
            Ok(()) => channel.closed().await,
            Err(_) => channel.closed().await,
        }
    }
    assert!(world.attempts().len() < 20, "{:?}", world.attempts());
    start(&world, ServerConfig::default()).await;
    channel.connect().await.expect("the server is there");
    let ended = world.host("client").timeout(Duration::from_secs(300), channel.closed()).await;
    assert!(ended.is_err(), "an idle connection stays for good");
}

#[tokio::test(start_paused = true)]
async fn keep_alive_finds_an_idle_connection_dead_on_both_ends() {
    for full in [false, true] {
        let world = World::new();
        start(&world, ServerConfig::default()).await;
        let channel = channel(&world, ChannelConfig::default());
        update(&channel, "job").await.expect("the server is there");
        let cut = world.elapsed();
        if full {
            world.cut_full()
        } else {
            world.cut()
        }
        soon(channel.closed()).await;
        assert_eq!((world.elapsed() - cut).as_secs(), 40);
        update(&channel, "job").await.expect("a new connection is sound");
        // Two ends are left, the new connection's: the server let go of the dead one too.
        world.ends_open(2).await;
        assert!((world.elapsed() - cut).as_secs() <= 80, "{:?}", world.elapsed() - cut);
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_bounded() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig { calls_max: 2, ..ChannelConfig::default() });
    let host = world.host("client");
    let calls = async { join!(update(&channel, "wait"), update(&channel, "wait"), update(&channel, "wait")) };
    let ((first, second, third), ()) = join!(calls, async {
        server.desk.waiting(2).await;
        assert!(host.timeout(Duration::from_secs(1), server.desk.waiting(3)).await.is_err(), "the third one waits");
        server.desk.bell.notify_one();
        server.desk.waiting(1).await;
        server.desk.waiting(2).await;
        server.desk.bell.notify_waiters();
    });
    assert!(first.is_ok() && second.is_ok() && third.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_in_flight_until_it_ends_or_is_dropped() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig { calls_max: 1, ..ChannelConfig::default() });
    let host = world.host("client");
    let answers = client(&channel).acquire_job(tokio_stream::pending()).await.expect("the server takes it");
    assert!(host.timeout(Duration::from_secs(1), update(&channel, "job")).await.is_err(), "the stream is open");
    drop(answers);
    update(&channel, "job").await.expect("the stream was dropped");

    let mut ended = client(&channel).acquire_job(tokio_stream::empty()).await.expect("taken").into_inner();
    assert!(ended.message().await.expect("no fault").is_none());
    update(&channel, "job").await.expect("the stream has ended, though it is still held");
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_closes_the_connection() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let clone: Channel = channel.clone();
    channel.connect().await.expect("the server is there");
    drop(channel);
    update(&clone, "job").await.expect("a clone holds it open");
    world.ends_open(2).await;
    drop(clone);
    world.ends_open(0).await;
    assert_eq!(world.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_attempt() {
    let world = World::new();
    let channel = channel(&world, ChannelConfig::default());
    for _ in 0..10 {
        channel.connect().await.expect_err("nobody listens");
    }
    let host = world.host("client");
    assert!(host.timeout(Duration::from_millis(1), channel.connect()).await.is_err(), "it is held back");
    let attempts = world.attempts().len();
    drop(channel);
    host.sleep(Duration::from_secs(60)).await;
    assert_eq!(world.attempts().len(), attempts);
}

#[tokio::test(start_paused = true)]
async fn replicas_are_tried_in_turn_and_a_good_one_is_kept() {
    let world = World::new();
    let at = |host: &str| Address::new(host, 443);
    let endpoints = Endpoints::new(at("one"), vec![at("two"), at("three")]);
    let channel = Channel::new(&world.host("client"), endpoints, identity(), ChannelConfig::default());
    let (two, _) = start_on(&world.host("two"), 443, ServerConfig::default()).await;
    assert_eq!(channel.address(), at("one"));
    update(&channel, "job").await.expect_err("nobody listens at the first one");
    update(&channel, "job").await.expect("the second one is there");
    assert_eq!(channel.address(), at("two"));

    // A connection that broke says nothing against its end.
    world.reset();
    soon(channel.closed()).await;
    update(&channel, "job").await.expect("the second one is still there");
    assert_eq!(channel.address(), at("two"));

    two.shutdown.cancel();
    let (_, ()) = join!(soon(channel.closed()), two.ended.cancelled());
    let (_one, _) = start_on(&world.host("one"), 443, ServerConfig::default()).await;
    for gone in ["two", "three"] {
        let error = update(&channel, "job").await.expect_err("nobody listens there");
        assert!(error.message().contains(gone), "{}", error.message());
    }
    update(&channel, "job").await.expect("the first one is there now");
    assert_eq!(channel.address(), at("one"));
}
