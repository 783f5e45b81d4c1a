//! Workspaces whose builds make agents, and calls as those agents.

use groundhog_control::{
    identity,
    operations::agent::{presence, session},
    refusal::CallError,
    store::{Tx, agents::Agent},
};
use groundhog_wire::{Caller, id::JobId, v1};

use super::world::{World, secret};

/// An agent "main" with this token, two scripts, metadata and apps.
pub(crate) fn agent(token: &str) -> v1::Agent {
    let script = |name: &str| v1::AgentScript {
        display_name: name.to_owned(),
        script: format!("{name} --now"),
        run_on_start: true,
        ..v1::AgentScript::default()
    };
    let after = v1::AgentScriptDependency { script: "install".to_owned(), completion: true };
    let metadata = |key: &str| v1::AgentMetadataDescription {
        key: key.to_owned(),
        script: "uptime".to_owned(),
        interval_s: 10,
        ..v1::AgentMetadataDescription::default()
    };
    let app = |slug: &str, checked: bool| {
        let check = v1::AppHealthCheck { url: "http://localhost:8080/".to_owned(), interval_s: 5, threshold: 3 };
        let url = "http://localhost:8080".to_owned();
        v1::AgentApp { slug: slug.to_owned(), url, health_check: checked.then_some(check) }
    };
    v1::Agent {
        name: "main".to_owned(),
        token: token.to_owned(),
        directory: "~/work".to_owned(),
        environment: [("A".to_owned(), "1".to_owned())].into(),
        scripts: vec![script("install"), v1::AgentScript { after: vec![after], ..script("serve") }],
        metadata: vec![metadata("load"), metadata("disk")],
        apps: vec![app("web", true), app("docs", false)],
        connection_timeout_s: 0,
        ..v1::Agent::default()
    }
}

/// The success of a build that made one machine with these agents.
pub(crate) fn made(job: JobId, agents: Vec<v1::Agent>) -> v1::CompleteJobRequest {
    let resource = v1::Resource { name: "vm".to_owned(), r#type: "machine".to_owned(), daily_cost: 0, agents };
    let state = b"state".to_vec();
    let done = v1::CompletedWorkspaceBuild { state, resources: vec![resource], ..Default::default() };
    v1::CompleteJobRequest { job_id: job.to_string(), kind: Some(v1::complete_job_request::Kind::WorkspaceBuild(done)) }
}

impl World {
    /// Makes a workspace of alice's whose first build has made these agents.
    pub(crate) fn started(&self, name: &str, agents: Vec<v1::Agent>) {
        let job = self.running("alice", name, "prov-1");
        self.complete("prov-1", &made(job, agents)).expect("it runs");
    }

    /// Has a further build of alice's workspace taken by a daemon.
    pub(crate) fn rebuilding(&self, name: &str, transition: v1::Transition) -> JobId {
        self.build("alice", name, transition).expect("no other build is active");
        self.acquire("prov-1").expect("it waits").job
    }

    /// What `work` makes of a call by an agent's own token.
    pub(crate) fn by_token<T>(
        &self,
        token: &str,
        work: impl FnOnce(&Tx<'_>, &Agent) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let caller = Caller { token: secret(token), daemon: None };
        self.tx(|tx| work(tx, &identity::agent_by_token(tx, &caller, &mut String::new())?))
    }

    /// A session of the agent with this token.
    pub(crate) fn session(&self, token: &str) -> Result<String, CallError> {
        self.by_token(token, session::open).map(|opened| opened.session_token)
    }

    /// What `work` makes of a call by an agent's session.
    pub(crate) fn by_agent<T>(
        &self,
        session: &str,
        work: impl FnOnce(&Tx<'_>, &Agent) -> Result<T, CallError>,
    ) -> Result<T, CallError> {
        let caller = Caller { token: secret(session), daemon: None };
        let lifetime = self.config.agents.session_lifetime;
        self.tx(|tx| work(tx, &identity::agent(tx, &caller, lifetime, &mut String::new())?))
    }

    /// Connects the agent; itself and its connection's number.
    pub(crate) fn connect(&self, session: &str) -> (Agent, i64) {
        self.by_agent(session, |tx, agent| Ok((agent.clone(), presence::connect(tx, agent)?))).expect("it is let in")
    }
}
