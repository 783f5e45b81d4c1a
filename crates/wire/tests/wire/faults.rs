//! Each way in which a call fails: its code, whether it is a fault of the way or the server's word, and whether
//! it is worth another try.

use std::time::Duration;

use groundhog_host::Host;
use groundhog_wire::{
    Channel, ChannelConfig, ConnectError, Fault, ServerConfig, call, retryable,
    v1::{CommitQuotaRequest, UpdateJobRequest, provisioner_daemons_client::ProvisionerDaemonsClient},
};
use tokio::join;
use tokio_stream::StreamExt;
use tonic::{Code, Status};

use crate::{
    service::{Client, channel, client, start, too_large, update},
    world::World,
};

fn is_refusal(status: &Status, code: Code) {
    assert_eq!(status.code(), code, "{status:?}");
    assert!(Fault::of(status).is_none(), "{status:?}");
    assert!(!retryable(status), "{status:?}");
}

fn is_broken(status: &Status) {
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(matches!(Fault::of(status), Some(Fault::Broken { .. })), "{status:?}");
    assert!(status.message().contains("server:443"), "{status:?}");
    assert!(retryable(status), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn connection_refused() {
    let world = World::new();
    let status = update(&channel(&world, ChannelConfig::default()), "job").await.expect_err("nobody listens");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "cannot connect to server:443: connection refused");
    assert!(matches!(Fault::of(&status), Some(Fault::Connect(ConnectError::Network { .. }))));
    assert!(retryable(&status));
}

#[tokio::test(start_paused = true)]
async fn connect_without_an_answer() {
    let world = World::new();
    world.hang_connects(true);
    let status = update(&channel(&world, ChannelConfig::default()), "job").await.expect_err("nobody answers");
    assert_eq!(status.message(), "cannot connect to server:443: no answer within 10s");
    assert!(retryable(&status));
    assert_eq!(world.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn connection_reset_before_the_answer() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let (result, ()) = join!(update(&channel, "wait"), async {
        server.desk.waiting(1).await;
        world.reset();
    });
    is_broken(&result.expect_err("the connection was reset"));
    // The server notices as well and stops working on the call.
    server.desk.waiting(0).await;
}

#[tokio::test(start_paused = true)]
async fn connection_reset_within_the_answer() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let requests = tokio_stream::pending();
    let mut answers = client(&channel).acquire_job(requests).await.expect("the server takes it").into_inner();
    world.reset();
    is_broken(&answers.message().await.expect_err("the connection was reset"));
}

#[tokio::test(start_paused = true)]
async fn server_shut_down_for_good_during_the_call() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let (result, ()) = join!(update(&channel, "wait"), async {
        server.desk.waiting(1).await;
        server.shutdown.cancel();
        server.ended.cancelled().await;
    });
    assert_eq!(world.elapsed().as_secs(), 5, "the grace was granted");
    is_broken(&result.expect_err("the grace was over"));
    server.desk.waiting(0).await;
    let status = update(&channel, "job").await.expect_err("nobody listens");
    assert!(matches!(Fault::of(&status), Some(Fault::Connect(_))), "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn connection_dead_without_a_word() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let (result, ()) = join!(update(&channel, "wait"), async {
        server.desk.waiting(1).await;
        world.cut();
    });
    is_broken(&result.expect_err("the server is out of reach"));
    assert_eq!(world.elapsed().as_secs(), 40, "keep-alive noticed: interval and time-out");
}

#[tokio::test(start_paused = true)]
async fn deadline() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let host: Host = world.host("client");
    let status = call(&host, Duration::from_secs(3), update(&channel, "wait")).await.expect_err("it never answers");
    assert_eq!((status.code(), status.message()), (Code::DeadlineExceeded, "no answer within 3s"));
    assert!(retryable(&status));
    assert!(matches!(Fault::of(&status), Some(Fault::Deadline { .. })));
    // The word that nobody waits any more has reached the server.
    server.desk.waiting(0).await;
    assert!(call(&host, Duration::ZERO, async { Ok(()) }).await.is_ok(), "what is ready wins over no time at all");
}

#[tokio::test(start_paused = true)]
async fn what_the_server_says() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    is_refusal(&update(&channel, "precondition").await.expect_err("it is refused"), Code::FailedPrecondition);
    let quota = client(&channel).commit_quota(CommitQuotaRequest::default()).await;
    is_refusal(&quota.expect_err("it is refused"), Code::Unimplemented);

    let unavailable = update(&channel, "unavailable").await.expect_err("it is refused");
    assert!(Fault::of(&unavailable).is_none(), "the server's own word");
    assert!(retryable(&unavailable), "and yet worth another try: {unavailable:?}");
    for code in [Code::Unauthenticated, Code::ResourceExhausted, Code::Internal, Code::Unknown, Code::Cancelled] {
        assert!(!retryable(&Status::new(code, "said the server")));
    }
}

#[tokio::test(start_paused = true)]
async fn too_large_a_message_is_not_sent() {
    let world = World::new();
    let server = start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    is_refusal(&update(&channel, &too_large()).await.expect_err("it is too large"), Code::OutOfRange);
    assert_eq!(server.desk.calls.load(std::sync::atomic::Ordering::Relaxed), 0);
    // Amid a stream the same.
    let want = |kind: String| {
        use groundhog_wire::v1::{AcquireJobRequest, Want, acquire_job_request::Kind};
        let want = Want { provisioner_types: vec![kind], ..Want::default() };
        AcquireJobRequest { kind: Some(Kind::Want(want)) }
    };
    let requests = tokio_stream::iter([want("small".to_owned()), want(too_large())]);
    let requests = requests.chain(tokio_stream::pending());
    match client(&channel).acquire_job(requests).await {
        Err(status) => is_refusal(&status, Code::OutOfRange),
        Ok(answers) => {
            let mut answers = answers.into_inner();
            let status = loop {
                match answers.message().await {
                    Ok(answer) => assert!(answer.is_some(), "it ended well"),
                    Err(status) => break status,
                }
            };
            is_refusal(&status, Code::OutOfRange);
        }
    }
    update(&channel, "job").await.expect("the connection is still good");
    assert_eq!(world.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn too_large_a_message_is_not_taken() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let mut client: ProvisionerDaemonsClient<Channel> = Client::new(channel.clone());
    let request = UpdateJobRequest { job_id: too_large(), logs: Vec::new(), ..UpdateJobRequest::default() };
    is_refusal(&client.update_job(request).await.expect_err("it is too large"), Code::OutOfRange);
    update(&channel, "job").await.expect("the connection is still good");
}
