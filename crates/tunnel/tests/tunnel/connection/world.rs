//! A client's machine, an agent, a control plane, and what happens to them.

use std::{future::Future, time::Duration};

use groundhog_host::{Address, Host};
use groundhog_sim::{Config, Fault, Ways, World, simulate};
use groundhog_tunnel::connection::Dialer;
use groundhog_wire::{ChannelConfig, Secret, id::AgentId, v1::peer_update::Kind as Told};
use uuid::Uuid;

use super::{
    agent::{self, Notes},
    control::{self, Control, update},
};

pub(crate) const AGENT: AgentId = AgentId(Uuid::from_u128(1));
pub(crate) const SECRET: &str = "secret-of-the-two";

/// The hosts `laptop`, `agent` and `control`.
pub(crate) struct Play<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) control: Control,
    pub(crate) agent: Notes,
}

/// Plays a story. The agent is known, at its endpoint, and listens at the relay.
pub(crate) fn play<T: Send>(seed: u64, story: impl FnOnce(&mut Play<'_>) -> T + Send) -> T {
    simulate(Config::new(seed), |world| {
        let (control, agent) = (Control::default(), Notes::default());
        SECRET.clone_into(&mut agent.state().secret);
        let (serving, living) = (control.clone(), agent.clone());
        world.host("control", move |host| serving.clone().run(host));
        world.host("agent", move |host| living.clone().run(host));
        world.host("laptop", |_| std::future::pending());
        let mut play = Play { world, control, agent };
        play.place(1);
        let result = story(&mut play);
        assert_eq!(play.world.violations(), []);
        result
    })
}

pub(crate) fn dialer(host: &Host) -> Dialer {
    let token = Secret::new("alice").expect("a token");
    Dialer::new(host, Address::new("control", control::PORT).into(), token, ChannelConfig::default())
}

impl Play<'_> {
    /// The agent is told of, at its endpoint and this relay.
    pub(crate) fn place(&mut self, relay: u32) {
        let endpoint = format!("agent:{}", agent::PORT);
        self.tell(Told::Node, &[&endpoint], relay);
    }

    pub(crate) fn tell(&mut self, kind: Told, endpoints: &[&str], relay: u32) {
        self.control.state().tell(update(&AGENT.to_string(), kind, endpoints, relay, SECRET));
    }

    /// Lets so many seconds pass.
    pub(crate) fn run(&mut self, seconds: u64) {
        self.world.run_for(Duration::from_secs(seconds));
    }

    /// Does something on the laptop.
    pub(crate) fn act<F>(&mut self, act: impl FnOnce(Host) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let host = self.world.handle("laptop").expect("the host is there");
        host.spawn("act", act(host.clone())).detach();
    }

    /// Lets a fault act for so long.
    pub(crate) fn fault(&mut self, fault: &Fault, seconds: u64) {
        self.world.begin(fault).expect("the hosts are there");
        self.run(seconds);
        self.world.end(fault).expect("the hosts are there");
    }

    /// The value of a field in each event of a name.
    pub(crate) fn fields(&self, name: &str, field: &str) -> Vec<String> {
        let records = self.world.records();
        let named = records.iter().filter(|record| record.event == name);
        named.map(|record| record.field(field).expect("the event has the field").to_owned()).collect()
    }

    /// The ways that the connection has gone, after the first.
    pub(crate) fn ways(&self) -> Vec<String> {
        self.fields("tunnel.path", "path")
    }
}

/// The direct path is cut.
pub(crate) fn cut() -> Fault {
    Fault::Cut { from: "laptop".to_owned(), to: "agent".to_owned(), ways: Ways::Both }
}

pub(crate) fn kill(host: &str) -> Fault {
    Fault::Kill { host: host.to_owned() }
}
