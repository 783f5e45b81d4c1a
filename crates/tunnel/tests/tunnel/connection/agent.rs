//! An agent of a few lines: it lets in who shows the secret, and gives back what it is sent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use groundhog_host::{Host, Stream};
use groundhog_wire::{
    agent_port,
    resumable::{Refused, ResumableStream, StreamHandle, hello},
    v1::{PeerHello, peer_welcome::Refusal},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Where it listens for direct paths.
pub(crate) const PORT: u16 = 4_100;
/// Where it listens for those that the relay brings.
pub(crate) const RELAY_PORT: u16 = 4_200;
/// Where it gives back what it is sent.
pub(crate) const ECHO: u32 = 7_000;

/// What it remembers over its restarts, for the tests.
#[derive(Clone, Default)]
pub(crate) struct Notes {
    notes: Arc<Mutex<State>>,
}

#[derive(Default)]
pub(crate) struct State {
    /// What its visitors have to show.
    pub(crate) secret: String,
    /// The hellos that were taken: the port, and how the path has come.
    pub(crate) hellos: Vec<(u32, &'static str)>,
    /// How many streams have ended, by why.
    pub(crate) ended: BTreeMap<String, usize>,
}

impl Notes {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.notes.lock().expect("nobody panics while holding it")
    }

    /// Its life on a host. A restart forgets the streams.
    pub(crate) async fn run(self, host: Host) {
        let agent = Agent { host: host.clone(), notes: self, streams: Arc::default() };
        let relayed = agent.clone();
        host.spawn("relay door", async move { relayed.listen(RELAY_PORT, "relay").await }).detach();
        agent.listen(PORT, "direct").await;
    }
}

#[derive(Clone)]
struct Agent {
    host: Host,
    notes: Notes,
    streams: Arc<Mutex<BTreeMap<String, StreamHandle>>>,
}

impl Agent {
    async fn listen(&self, port: u16, way: &'static str) {
        let mut listener = self.host.listen(port).await.expect("the port is free");
        while let Ok(path) = listener.accept().await {
            let agent = self.clone();
            self.host.spawn("path", async move { agent.serve(path, way).await }).detach();
        }
    }

    async fn serve(&self, mut path: Stream, way: &'static str) {
        let Ok(said) = hello::hear(&mut path).await else { return };
        if let Ok(Some(attachment)) = hello::welcome(&self.host, &mut path, &said, self.find(&said)).await {
            self.notes.state().hellos.push((said.port, way));
            attachment.drive(&self.host, path).await;
        }
    }

    fn find(&self, said: &PeerHello) -> Result<StreamHandle, Refused> {
        let refused = |refusal, error: &str| Refused { refusal, error: error.to_owned() };
        if said.secret != self.notes.state().secret {
            return Err(refused(Refusal::NotLetIn, "this peer is not let in"));
        }
        if ![agent_port::KEEP_ALIVE, ECHO].contains(&said.port) {
            return Err(refused(Refusal::NotServed, "nothing is served there"));
        }
        let mut streams = self.streams.lock().expect("nobody panics while holding it");
        if let Some(handle) = streams.get(&said.stream_id) {
            return Ok(handle.clone());
        }
        if said.resumes {
            return Err(refused(Refusal::UnknownStream, "this stream is not there any more"));
        }
        let (handle, stream) = StreamHandle::new();
        streams.insert(said.stream_id.clone(), handle.clone());
        let (agent, id) = (self.clone(), said.stream_id.clone());
        let live = async move {
            let why = echo(stream).await;
            *agent.notes.state().ended.entry(why).or_default() += 1;
            agent.streams.lock().expect("nobody panics while holding it").remove(&id);
        };
        self.host.spawn("stream", live).detach();
        Ok(handle)
    }
}

/// Gives back what comes. Why it has ended.
async fn echo(mut stream: ResumableStream) -> String {
    let mut piece = vec![0; 8 << 10];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) => break,
            Ok(count) => {
                if let Err(error) = stream.write_all(&piece[..count]).await {
                    return error.to_string();
                }
            }
            Err(error) => return error.to_string(),
        }
    }
    let _ = stream.shutdown().await;
    stream.handle().over().await;
    "well".to_owned()
}
