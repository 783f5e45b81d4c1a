//! Tunnels, each on a laptop of its own, and the people who use them.
//!
//! - [`forward`]: somebody who asks for a page over a forwarded port now and then.
//! - [`terminal`]: somebody at a terminal.
//! - `application`: tells a user when the tunnel is up.

mod application;
mod forward;
mod terminal;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_host::{Host, Instant};
use groundhog_sim::Engine;
use groundhog_tunnel::{Application, Tunnel, TunnelConfig, Workspace, machine::Options};
use groundhog_wire::{Endpoints, Secret};
use tokio_util::sync::CancellationToken;

use self::{application::Noticed, forward::Visitor, terminal::Typist};
use super::{Secrets, control, users::People};
use crate::scenario::{Scenario, Tunnel as Wanted, TunnelApplication};

groundhog_host::events! {
    /// What the users of tunnels tell, each from the tunnel's laptop.
    pub EVENTS;

    /// What comes of asking for a page over a tunnel's forwarded port is not what came of it the time before.
    log tunnel_answer = "user.tunnel_answer" {
        /// The tunnel's name.
        name: &str,
        /// The answer's status, such as 200; `no answer` within half a minute; `refused` on the laptop already;
        /// `closed` before there was an answer.
        answer: &str,
    }

    /// Somebody has asked for a page over a tunnel's forwarded port.
    quiet used_tunnel = "user.used_tunnel" {
        /// The tunnel's name.
        tunnel_name: &str,
        /// As above.
        answer: &str,
        /// How long that took, in milliseconds.
        took_ms: u64,
    }
}

/// How long the user of a tunnel waits for it to end in good order.
const PATIENCE: Duration = Duration::from_mins(1);

/// The laptops, and the tunnels that are open. Cheap to clone; every clone is the same.
#[derive(Clone)]
pub(crate) struct Laptops {
    shared: Arc<Shared>,
}

struct Shared {
    people: People,
    laptops: BTreeMap<String, Laptop>,
    /// By tunnel: its user has had enough of it.
    interrupted: Mutex<BTreeMap<String, CancellationToken>>,
}

/// What a laptop's program is set up with.
struct Laptop {
    wanted: Wanted,
    control: Endpoints,
    token: Secret,
}

/// Puts the laptops into the world. What is opened on one is gone when it is killed, and nobody opens it again.
pub(super) fn cast(scenario: &Scenario, world: &mut dyn Engine, secrets: &Secrets, people: &People) -> Laptops {
    let laptop = |(number, wanted): (usize, &Wanted)| {
        let token = secrets.users.get(&wanted.by)?.clone();
        let control = control::endpoints(scenario, None, number);
        Some((wanted.name.clone(), Laptop { wanted: wanted.clone(), control, token }))
    };
    let laptops: BTreeMap<String, Laptop> = scenario.tunnels().enumerate().filter_map(laptop).collect();
    for name in laptops.keys() {
        world.host(name, |_| std::future::pending());
    }
    Laptops { shared: Arc::new(Shared { people: people.clone(), laptops, interrupted: Mutex::default() }) }
}

impl Laptops {
    /// Opens the tunnel of a laptop, on that laptop. `id` is that of its workspace, if that is known.
    pub(crate) fn open(&self, host: &Host, name: &str, id: Option<&String>) {
        let interrupted = CancellationToken::new();
        self.shared.interrupted().insert(name.to_owned(), interrupted.clone());
        let (shared, laptop, name, id) = (self.shared.clone(), host.clone(), name.to_owned(), id.cloned());
        host.spawn("tunnel", async move {
            if let Some(one) = shared.laptops.get(&name) {
                one.use_tunnel(&laptop, &shared.people, id, &interrupted).await;
            }
        })
        .detach();
    }

    /// The user of a tunnel has had enough of it.
    pub(crate) fn interrupt(&self, name: &str) {
        if let Some(interrupted) = self.shared.interrupted().get(name) {
            interrupted.cancel();
        }
    }
}

impl Shared {
    fn interrupted(&self) -> MutexGuard<'_, BTreeMap<String, CancellationToken>> {
        self.interrupted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever uses a tunnel's application once it is up.
enum User {
    Visitor(Visitor),
    Typist(Typist),
}

impl Laptop {
    /// Opens the tunnel, and uses it until it has ended.
    async fn use_tunnel(&self, host: &Host, people: &People, id: Option<String>, interrupted: &CancellationToken) {
        let leaves_at = self.wanted.stays.map(|stays| host.now() + stays);
        let had_enough = had_enough(host, interrupted, leaves_at);
        tokio::pin!(had_enough);
        // In this order: somebody who has had enough opens nothing.
        let workspace = tokio::select! {
            biased;
            () = &mut had_enough => return,
            workspace = self.workspace(host, people, id) => workspace,
        };
        let Some(workspace) = workspace else { return };
        let (application, mut user) = self.application(host);
        let (application, up) = Noticed::new(application);
        let tunnel = Tunnel::open(host, self.config(workspace), Arc::new(application));
        let ends = async {
            // In this order: a tunnel that has ended need not be told to.
            tokio::select! {
                biased;
                _ = tunnel.ended() => {}
                () = had_enough => {
                    // What was not down in time is told by the tunnel.
                    let _ = tunnel.shut_down(PATIENCE).await;
                }
            }
        };
        // In this order: what has come by the end has been seen.
        tokio::select! {
            biased;
            () = user.uses(host, up) => {}
            () = ends => {}
        }
        user.tells(&self.wanted.by);
    }

    /// How the tunnel names the workspace: by its id if it is known. Only its owner knows it by its name.
    async fn workspace(&self, host: &Host, people: &People, id: Option<String>) -> Option<Workspace> {
        let Wanted { workspace, owner, by, .. } = &self.wanted;
        if let Some(id) = id.and_then(|id| id.parse().ok()) {
            return Some(Workspace::Id(id));
        }
        if owner == by {
            return Some(Workspace::Name(workspace.clone()));
        }
        people.workspace_id(host, owner, workspace).await.map(Workspace::Id)
    }

    fn config(&self, workspace: Workspace) -> TunnelConfig {
        let options =
            Options { no_autostart: !self.wanted.autostart, no_wait_for_scripts: !self.wanted.wait_for_scripts };
        TunnelConfig {
            agent_name: self.wanted.agent.clone(),
            options,
            // What is written is told by the tunnel's own events.
            log: Some(Arc::new(|_| {})),
            ..TunnelConfig::new(self.control.clone(), self.token.clone(), workspace)
        }
    }

    fn application(&self, host: &Host) -> (Arc<dyn Application>, User) {
        match &self.wanted.application {
            TunnelApplication::Forward { port, every } => {
                let (application, visitor) = forward::application(host, &self.wanted.name, *port, *every);
                (application, User::Visitor(visitor))
            }
            TunnelApplication::Terminal { session, sends } => {
                let (application, typist) = terminal::application(host, session, sends);
                (application, User::Typist(typist))
            }
        }
    }
}

/// Waits until somebody has had enough of a tunnel.
async fn had_enough(host: &Host, interrupted: &CancellationToken, leaves_at: Option<Instant>) {
    let leaves = async {
        match leaves_at {
            Some(at) => host.sleep_until(at).await,
            None => std::future::pending().await,
        }
    };
    // In this order: either will do.
    tokio::select! {
        biased;
        () = interrupted.cancelled() => {}
        () = leaves => {}
    }
}

impl User {
    /// Uses the application from when it is up. Comes back only if there is nothing more to use.
    async fn uses(&mut self, host: &Host, up: application::Up) {
        match self {
            Self::Visitor(visitor) => visitor.visits(host, up).await,
            Self::Typist(typist) => typist.types(up).await,
        }
    }

    /// Tells what there is to tell once the tunnel has ended.
    fn tells(&self, by: &str) {
        match self {
            Self::Visitor(_) => {}
            Self::Typist(typist) => typist.tells(by),
        }
    }
}
