//! A person at a terminal on an agent's machine.
//!
//! Their program asks the control plane which agent it is, connects to it and joins the session. The session outlives the
//! paths of the connection; when the connection itself is lost they come back to the same session, which shows them again
//! what it showed last.

use std::time::Duration;

use groundhog_host::{Host, Instant};
use groundhog_tunnel::connection::{AgentConnection, DialError, Dialer};
use groundhog_wire::{
    ChannelConfig, agent_port,
    id::AgentId,
    retryable,
    terminal::{Init, Input},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tonic::Status;

use super::{
    PATIENCE, Person, RETRY_WAIT, Screen, Shared, WINDOW,
    agents::{Asked, Circle},
    gave_up, refused, session_id, terminal_seen,
};
use crate::scenario::Action;

/// What the step is called.
const NAME: &str = "open_terminal";

/// What arrives at a time of frames that come in pieces, and the time between two pieces.
const PIECE_BYTES: usize = 7;
const PIECE_INTERVAL: Duration = Duration::from_millis(50);

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

/// How their visits have gone so far.
#[derive(Default)]
struct Visit {
    screen: Screen,
    /// When they have to leave, once they have come.
    leaves_at: Option<Instant>,
}

/// How a visit ended.
enum Left {
    /// They had stayed as long as they wanted.
    ByThemselves,
    /// The agent ended the stream: the session is over, or they were dropped from it.
    SentAway,
}

impl Terminal {
    /// What a step asks for, if it is that. `id` is the workspace's, if it is known.
    pub(super) fn of(action: &Action, id: Option<&String>) -> Option<Self> {
        let Action::OpenTerminal { workspace, owner, agent, by, session, command, sends, stays, reads, in_pieces } =
            action
        else {
            return None;
        };
        Some(Self {
            asked: Asked { by: by.clone(), owner: owner.clone(), workspace: workspace.clone(), id: id.cloned() },
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
        let Some(Person { token, control }) = people.people.get(&self.asked.by) else { return };
        let dialer = Dialer::new(host, control.clone(), token.clone(), ChannelConfig::default());
        let mut visit = Visit::default();
        let mut until = host.now() + PATIENCE;
        loop {
            let error = match self.once(host, &mut circle, &dialer, &mut visit).await {
                Ok(left) => return self.tell(&visit, matches!(left, Left::SentAway)),
                Err(error) => error,
            };
            if let Some(leaves_at) = visit.leaves_at {
                until = leaves_at;
            } else if !retryable(&error) {
                return refused(&self.asked.by, NAME, &format!("{:?}", error.code()), error.message());
            }
            if host.now() >= until {
                return match visit.leaves_at {
                    Some(_) => self.tell(&visit, false),
                    None => gave_up(&self.asked.by, NAME, error.message()),
                };
            }
            host.sleep(RETRY_WAIT).await;
        }
    }

    fn tell(&self, visit: &Visit, sent_away: bool) {
        terminal_seen(&self.asked.by, &self.session, visit.screen.bytes, &visit.screen.tail(), sent_away);
    }

    /// One visit, for as long as the connection holds.
    async fn once(&self, host: &Host, circle: &mut Circle, dialer: &Dialer, visit: &mut Visit) -> Result<Left, Status> {
        let agents = circle.agents(host).await?;
        let agent = agents.iter().find(|agent| agent.name == self.agent);
        let agent = &agent.ok_or_else(|| Status::unavailable("the agent is not there yet"))?.agent_id;
        let agent: AgentId = agent.parse().map_err(|error| Status::internal(format!("{error}")))?;
        let connection = dialer.dial(agent).await.map_err(not_dialled)?;
        let left = self.join(host, &connection, visit).await;
        connection.close().await;
        left
    }

    /// Joins the session, and stays until it is time to leave.
    async fn join(&self, host: &Host, connection: &AgentConnection, visit: &mut Visit) -> Result<Left, Status> {
        let mut stream = connection.open(agent_port::TERMINAL).await?;
        let (height, width) = WINDOW;
        let init = Init { id: session_id(&self.session), height, width, command: self.command.clone() };
        let mut frame = Vec::new();
        init.write(&mut frame).await?;
        self.write(host, &mut stream, &frame).await?;
        // A session is not begun with what an earlier visit has typed already.
        let is_first = visit.leaves_at.is_none();
        let leaves_at = *visit.leaves_at.get_or_insert(host.now() + self.stays);
        if is_first {
            self.send(host, &mut stream).await?;
        }
        self.stay(host, &mut stream, leaves_at, &mut visit.screen).await
    }

    async fn send(&self, host: &Host, stream: &mut (impl AsyncWrite + Unpin)) -> Result<(), Status> {
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
            stream.write_all(frame).await?;
            return Ok(stream.flush().await?);
        }
        for piece in frame.chunks(PIECE_BYTES) {
            stream.write_all(piece).await?;
            stream.flush().await?;
            host.sleep(PIECE_INTERVAL).await;
        }
        Ok(())
    }

    /// Looks at what comes until it is time to leave.
    async fn stay(
        &self,
        host: &Host,
        stream: &mut (impl AsyncRead + Unpin),
        leaves_at: Instant,
        screen: &mut Screen,
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
            screen.take(&portion[..bytes]);
        }
    }
}

/// Whether it makes sense to ask again for an agent that could not be dialled: there may be another one by then.
fn not_dialled(error: DialError) -> Status {
    match error {
        DialError::Refused { .. } => Status::permission_denied(error.to_string()),
        DialError::NoPath { .. } | DialError::Gone { .. } => Status::unavailable(error.to_string()),
    }
}
