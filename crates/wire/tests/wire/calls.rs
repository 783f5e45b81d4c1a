//! Calls that arrive: unary and streaming, with the caller's identity; and those that the server refuses.

use groundhog_wire::{
    Channel, ChannelConfig, Identity, Limited, Secret, ServerConfig,
    v1::{
        AcquireJobRequest, CancelAcquire, GetBuildRequest, Want, acquire_job_request::Kind,
        workspaces_client::WorkspacesClient,
    },
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::{
    service::{address, channel, client, start, update},
    world::World,
};

#[tokio::test(start_paused = true)]
async fn a_unary_call_carries_the_identity() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let answer = update(&channel(&world, ChannelConfig::default()), "job").await.expect("the server answers");
    assert!(answer.canceled, "the service says so when the daemon's name arrived");
}

#[tokio::test(start_paused = true)]
async fn a_bidirectional_call_answers_message_by_message() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let (sender, requests) = mpsc::channel(1);
    let mut client = client(&channel(&world, ChannelConfig::default()));
    let mut answers =
        client.acquire_job(ReceiverStream::new(requests)).await.expect("the server takes the stream").into_inner();

    for types in [["scripted"], ["terraform"]] {
        let want = Want { provisioner_types: types.map(str::to_owned).to_vec(), ..Want::default() };
        sender.send(AcquireJobRequest { kind: Some(Kind::Want(want)) }).await.expect("the call is open");
        let answer = answers.message().await.expect("no fault").expect("one answer a request");
        assert_eq!(answer.job.expect("a job").job_id, types[0]);
    }
    sender.send(AcquireJobRequest { kind: Some(Kind::Cancel(CancelAcquire {})) }).await.expect("the call is open");
    assert_eq!(answers.message().await.expect("no fault").expect("one answer a request").job, None);
    drop(sender);
    assert!(answers.message().await.expect("no fault").is_none(), "the stream ends when the requests do");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_refused() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let identity = Identity::user(Secret::new("wrong").expect("a legal token"));
    let channel = Channel::new(&world.host("client"), address(), identity, ChannelConfig::default());
    let status = update(&channel, "job").await.expect_err("the key is wrong");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "unknown key"));
}

#[tokio::test(start_paused = true)]
async fn a_person_is_no_daemon() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let identity = Identity::user(Secret::new("token").expect("a legal token"));
    let channel = Channel::new(&world.host("client"), address(), identity, ChannelConfig::default());
    let status = client(&channel).acquire_job(tokio_stream::empty()).await.expect_err("there is no name");
    assert_eq!(status.code(), Code::Unauthenticated);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_service_is_unimplemented() {
    let world = World::new();
    start(&world, ServerConfig::default()).await;
    let channel = channel(&world, ChannelConfig::default());
    let request = GetBuildRequest { build: None };
    let status = WorkspacesClient::new(channel).limited().get_build(request).await.expect_err("it is not served");
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "there is no service \"groundhog.v1.Workspaces\" here");
}
