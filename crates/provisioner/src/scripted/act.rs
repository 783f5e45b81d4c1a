//! Acting a script out.

use std::time::Duration;

use groundhog_host::{Host, Instant, until};
use groundhog_wire::v1::{self, ParameterValue, Transition};

use super::{
    CANCELED,
    answers::{Ended, Part, planned_resources},
    machines::{Machines, State},
    script::{Misbehaviour, OnCancel, Phase, Script},
};
use crate::session::{Canceled, Config, Logs, Metadata, Order, Peer, SessionError};

/// Serves one session until either end closes it.
pub(super) async fn serve(host: Host, machine: String, mut peer: Peer) {
    let mut acting = Acting {
        host,
        machine,
        log_level: v1::LogLevel::Unspecified,
        state: State::default(),
        source: Ok(Script::default()),
    };
    // Whatever ends a session was told to the runner where there was something to tell.
    if let Err(error) = acting.converse(&mut peer).await {
        tracing::debug!(%error, "a scripted session is over");
    }
}

/// A session that is being acted out.
struct Acting {
    host: Host,
    /// The program that makes and deletes machines.
    machine: String,
    /// Lines below it are not written.
    log_level: v1::LogLevel,
    /// What the workspace's last build has left.
    state: State,
    /// What is acted out, or why the source is no script.
    source: Result<Script, String>,
}

impl Acting {
    async fn converse(&mut self, peer: &mut Peer) -> Result<(), SessionError> {
        // An import has no parameters to miss; it is known by its parse.
        let mut imports = false;
        let mut planned = Vec::new();
        loop {
            match peer.next().await? {
                Order::Config(config) => self.configure(config, peer).await?,
                Order::Parse => {
                    imports = true;
                    self.play(peer, Part::Parse, &Metadata::default(), None, &[]).await?;
                }
                Order::Plan(plan) => {
                    let transition = plan.metadata.transition;
                    let missing = if imports { None } else { self.missing_parameter(&plan.parameter_values) };
                    let fails = missing.or_else(|| self.unexpected_state(transition));
                    planned = self.source.as_ref().map_or_else(|_| Vec::new(), |it| planned_resources(it, transition));
                    self.play(peer, Part::Plan(transition), &Metadata::default(), fails, &[]).await?;
                }
                Order::Apply(metadata) => {
                    let planned = std::mem::take(&mut planned);
                    let part = Part::Apply(metadata.transition);
                    self.play(peer, part, &metadata, None, &planned).await?;
                }
            }
        }
    }

    /// Takes the script. Phases that answer early answer here.
    async fn configure(&mut self, config: Config, peer: &Peer) -> Result<(), SessionError> {
        self.log_level = config.log_level;
        self.state = State::read(&config.state);
        self.source = Script::parse(&config.source).map_err(|error| error.to_string());
        let Ok(script) = &self.source else { return Ok(()) };
        for part in [Part::Parse, Part::Plan(Transition::Start), Part::Apply(Transition::Start)] {
            if part.phase(script).misbehaves == Some(Misbehaviour::AnswersEarly) {
                peer.volunteer(part.answer(script, Ended::default(), &[])).await?;
            }
        }
        Ok(())
    }

    fn missing_parameter(&self, given: &[ParameterValue]) -> Option<String> {
        let name = self.source.as_ref().ok()?.missing_parameter(given)?;
        Some(format!("missing parameter: {name}"))
    }

    fn unexpected_state(&self, transition: Transition) -> Option<String> {
        let expected = self.source.as_ref().ok()?.plan_of(transition).finds.as_ref()?;
        let found = &self.state.left;
        (found != expected).then(|| format!("found the state {found:?}, expected {expected:?}"))
    }

    /// Acts one part out and answers; at once if it `fails` before it has begun, or if there is no script. What an
    /// apply provides belongs to the workspace of `built`.
    async fn play(
        &self,
        peer: &mut Peer,
        part: Part,
        built: &Metadata,
        fails: Option<String>,
        planned: &[v1::Resource],
    ) -> Result<(), SessionError> {
        let wall_ms = || self.host.wall().as_millisecond();
        let empty = Script::default();
        let (script, fails) = match &self.source {
            Ok(script) => (script, fails),
            Err(error) => (&empty, Some(error.clone())),
        };
        let mut again = None;
        peer.work(async |logs, canceled| {
            let started_at_ms = wall_ms();
            let (error, state) = match (fails, part) {
                (Some(error), _) => (Some(error), None),
                (None, Part::Apply(transition)) if !script.agents.is_empty() => {
                    let (error, state) = self.apply(script, built, transition, logs, canceled).await;
                    (error, Some(state))
                }
                (None, _) => (self.act(part.phase(script), logs, canceled).await.err(), None),
            };
            let ended = Ended { error, started_at_ms, ended_at_ms: wall_ms(), state };
            if part.phase(script).misbehaves == Some(Misbehaviour::AnswersTwice) {
                again = Some(part.answer(script, ended.clone(), planned));
            }
            part.given(script, ended, planned)
        })
        .await?;
        match again {
            Some(answer) => peer.volunteer(answer).await,
            None => Ok(()),
        }
    }

    /// Acts an apply out whose workspace has machines: a start makes them when everything else is done, any other
    /// build takes them away first. Gives the error, if there is one, and the state in either case.
    async fn apply(
        &self,
        script: &Script,
        built: &Metadata,
        transition: Transition,
        logs: Logs,
        canceled: Canceled,
    ) -> (Option<String>, State) {
        let phase = script.apply_of(transition);
        let mut state = self.state.clone();
        let (workspace, owner) = (built.workspace_name.as_str(), built.workspace_owner.as_str());
        let machines = Machines { host: &self.host, program: &self.machine, workspace, owner };
        let result = if transition == Transition::Start {
            match self.act(phase, logs, canceled).await {
                Ok(()) => machines.provide(transition, &script.agents, &mut state).await,
                failed => failed,
            }
        } else {
            match machines.provide(transition, &script.agents, &mut state).await {
                Ok(()) => self.act(phase, logs, canceled).await,
                failed => failed,
            }
        };
        if let Some(left) = &phase.state {
            state.left.clone_from(left);
        }
        (result.err(), state)
    }

    /// Acts one phase out. Fails with what the phase fails with.
    async fn act(&self, phase: &Phase, logs: Logs, canceled: Canceled) -> Result<(), String> {
        let host = &self.host;
        let begin = host.now();
        let natural_end = (!phase.hangs).then(|| begin + Duration::from_millis(phase.takes_ms));
        let mut canceled_end: Option<Instant> = None;
        let mut listening = matches!(phase.on_cancel, OnCancel::Obey { .. });
        let mut written: u64 = 0;
        loop {
            let next_line =
                phase.logs.as_ref().filter(|logs| logs.count.is_none_or(|count| written < count)).map(|logs| {
                    begin + Duration::from_millis(logs.every_ms.get().saturating_mul(written.saturating_add(1)))
                });
            let end = [natural_end, canceled_end].into_iter().flatten().min();
            tokio::select! {
                biased;
                // The cancel first: one that came in time counts, even at the instant of the phase's end.
                () = canceled.requested(), if listening => {
                    listening = false;
                    if let OnCancel::Obey { after_ms } = phase.on_cancel {
                        canceled_end = Some(host.now() + Duration::from_millis(after_ms));
                    }
                }
                // A line due at the instant of the end is still written.
                () = until(host, next_line) => {
                    if let Some(script) = &phase.logs {
                        written += 1;
                        let level = v1::LogLevel::from(script.level);
                        if level >= self.log_level {
                            logs.line(level, script.line.replace("{n}", &written.to_string())).await;
                        }
                    }
                }
                () = until(host, end) => {
                    return match &phase.fails {
                        // At one and the same instant the cancel wins, as above.
                        _ if canceled_end.is_some_and(|at| natural_end.is_none_or(|natural| at <= natural)) => {
                            Err(CANCELED.to_owned())
                        }
                        Some(error) => Err(error.clone()),
                        None => Ok(()),
                    };
                }
            }
        }
    }
}
