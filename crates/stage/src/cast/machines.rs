//! The machines of agents, and the cloud that makes and deletes them.
//!
//! Provisioners reach the cloud by a program on their hosts, as the tools of real templates do. A machine that was
//! told to go lets its agent close first, for a while; one that hangs goes without.
//!
//! What a workspace is called that is built ahead, or that a chat's tools make, nobody knows before; so the hosts of its
//! machines are called by its number, and stay its machines when it goes to somebody who calls it otherwise: see `places`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use groundhog_agent::AgentConfig;
use groundhog_host::Host;
use groundhog_provisioner::scripted::machines::{AGENT_TOKEN, MACHINE as PROGRAM};
use groundhog_sim::{Engine, Power, Running};
use groundhog_wire::{Endpoints, Secret};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use super::{
    CastError,
    apps::{self, Outages},
    control,
    places::{Place, Places},
    programs::{Programs, SHELL},
    scripts::Folders,
    unnamed::Unnamed,
};
use crate::scenario::{Agent, AgentApp, Scenario};

groundhog_host::events! {
    /// What the cloud tells.
    pub EVENTS;

    /// A machine was made.
    log created = "machine.created" {
        /// Its name, which is its host's.
        machine: &str,
    }

    /// A machine is to be deleted: its agent was told to close. It starts no other one, whatever becomes of the deletion.
    log deleting = "machine.deleting" {
        /// Its name, which is its host's.
        machine: &str,
    }

    /// A machine was deleted.
    log deleted = "machine.deleted" {
        /// Its name, which is its host's.
        machine: &str,
    }

    /// A machine's host is called otherwise than those who make and delete it call it.
    quiet called = "machine.called" {
        /// Its host.
        machine: &str,
        /// By the names of its workspace and its agent.
        name: &str,
    }
}

/// How long a machine that is to go waits for its agent: stop scripts of a few minutes, the agent's own close, and
/// what a cloud takes on top.
pub(crate) const GRACE: Duration = Duration::from_mins(5);

/// The home folder on every simulated machine.
const HOME: &str = "/home/me";

/// Where every agent's shell finds programs, after those of the scenario where the machines are real.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// All machines that there can be.
struct Cloud {
    /// By host.
    machines: BTreeMap<String, Arc<Machine>>,
    /// Where workspaces are whose names nobody has written.
    places: Places,
}

/// A machine of the cloud's.
struct Machine {
    name: String,
    power: Power,
    /// What it is, unless it is made as something else.
    declared: Declared,
    outages: Outages,
    control: Endpoints,
    /// The home folder of whoever the agent works for.
    home: String,
    /// Where its shell finds programs.
    path: String,
    life: Mutex<Life>,
}

/// What a template says of a machine.
#[derive(Clone, Default)]
pub(super) struct Declared {
    pub(super) boots: Duration,
    apps: Vec<AgentApp>,
}

impl Declared {
    pub(super) fn of(agent: &Agent) -> Self {
        Self { boots: agent.boots, apps: agent.apps.clone() }
    }
}

/// What a machine was made with, and how far its present life has come.
#[derive(Clone, Default)]
struct Life {
    token: Option<Secret>,
    /// What it was made as, if that is not always the same.
    declared: Option<Declared>,
    /// The machine's agent is to close.
    close: CancellationToken,
    /// Nothing runs on the machine.
    over: CancellationToken,
}

/// Notes the end of what runs on a machine, however it ends.
struct Ends(CancellationToken);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(super) fn cast(
    scenario: &Scenario,
    world: &mut dyn Engine,
    outages: &Outages,
    unnamed: &Unnamed,
) -> Result<(), CastError> {
    let programs = Arc::new(Programs::new(&scenario.programs));
    let mut machines = BTreeMap::new();
    let named = scenario.machines().into_iter().map(|(name, one)| (name, Declared::of(one.declared)));
    let of_chats = scenario.chat_machines().map(|(name, ..)| name);
    let numbered = scenario.ahead_machines().map(|(name, _)| name).chain(of_chats);
    let numbered = numbered.map(|name| (name, Declared::default()));
    for (number, (name, declared)) in named.chain(numbered).enumerate() {
        // The host needs the machine and the machine its host's power: the machine comes into being on the first boot.
        let booting: Arc<Mutex<Option<Arc<Machine>>>> = Arc::default();
        let boots = booting.clone();
        world.machine(&name, move |host: Host| {
            let machine = boots.lock().unwrap_or_else(PoisonError::into_inner).clone();
            async move {
                if let Some(machine) = machine {
                    machine.boot(host).await;
                }
            }
        });
        let (home, path) = match world.folder() {
            // The shell is the machine's own.
            Some(folder) => {
                let folders = Folders::make(folder, &name, &scenario.programs)
                    .map_err(|error| CastError::Machine(name.clone(), error))?;
                (folders.home.display().to_string(), format!("{}:{PATH}", folders.programs.display()))
            }
            None => {
                let shell = programs.clone();
                world.program(&name, SHELL, move |running: Running| shell.clone().shell(running))?;
                (HOME.to_owned(), PATH.to_owned())
            }
        };
        let machine = Arc::new(Machine {
            power: world.power(&name)?,
            declared,
            outages: outages.clone(),
            control: control::endpoints(scenario, None, number),
            home,
            path,
            life: Mutex::default(),
            name: name.clone(),
        });
        *booting.lock().unwrap_or_else(PoisonError::into_inner) = Some(machine.clone());
        machines.insert(name, machine);
    }
    if machines.is_empty() {
        return Ok(());
    }
    let cloud = Arc::new(Cloud { machines, places: Places::new(scenario, unnamed) });
    for provisioner in &scenario.provisioners {
        let cloud = cloud.clone();
        world.program(&provisioner.name, PROGRAM, move |running: Running| cloud.clone().command(running))?;
    }
    Ok(())
}

impl Cloud {
    /// The program by which provisioners make and delete machines. Its status is 0 if it did what it was told.
    async fn command(self: Arc<Self>, mut running: Running) -> i32 {
        let Err(complaint) = self.carry_out(&running).await else { return 0 };
        // Who does not listen need not know.
        let _ = running.error.write_all(complaint.as_bytes()).await;
        1
    }

    async fn carry_out(&self, running: &Running) -> Result<(), String> {
        let command = &running.command;
        let [order, name] = command.arguments.as_slice() else {
            return Err(format!("expected an order and a name, got {} arguments", command.arguments.len()));
        };
        let unknown = || format!("there can be no machine {name:?}");
        match order.as_str() {
            "create" => {
                let token = command.environment.get(AGENT_TOKEN).ok_or("there is no token for the agent")?;
                let token = Secret::new(token.clone()).map_err(|error| error.to_string())?;
                let Place { host, declared } = self.places.of_new(name, &token, |host| self.is_free(host))?;
                let machine = self.machines.get(&host).ok_or_else(unknown)?;
                if host != *name {
                    called(&host, name);
                }
                machine.create(&running.host, token, declared).await;
            }
            "delete" => {
                let Some(host) = self.places.of_old(name) else { return Ok(()) };
                let machine = self.machines.get(&host).ok_or_else(unknown)?;
                machine.delete(&running.host).await;
            }
            other => return Err(format!("expected create or delete, got {other:?}")),
        }
        Ok(())
    }

    /// Whether there is no machine on a host, nor one about to be: that a host was told to begin shows a moment later.
    fn is_free(&self, host: &str) -> bool {
        let has_none = |machine: &Arc<Machine>| !machine.power.exists() && machine.life().token.is_none();
        self.machines.get(host).is_none_or(has_none)
    }
}

impl Machine {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the machine, for an agent with this token. One that is there with the same token stays as it is.
    async fn create(&self, host: &Host, token: Secret, declared: Option<Declared>) {
        let is_there =
            |life: &Life| self.power.exists() && life.token.as_ref() == Some(&token) && !life.close.is_cancelled();
        if is_there(&self.life()) {
            return;
        }
        self.delete(host).await;
        // Somebody else may have made it meanwhile.
        if is_there(&self.life()) {
            return;
        }
        *self.life() = Life { token: Some(token), declared, ..Life::default() };
        self.power.on();
        created(&self.name);
    }

    /// Deletes the machine, if it is there.
    async fn delete(&self, host: &Host) {
        if !self.power.exists() {
            return;
        }
        let Life { close, over, token, .. } = self.life().clone();
        if !close.is_cancelled() {
            deleting(&self.name);
            close.cancel();
        }
        // An agent that does not come to its end, on a machine that is suspended perhaps, is not waited for.
        let _ = host.timeout(GRACE, over.cancelled()).await;
        // What somebody else has deleted or made anew meanwhile is not ours to delete.
        let is_ours = {
            let mut life = self.life();
            let is_ours = life.token.is_some() && life.token == token && life.close.is_cancelled();
            if is_ours {
                life.token = None;
            }
            is_ours
        };
        if is_ours {
            self.power.off();
            deleted(&self.name);
        }
    }

    /// What runs on the machine, from its beginning or the end of a crash.
    async fn boot(self: Arc<Self>, host: Host) {
        let Life { token: Some(token), close, declared, .. } = self.life().clone() else { return };
        let declared = declared.unwrap_or_else(|| self.declared.clone());
        let over = CancellationToken::new();
        self.life().over = over.clone();
        let _ends = Ends(over);
        for app in &declared.apps {
            apps::cast(&host, app, &self.outages);
        }
        // In this order: a machine that is told to go while it boots starts nothing.
        tokio::select! {
            biased;
            () = close.cancelled() => return,
            () = host.sleep(declared.boots) => {}
        }
        let mut config = AgentConfig::new(self.control.clone(), token, &self.home);
        config.process_environment = [("HOME", &self.home), ("PATH", &self.path)]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        groundhog_agent::run(host, config, close).await;
    }
}

#[cfg(test)]
mod tests {
    use groundhog_host::{Command, process::Exit};
    use groundhog_sim::{Config, simulate};

    use super::*;
    use crate::catalogue;

    const SCENARIO: &str = r#"
about = "A machine."
duration = "1h"
[[template]]
name = "vm"
agents = [{ name = "main", boots = "2s" }]
[[provisioner]]
name = "prov-1"
[[step]]
at = "1s"
create_workspace = { name = "dev", owner = "alice", template = "vm" }
"#;

    /// Has a provisioner give orders to the cloud one after another, ten seconds apart, each with its token. Tells how
    /// each went and what the machine saw, with the second in which it did.
    fn order(orders: &'static [(&'static str, &'static str, &'static str)]) -> (Vec<Exit>, Vec<String>) {
        let scenario = Scenario::parse("machine.toml", SCENARIO, &catalogue::lists()).expect("it is right");
        simulate(Config::new(1), |world| {
            world.host("control", |_| std::future::pending());
            world.host("prov-1", |_| std::future::pending());
            cast(&scenario, world, &Outages::default(), &Unnamed::default()).expect("the hosts exist");
            let host = world.handle("prov-1").expect("it exists");
            let exits: Arc<Mutex<Vec<Exit>>> = Arc::default();
            let (told, asking) = (exits.clone(), host.clone());
            host.spawn("test", async move {
                for (order, name, token) in orders {
                    let command = Command::new(PROGRAM).argument(*order).argument(*name);
                    let mut process =
                        asking.start(command.variable(AGENT_TOKEN, *token)).await.expect("there is such a program");
                    let exit = process.wait().await.expect("it is ours");
                    told.lock().expect("nobody panicked").push(exit);
                    asking.sleep(Duration::from_secs(10)).await;
                }
            })
            .detach();
            world.run_for(Duration::from_mins(10));
            let kinds = ["machine.created", "machine.deleted", "agent.started", "agent.closed"];
            let records = world.records().into_iter().filter(|record| kinds.contains(&record.event.as_str()));
            let seen = records.map(|record| format!("{} {}", record.at.as_secs(), record.event)).collect();
            let exits = exits.lock().expect("nobody panicked").clone();
            (exits, seen)
        })
    }

    const OK: Exit = Exit::Code(0);

    #[test]
    fn a_machine_is_made_kept_and_let_go_once_its_agent_has_closed() {
        let (exits, seen) = order(&[
            ("create", "dev.main", "one"),
            ("create", "dev.main", "one"),
            ("delete", "dev.main", ""),
            ("delete", "dev.main", ""),
        ]);
        assert_eq!(exits, [OK; 4]);
        assert_eq!(&seen[..2], ["0 machine.created", "2 agent.started"]);
        // It has nobody to take its leave of, and waits for that as long as a close may take.
        assert_eq!(&seen[2..], ["25 agent.closed", "25 machine.deleted"]);
    }

    #[test]
    fn another_token_makes_another_machine() {
        let (exits, seen) = order(&[("create", "dev.main", "one"), ("create", "dev.main", "two")]);
        assert_eq!(exits, [OK; 2]);
        let again = ["15 agent.closed", "15 machine.deleted", "15 machine.created", "17 agent.started"];
        assert_eq!(&seen[2..], again);
    }

    #[test]
    fn orders_that_make_no_sense_fail() {
        let (exits, seen) =
            order(&[("create", "dev.other", "one"), ("destroy", "dev.main", "one"), ("create", "dev.main", "")]);
        assert_eq!((exits, seen), (vec![Exit::Code(1); 3], Vec::new()));
    }
}
