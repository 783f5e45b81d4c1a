//! An agent, a control plane, and what happens to them.

use std::time::Duration;

use groundhog_agent::{AgentConfig, run_seen};
use groundhog_host::{Address, Host};
use groundhog_sim::{Config, Fault, World, simulate};
use groundhog_wire::{
    Connected, Secret,
    v1::{AgentManifest, AgentScript, AgentScriptDependency},
};
use tokio_util::sync::CancellationToken;

use crate::{
    control::{Control, PORT},
    shell::sh,
};

/// The number of the agent, unless a test changes it.
pub(crate) const AGENT: u128 = 1;

/// A world with a control plane on the host `control` and an agent on the host `agent`.
pub(crate) struct Play<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) control: Control,
    /// Closes the agent.
    pub(crate) shutdown: CancellationToken,
    /// Whether the agent is connected, as it is told to those who look.
    pub(crate) connected: Connected,
}

pub(crate) fn config() -> AgentConfig {
    let token = Secret::new("token-of-the-test").expect("a token");
    AgentConfig::new(Address::new("control", PORT), token, "/home/me")
}

/// Plays a story in which the agent's manifest is this one.
pub(crate) fn play<T: Send>(manifest: AgentManifest, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    play_with(manifest, config(), story)
}

/// The same with another configuration of the agent.
pub(crate) fn play_with<T: Send>(
    manifest: AgentManifest,
    config: AgentConfig,
    story: impl FnOnce(&mut Play<'_>) -> T + Send,
) -> T {
    simulate(Config::new(7), |world| {
        let control = Control::default();
        {
            let mut state = control.state();
            state.agent = AGENT;
            state.manifest = AgentManifest { owner_id: "alice".to_owned(), ..manifest };
        }
        let shutdown = CancellationToken::new();
        let serving = control.clone();
        world.host("control", move |host| serving.clone().run(host));
        let (told, connected) = (shutdown.clone(), Connected::default());
        let tells = connected.clone();
        world.host("agent", move |host| run_seen(host, config.clone(), told.clone(), tells.clone()));
        world.host("visitor", |_| std::future::pending());
        world.program("agent", "sh", sh).expect("the host is there");
        let mut play = Play { world, control, shutdown, connected };
        let result = story(&mut play);
        assert_eq!(play.world.violations(), []);
        result
    })
}

impl Play<'_> {
    /// Lets so many seconds pass.
    pub(crate) fn run(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    /// Lets a fault act for so long.
    pub(crate) fn fault(&mut self, fault: &Fault, seconds: u64) {
        self.world.begin(fault).expect("the hosts are there");
        self.run(seconds);
        self.world.end(fault).expect("the hosts are there");
    }

    /// Kills the control plane for so long.
    pub(crate) fn restart_control(&mut self, seconds: u64) {
        self.fault(&Fault::Kill { host: "control".to_owned() }, seconds);
    }

    /// How many events of this name there were.
    pub(crate) fn events(&self, name: &str) -> usize {
        self.world.records().iter().filter(|record| record.event == name).count()
    }

    /// A field of each event of this name.
    pub(crate) fn fields(&self, name: &str, field: &str) -> Vec<String> {
        let records = self.world.records();
        let named = records.iter().filter(|record| record.event == name);
        named.map(|record| record.field(field).expect("the event has the field").to_owned()).collect()
    }

    /// Does something on a host, and lets so many seconds pass.
    pub(crate) fn act<F>(&mut self, host: &str, seconds: u64, act: impl FnOnce(Host) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let host = self.world.handle(host).expect("the host is there");
        host.spawn("act", act(host.clone())).detach();
        self.run(seconds);
    }
}

/// A script that is run on start. Its log source is `log-NAME`, its id `id-NAME`.
pub(crate) fn on_start(name: &str, text: &str) -> AgentScript {
    AgentScript { run_on_start: true, ..script(name, text) }
}

/// One that is run on stop.
pub(crate) fn on_stop(name: &str, text: &str) -> AgentScript {
    AgentScript { run_on_stop: true, ..script(name, text) }
}

pub(crate) fn script(name: &str, text: &str) -> AgentScript {
    AgentScript {
        script_id: format!("id-{name}"),
        log_source_id: format!("log-{name}"),
        display_name: name.to_owned(),
        script: text.to_owned(),
        ..AgentScript::default()
    }
}

/// The same script, after another one.
pub(crate) fn after(script: AgentScript, other: &str, completion: bool) -> AgentScript {
    AgentScript { after: vec![AgentScriptDependency { script: other.to_owned(), completion }], ..script }
}

/// The same script, with a time-out in seconds.
pub(crate) fn within(script: AgentScript, seconds: u32) -> AgentScript {
    AgentScript { timeout_ms: seconds * 1_000, ..script }
}

/// A manifest with these scripts.
pub(crate) fn scripts(scripts: impl Into<Vec<AgentScript>>) -> AgentManifest {
    AgentManifest { scripts: scripts.into(), ..AgentManifest::default() }
}
