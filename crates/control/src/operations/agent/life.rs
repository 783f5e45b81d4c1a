//! The steps of an agent's life are kept, in order and each once.

use groundhog_wire::v1;

use crate::{
    events,
    lifecycle::{self, Step},
    refusal::{CallError, Refusal},
    store::{Tx, agent_reports, agents::Agent, notices::Notice},
};

/// Keeps a step of `agent`'s life. One that is there already is answered alike and changes nothing.
pub fn step(tx: &Tx<'_>, agent: &Agent, request: &v1::UpdateLifecycleRequest) -> Result<(), CallError> {
    let mut report = agent_reports::report(tx, agent.number)?;
    let stored: Vec<i32> = report.lifecycles.iter().map(|step| step.state).collect();
    let (state, word) = (request.state(), lifecycle::word(request.state()));
    match lifecycle::step(&stored, request.state) {
        Step::Forward => {}
        Step::Repeated => return Ok(()),
        Step::Back => {
            let last = report.lifecycles.last().map_or("", |step| lifecycle::word(step.state()));
            return Err(Refusal::State(format!("the agent's life is at {last:?}: it can't go back to {word:?}")).into());
        }
        Step::Unknown => {
            let text = format!("lifecycle state {}: expected a step from starting to off", request.state);
            return Err(Refusal::Invalid(text).into());
        }
    }
    report.lifecycles.push(v1::UpdateLifecycleRequest { state: state.into(), changed_at_ms: request.changed_at_ms });
    agent_reports::set_report(tx, agent.number, &report)?;
    let (id, workspace) = (agent.id.event(), agent.workspace);
    tx.after_commit(move || events::agent_lifecycle_stored(id, word));
    tx.notify(Notice::WorkspaceChanged { workspace });
    Ok(())
}
