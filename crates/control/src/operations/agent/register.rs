//! A build that has ended makes its agents known.

use groundhog_wire::{Secret, id::AgentId, v1};

use crate::{
    events,
    refusal::{CallError, Refusal},
    secret_hash::SecretHash,
    store::{
        Tx,
        agents::{self, NewAgent},
        builds::Build,
    },
};

/// How long an agent may take to connect for the first time if its description does not say, in milliseconds: 120 s.
const CONNECTION_TIMEOUT_MS: i64 = 120_000;

/// Makes rows of the agents in `resources`, each with an id of its own, also if it kept its token from the build
/// before: what that one reported is not what this one does. Returns how many there are.
///
/// An agent without a token gets no row: there is nobody who could call as it.
pub fn register(tx: &Tx<'_>, build: &Build, resources: &[v1::Resource]) -> Result<usize, CallError> {
    let mut count = 0;
    let with_token = |agent: &&v1::Agent| !agent.token.is_empty();
    for agent in resources.iter().flat_map(|resource| &resource.agents).filter(with_token) {
        let token = Secret::new(&agent.token)
            .map_err(|error| Refusal::Invalid(format!("agent {:?}: its token: {error}", agent.name)))?;
        let id = AgentId(tx.new_id("agent"));
        let mut description = v1::Agent { token: String::new(), ..agent.clone() };
        for script in &mut description.scripts {
            script.script_id = tx.new_id("script").to_string();
            script.log_source_id = tx.new_id("log source").to_string();
        }
        let connection_timeout_ms = match agent.connection_timeout_s {
            0 => CONNECTION_TIMEOUT_MS,
            seconds => i64::from(seconds) * 1_000,
        };
        agents::insert(
            tx,
            &NewAgent {
                id,
                workspace: build.workspace,
                build: build.id,
                build_number: build.number,
                token: &SecretHash::of(&token),
                connection_timeout_ms,
                description: &description,
            },
        )?;
        let (workspace, build, name) = (build.workspace, build.id, description.name);
        tx.after_commit(move || events::agent_registered(id.event(), workspace.event(), build.event(), &name));
        count += 1;
    }
    Ok(count)
}

/// Takes the tokens out of `resources`: for whatever is kept or shown of them.
pub fn without_tokens(resources: &mut [v1::Resource]) {
    resources.iter_mut().flat_map(|resource| &mut resource.agents).for_each(|agent| agent.token.clear());
}
