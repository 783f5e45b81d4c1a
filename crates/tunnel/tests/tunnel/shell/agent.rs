//! An agent of a few lines: it lets in whoever has the secret, and serves a terminal and a port.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use groundhog_host::{Host, Stream};
use groundhog_wire::{
    agent_port,
    resumable::{Refused, ResumableStream, StreamHandle, hello},
    terminal::{Init, Input},
    v1::{PeerHello, peer_welcome::Refusal},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::control::SECRET;

/// Where it listens.
pub(super) const PORT: u16 = 4_100;

/// What listens on its machine: it sends back what it gets, letters in capitals, and closes when the other end has.
pub(super) const SHOUTING: u16 = 8_080;

/// The same, but it never closes.
pub(super) const ENDLESS: u16 = 8_081;

/// How long its terminal takes to show what was typed.
pub(super) const THINKS: Duration = Duration::from_millis(600);

type Streams = Arc<Mutex<BTreeMap<String, StreamHandle>>>;

/// Its life on a host.
pub(super) async fn run(host: Host) {
    let mut listener = host.listen(PORT).await.expect("the port is free");
    let streams = Streams::default();
    while let Ok(path) = listener.accept().await {
        host.spawn("path", welcome(host.clone(), streams.clone(), path)).detach();
    }
}

async fn welcome(host: Host, streams: Streams, mut path: Stream) {
    let Ok(said) = hello::hear(&mut path).await else { return };
    let found = find(&host, &streams, &said);
    if let Ok(Some(attachment)) = hello::welcome(&host, &mut path, &said, found).await {
        attachment.drive(&host, path).await;
    }
}

/// The stream that a hello is for.
fn find(host: &Host, streams: &Streams, hello: &PeerHello) -> Result<StreamHandle, Refused> {
    let refused = |refusal, error: &str| Refused { refusal, error: error.to_owned() };
    if hello.secret != SECRET {
        return Err(refused(Refusal::NotLetIn, "not let in"));
    }
    let mut streams = streams.lock().expect("nobody panics while holding it");
    if let Some(handle) = streams.get(&hello.stream_id) {
        return Ok(handle.clone());
    }
    if hello.resumes {
        return Err(refused(Refusal::UnknownStream, "unknown stream"));
    }
    let (handle, stream) = StreamHandle::new();
    streams.insert(hello.stream_id.clone(), handle.clone());
    host.spawn("service", serve(host.clone(), hello.port, stream)).detach();
    Ok(handle)
}

async fn serve(host: Host, port: u32, mut stream: ResumableStream) {
    match port {
        agent_port::KEEP_ALIVE => while let Ok(1..) = stream.read(&mut [0; 64]).await {},
        agent_port::TERMINAL => terminal(&host, stream).await,
        port => shout(stream, port == u32::from(ENDLESS)).await,
    }
}

async fn shout(mut stream: ResumableStream, is_endless: bool) {
    let mut portion = [0; 1_024];
    while let Ok(bytes @ 1..) = stream.read(&mut portion).await {
        if stream.write_all(&portion[..bytes].to_ascii_uppercase()).await.is_err() {
            return;
        }
    }
    if is_endless {
        stream.handle().was_reset().await;
    }
    let _ = stream.shutdown().await;
    stream.handle().over().await;
}

/// A session in which each line is shown as it was understood, after some thought; `exit` ends it.
async fn terminal(host: &Host, mut stream: ResumableStream) {
    let Ok(init) = Init::read(&mut stream).await else { return };
    let greeting = format!("{} {}x{}\n", init.command, init.height, init.width);
    let _ = stream.write_all(greeting.as_bytes()).await;
    let (mut from, mut to) = tokio::io::split(stream);
    while let Ok(input) = Input::read(&mut from).await {
        if input.data == "exit\n" {
            break;
        }
        host.sleep(THINKS).await;
        if to.write_all(format!("saw {}", input.data).as_bytes()).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
    // The other end closes when it has seen that.
    while let Ok(1..) = from.read(&mut [0; 64]).await {}
}
