//! A laptop with a tunnel, a control plane, an agent, and what happens to them.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use groundhog_host::{Address, Host};
use groundhog_sim::{Config, Fault, World, simulate};
use groundhog_tunnel::{Application, Ending, ShutdownTimeout, Tunnel, TunnelConfig, Workspace, machine::Options};
use groundhog_wire::{
    Secret,
    v1::{AgentLifecycle, JobStatus, Transition},
};

use super::{
    agent,
    control::{self, Control},
    probe::Probe,
};

/// A world with a control plane on the host `control`, an agent on `agent`, and a tunnel on `laptop`.
pub(super) struct Play<'a> {
    pub(super) world: &'a mut World,
    pub(super) control: Control,
    pub(super) probe: Probe,
    handle: Arc<Mutex<Handle>>,
}

/// The tunnel, and what became of it.
#[derive(Default)]
pub(super) struct Handle {
    tunnel: Option<Arc<Tunnel>>,
    pub(super) ending: Option<Ending>,
    /// How a shutdown ended, and after how many milliseconds.
    pub(super) shutdown: Option<(Result<(), ShutdownTimeout>, u128)>,
    /// What was written for the person.
    pub(super) lines: Vec<String>,
}

/// Nothing is left out.
pub(super) const OPEN: Options = Options { no_autostart: false, no_wait_for_scripts: false };

/// A stopped workspace is left alone.
pub(super) const TIMID: Options = Options { no_autostart: true, no_wait_for_scripts: false };

/// Plays a story with a probe as the application.
pub(super) fn play<T: Send>(probe: Probe, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    play_seeded(7, probe, story)
}

/// The same, with another order of what happens at once.
pub(super) fn play_seeded<T: Send>(seed: u64, probe: Probe, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    simulate(Config::new(seed), |world| {
        let control = Control::default();
        {
            let mut state = control.state();
            state.build = (1, Transition::Start, JobStatus::Succeeded, "");
            state.agent = (1, AgentLifecycle::Ready);
        }
        let serving = control.clone();
        world.host("control", move |host| serving.clone().run(host));
        world.host("agent", agent::run);
        world.host("laptop", |_| std::future::pending());
        let mut play = Play { world, control, probe, handle: Arc::default() };
        play.run(1);
        let result = story(&mut play);
        assert_eq!(play.world.violations(), []);
        result
    })
}

impl Play<'_> {
    /// Lets so many seconds pass.
    pub(super) fn run(&mut self, seconds: u64) {
        self.run_ms(seconds * 1_000);
    }

    pub(super) fn run_ms(&mut self, milliseconds: u64) {
        self.world.run_for(Duration::from_millis(milliseconds));
    }

    /// Lets a fault act for so long.
    pub(super) fn fault(&mut self, fault: &Fault, seconds: u64) {
        self.world.begin(fault).expect("the hosts are there");
        self.run(seconds);
        self.world.end(fault).expect("the hosts are there");
    }

    /// Does something on a host.
    pub(super) fn act<F>(&mut self, host: &str, act: impl FnOnce(Host) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let host = self.world.handle(host).expect("the host is there");
        host.spawn("act", act(host.clone())).detach();
    }

    /// Opens the tunnel with the probe, and lets so many seconds pass.
    pub(super) fn open(&mut self, options: Options, seconds: u64) {
        let probe = self.probe.clone();
        self.open_with(options, move |_| Arc::new(probe));
        self.run(seconds);
    }

    /// Opens the tunnel with an application.
    pub(super) fn open_with(
        &mut self,
        options: Options,
        application: impl FnOnce(&Host) -> Arc<dyn Application> + Send + 'static,
    ) {
        let handle = self.handle.clone();
        self.act("laptop", |host| async move {
            let token = Secret::new("token-of-the-test").expect("a token");
            let workspace = Workspace::Name("dev".to_owned());
            let mut config = TunnelConfig::new(Address::new("control", control::PORT), token, workspace);
            config.agent_name = "main".to_owned();
            config.options = options;
            let log = handle.clone();
            config.log = Some(Arc::new(move |line: &str| lock(&log).lines.push(line.to_owned())));
            let tunnel = Arc::new(Tunnel::open(&host, config, application(&host)));
            // Who waits holds what they wait for in their own hands: the test may drop the tunnel meanwhile.
            let (ending, waiting) = (handle.clone(), Arc::downgrade(&tunnel));
            lock(&handle).tunnel = Some(tunnel);
            loop {
                let Some(tunnel) = waiting.upgrade() else { return };
                let ended = host.timeout(Duration::from_millis(10), tunnel.ended()).await;
                if let Ok(why) = ended {
                    lock(&ending).ending = Some(why);
                    return;
                }
                drop(tunnel);
                host.sleep(Duration::from_millis(10)).await;
            }
        });
    }

    /// Asks the tunnel to end within so many seconds, and lets some pass.
    pub(super) fn shut_down(&mut self, within: u64, seconds: u64) {
        let handle = self.handle.clone();
        self.act("laptop", |host| async move {
            let tunnel = lock(&handle).tunnel.clone().expect("it was opened");
            let asked = host.now();
            let result = tunnel.shut_down(Duration::from_secs(within)).await;
            lock(&handle).shutdown = Some((result, (host.now() - asked).as_millis()));
        });
        self.run(seconds);
    }

    /// Drops the tunnel.
    pub(super) fn drop_tunnel(&mut self) {
        lock(&self.handle).tunnel = None;
    }

    /// What became of the tunnel.
    pub(super) fn handle(&self) -> MutexGuard<'_, Handle> {
        lock(&self.handle)
    }

    /// Why the tunnel has ended; empty if it has not.
    pub(super) fn ended(&self) -> String {
        self.fields("tunnel.ended", "why").pop().unwrap_or_default()
    }

    /// The tunnel's events, in order, without their prefix, but for those that are said here to be of no interest.
    pub(super) fn story(&self) -> Vec<String> {
        let records = self.world.records();
        let names = records.iter().filter_map(|record| record.event.strip_prefix("tunnel."));
        names.filter(|name| !["state", "log_line"].contains(name)).map(str::to_owned).collect()
    }

    /// How many events of this name there were.
    pub(super) fn events(&self, name: &str) -> usize {
        self.world.records().iter().filter(|record| record.event == name).count()
    }

    /// A field of each event of this name.
    pub(super) fn fields(&self, name: &str, field: &str) -> Vec<String> {
        let records = self.world.records();
        let named = records.iter().filter(|record| record.event == name);
        named.map(|record| record.field(field).expect("the event has the field").to_owned()).collect()
    }

    /// The states that the tunnel has come through, `init` left out.
    pub(super) fn states(&self) -> Vec<String> {
        self.fields("tunnel.state", "to")
    }
}

fn lock(handle: &Mutex<Handle>) -> MutexGuard<'_, Handle> {
    handle.lock().expect("nobody panics while holding it")
}
