//! A person at a terminal on an agent's machine.
//!
//! Their program asks the control plane where the agent is, connects to it and joins the session. When the path
//! breaks they come back to the same session, which shows them again what it showed last.

use std::time::Duration;

use groundhog_host::{Address, Host, Instant, Stream};
use groundhog_wire::{
    agent_port, call,
    resumable::open_over,
    retryable,
    terminal::{Init, Input},
    v1::{
        AddTunnel, CoordinateRequest, CoordinateResponse, Disconnect, Introduce, Node, PeerHello, PeerUpdate,
        coordinate_request::Kind, peer_update,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::{
    CALL_TIMEOUT, PATIENCE, RETRY_WAIT, Shared,
    agents::{Asked, Circle},
    gave_up, refused, terminal_seen,
};
use crate::scenario::Action;

/// What the step is called.
const NAME: &str = "open_terminal";

/// How large people's windows are.
const WINDOW: (u16, u16) = (24, 80);

/// How long somebody waits for the control plane to have heard that they go.
const PARTING: Duration = Duration::from_secs(5);

/// How much of the end of what was seen is told, in characters.
const TAIL_CHARS: usize = 100;

/// What arrives at a time of frames that come in pieces, and the time between two pieces.
const PIECE_BYTES: usize = 7;
const PIECE_INTERVAL: Duration = Duration::from_millis(50);

/// Messages to the control plane that wait to be sent, at most: more than there are.
const MESSAGES_MAX: usize = 8;

/// A person who wants to see a terminal.
pub(super) struct Terminal {
    asked: Asked,
    agent: String,
    session: String,
    command: String,
    sends: Vec<String>,
    stays: Duration,
    reads: bool,
    in_pieces: bool,
}

/// What they have seen.
#[derive(Default)]
struct Seen {
    bytes: u64,
    /// The last of it.
    end: Vec<u8>,
    /// When they have to leave, once they have come.
    leaves_at: Option<Instant>,
}

impl Seen {
    fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.end.extend_from_slice(bytes);
        // A character has four bytes at most.
        let surplus = self.end.len().saturating_sub(TAIL_CHARS * 4);
        self.end.drain(..surplus);
    }

    /// The last characters, the lines of which are joined by `|`.
    fn tail(&self) -> String {
        let text = String::from_utf8_lossy(&self.end).replace("\r\n", "\n").replace(['\n', '\r'], "|");
        let skipped = text.chars().count().saturating_sub(TAIL_CHARS);
        text.chars().skip(skipped).collect()
    }
}

/// How a visit ended.
enum Left {
    /// They had stayed as long as they wanted.
    ByThemselves,
    /// The agent ended the stream: the session is over, or they were dropped from it.
    SentAway,
}

impl Terminal {
    /// What a step asks for, if it is that.
    pub(super) fn of(action: &Action) -> Option<Self> {
        let Action::OpenTerminal { workspace, owner, agent, by, session, command, sends, stays, reads, in_pieces } =
            action
        else {
            return None;
        };
        Some(Self {
            asked: Asked { by: by.clone(), owner: owner.clone(), workspace: workspace.clone() },
            agent: agent.clone(),
            session: session.clone(),
            command: command.clone(),
            sends: sends.clone(),
            stays: *stays,
            reads: *reads,
            in_pieces: *in_pieces,
        })
    }

    /// Comes, stays, and leaves; tells what was seen.
    pub(super) async fn visit(self, host: &Host, people: &Shared) {
        let Some(mut circle) = Circle::of(host, people, &self.asked) else { return };
        let peer_id = host.new_id("peer");
        let mut seen = Seen::default();
        let mut until = host.now() + PATIENCE;
        loop {
            let error = match self.once(host, &mut circle, peer_id, &mut seen).await {
                Ok(left) => return self.tell(&seen, matches!(left, Left::SentAway)),
                Err(error) => error,
            };
            if let Some(leaves_at) = seen.leaves_at {
                until = leaves_at;
            } else if !retryable(&error) {
                return refused(&self.asked.by, NAME, &format!("{:?}", error.code()), error.message());
            }
            if host.now() >= until {
                return match seen.leaves_at {
                    Some(_) => self.tell(&seen, false),
                    None => gave_up(&self.asked.by, NAME, error.message()),
                };
            }
            host.sleep(RETRY_WAIT).await;
        }
    }

    fn tell(&self, seen: &Seen, sent_away: bool) {
        terminal_seen(&self.asked.by, &self.session, seen.bytes, &seen.tail(), sent_away);
    }

    /// One visit, for as long as the path holds.
    async fn once(&self, host: &Host, circle: &mut Circle, peer_id: Uuid, seen: &mut Seen) -> Result<Left, Status> {
        let agents = circle.agents(host).await?;
        let agent = agents.iter().find(|agent| agent.name == self.agent);
        let agent_id = agent.ok_or_else(|| Status::unavailable("the agent is not there yet"))?.agent_id.clone();
        let (tell, told) = mpsc::channel(MESSAGES_MAX);
        let messages = [
            Kind::Introduce(Introduce { peer_id: peer_id.to_string() }),
            Kind::UpdateSelf(Node::default()),
            Kind::AddTunnel(AddTunnel { agent_id: agent_id.clone() }),
        ];
        for message in messages {
            say(&tell, message).await;
        }
        let updates = circle.asking.agents.coordinate_client(ReceiverStream::new(told));
        let mut updates = call(host, CALL_TIMEOUT, updates).await?.into_inner();
        let found = call(host, CALL_TIMEOUT, where_is(&mut updates, &agent_id)).await?;
        let stream = call(host, CALL_TIMEOUT, self.enter(host, peer_id, found)).await?;
        // A session is not begun with what an earlier visit has typed already.
        let is_first = seen.leaves_at.is_none();
        let leaves_at = *seen.leaves_at.get_or_insert(host.now() + self.stays);
        let (mut read, mut write) = tokio::io::split(stream);
        if is_first {
            self.send(host, &mut write).await?;
        }
        let left = self.stay(host, &mut read, leaves_at, seen).await?;
        say(&tell, Kind::Disconnect(Disconnect {})).await;
        drop(tell);
        // A call that is dropped at once takes what was said last with it.
        let _ = host.timeout(PARTING, async { while let Ok(Some(_)) = updates.message().await {} }).await;
        Ok(left)
    }

    /// Connects to the agent, and joins the session.
    async fn enter(&self, host: &Host, peer_id: Uuid, found: PeerUpdate) -> Result<Stream, Status> {
        let endpoints = found.node.map(|node| node.endpoints).unwrap_or_default();
        let first = endpoints.first().ok_or_else(|| Status::unavailable("the agent says of no place where it is"))?;
        let address: Address = first.parse().map_err(|error| Status::internal(format!("{error}")))?;
        let path = host.connect(&address).await?;
        let hello = PeerHello {
            peer_id: peer_id.to_string(),
            secret: found.secret,
            port: agent_port::TERMINAL,
            ..PeerHello::default()
        };
        // An agent that has not heard yet of who comes will have soon.
        let stream = open_over(host, path, hello).await.map_err(|error| Status::unavailable(error.to_string()))?;
        let mut stream = Stream::new(stream, address.host);
        let (height, width) = WINDOW;
        let init = Init { id: session_id(&self.session), height, width, command: self.command.clone() };
        let mut frame = Vec::new();
        init.write(&mut frame).await?;
        self.write(host, &mut stream, &frame).await?;
        Ok(stream)
    }

    async fn send(&self, host: &Host, stream: &mut WriteHalf<Stream>) -> Result<(), Status> {
        for line in &self.sends {
            let mut frame = Vec::new();
            Input { data: format!("{line}\n"), ..Input::default() }.write(&mut frame).await?;
            self.write(host, stream, &frame).await?;
        }
        Ok(())
    }

    /// Writes a frame at once, or piece by piece.
    async fn write(&self, host: &Host, stream: &mut (impl AsyncWrite + Unpin), frame: &[u8]) -> Result<(), Status> {
        if !self.in_pieces {
            return Ok(stream.write_all(frame).await?);
        }
        for piece in frame.chunks(PIECE_BYTES) {
            stream.write_all(piece).await?;
            host.sleep(PIECE_INTERVAL).await;
        }
        Ok(())
    }

    /// Looks at what comes until it is time to leave.
    async fn stay(
        &self,
        host: &Host,
        stream: &mut ReadHalf<Stream>,
        leaves_at: Instant,
        seen: &mut Seen,
    ) -> Result<Left, Status> {
        if !self.reads {
            host.sleep_until(leaves_at).await;
            return Ok(Left::ByThemselves);
        }
        let mut portion = vec![0; 4 << 10];
        loop {
            // In this order: what has come before it is time to leave has been seen.
            let bytes = tokio::select! {
                biased;
                read = stream.read(&mut portion) => read?,
                () = host.sleep_until(leaves_at) => return Ok(Left::ByThemselves),
            };
            if bytes == 0 {
                return Ok(Left::SentAway);
            }
            seen.take(&portion[..bytes]);
        }
    }
}

/// Says something to the control plane; if the call is over, that shows where its answers are read.
async fn say(tell: &mpsc::Sender<CoordinateRequest>, kind: Kind) {
    let _ = tell.send(CoordinateRequest { kind: Some(kind) }).await;
}

/// Waits until the control plane says where an agent is.
async fn where_is(updates: &mut Streaming<CoordinateResponse>, agent_id: &str) -> Result<PeerUpdate, Status> {
    while let Some(response) = updates.message().await? {
        let is_it = |update: &PeerUpdate| update.peer_id == agent_id && update.kind() == peer_update::Kind::Node;
        if let Some(update) = response.updates.into_iter().find(is_it) {
            return Ok(update);
        }
    }
    Err(Status::unavailable("the control plane does not say where the agent is"))
}

/// The id of the session that people call by a name: the name's letters, so that it is the same for everybody.
fn session_id(name: &str) -> Uuid {
    let mut bytes = [0_u8; 16];
    for (index, byte) in name.bytes().enumerate() {
        let place = &mut bytes[index % 16];
        *place = place.rotate_left(1) ^ byte;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
