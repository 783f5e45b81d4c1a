//! Servers that keep to HTTP/2 and not to gRPC: the calling end must neither panic nor mistake them.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use groundhog_host::{Address, Host};
use groundhog_wire::{Channel, ChannelConfig, Fault, Routes, ServerConfig, retryable, serve};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::{Body as HttpBody, Frame};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body, server::NamedService};
use tower_service::Service;

use crate::{
    service::{address, channel, identity, start_on, update},
    world::World,
};

/// Answers every call alike.
#[derive(Clone)]
struct Rude(fn() -> Response<Body>);

impl NamedService for Rude {
    const NAME: &'static str = "groundhog.v1.ProvisionerDaemons";
}

impl Service<Request<Body>> for Rude {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok((self.0)()))
    }
}

/// A body of these frames.
struct Frames(Vec<Frame<Bytes>>);

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Poll::Ready(self.0.pop().map(Ok))
    }
}

async fn answer_to_a_call(answer: fn() -> Response<Body>) -> Status {
    let world = World::new();
    let host: Host = world.host("server");
    let listener = host.listen(address().port).await.expect("the port is free");
    let on = host.clone();
    let routes = Routes::new().add(Rude(answer));
    let task = async move { serve(&on, listener, routes, ServerConfig::default(), CancellationToken::new()).await };
    host.spawn("serve", task).detach();
    update(&channel(&world, ChannelConfig::default()), "job").await.expect_err("it is no answer")
}

fn verdict(code: Code) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("grpc-status", HeaderValue::from(code as i32));
    // tonic panics on details that are not base64.
    headers.insert("grpc-status-details-bin", HeaderValue::from_static("!!!"));
    headers
}

#[tokio::test(start_paused = true)]
async fn details_that_are_not_base64() {
    let in_headers = || {
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = verdict(Code::Aborted);
        response
    };
    assert_eq!(answer_to_a_call(in_headers).await.code(), Code::Aborted);
    let in_trailers = || Response::new(Body::new(Frames(vec![Frame::trailers(verdict(Code::Aborted))])));
    assert_eq!(answer_to_a_call(in_trailers).await.code(), Code::Aborted);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_verdict() {
    for answer in [
        || Response::new(Body::empty()),
        || Response::new(Body::new(Frames(vec![Frame::data(Bytes::from_static(&[0, 0, 0, 0, 9, 1]))]))),
    ] {
        let status = answer_to_a_call(answer).await;
        assert!(matches!(Fault::of(&status), Some(Fault::CutShort { .. })), "{status:?}");
        assert_eq!(status.message(), "the answer of server:443 was cut short");
        assert!(retryable(&status));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_grpc() {
    for (answer, code) in [
        (plain::<503> as fn() -> Response<Body>, Code::Unavailable),
        (plain::<404>, Code::Unimplemented),
        (plain::<431>, Code::Unknown),
    ] {
        let status = answer_to_a_call(answer).await;
        assert_eq!(status.code(), code);
        assert_eq!(retryable(&status), code == Code::Unavailable);
    }
}

fn plain<const STATUS: u16>() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(STATUS).expect("a status of HTTP");
    response
}

#[tokio::test(start_paused = true)]
async fn a_name_that_no_uri_can_express() {
    let world = World::new();
    let odd = "the server, of course";
    let (_server, port) = start_on(&world.host(odd), 443, ServerConfig::default()).await;
    let config = ChannelConfig::default();
    let channel = Channel::new(&world.host("client"), Address::new(odd, port), identity(), config);
    update(&channel, "job").await.expect("a name is the engine's affair");
}
