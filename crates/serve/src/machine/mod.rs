//! The program that makes and deletes agents' machines, where all of them are one real machine.
//!
//! The contract is [`groundhog_provisioner::scripted::machines`]'s. A machine here is an agent's process, in a session of
//! its own so that nothing that ends its maker ends it, with a folder of its own.
//!
//! - [`name`]: what a machine is called. [`plan`]: what is to be done, as a pure function of what is there.
//! - [`folder`]: what is there, and how it is noted. [`process`]: an agent's process, and whether it is alive.
//! - [`Machines`] (here): from an order to the deed. `run`: the program. [`wrapper`]: how a provisioner calls it.
//!
//! Whether an agent is alive is known by a lock, not by a number: its process holds a lock on the file with its number for
//! as long as it lives, and nothing else can keep or give up that lock. So a number that the system has given to a stranger
//! since is never sent a signal.
//!
//! The program may be killed anywhere, and several may run at once. They decide one at a time, under another lock, and
//! note what they have decided before they do it; whoever comes next goes on from there.

pub mod folder;
pub mod name;
pub mod plan;
pub mod process;
pub mod wrapper;

use std::{io, path::PathBuf, time::Duration};

use groundhog_provisioner::scripted::machines::{AGENT_TOKEN, WORKSPACE_OWNER};
use groundhog_wire::Secret;

use self::{
    folder::{Folder, Lock},
    name::{MachineName, NameError},
    plan::{Step, Wanted, next_step},
    process::{Ended, Launch},
};
use crate::arguments::machine::{Action, MachineArguments};

/// A machine could not be made or deleted. What a provisioner is told of it becomes its build's error.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// It can't be called that.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its agent would not be let in.
    #[error("the variable {AGENT_TOKEN} has no token: a machine is made for an agent")]
    Token,
    /// The system did not do it.
    #[error("{doing}: {source}")]
    System {
        /// What was being done.
        doing: String,
        /// What the system says.
        source: io::Error,
    },
    /// Somebody else decides about machines, and does not come to an end.
    #[error("{} is held by another program for too long: try again", path.display())]
    Busy {
        /// The lock.
        path: PathBuf,
    },
    /// The agent goes on although it was killed.
    #[error("the agent of {name} does not end: its process is {pid}")]
    Immortal {
        /// The machine's name.
        name: MachineName,
        /// The process.
        pid: i32,
    },
}

/// `error`, told with what was being done.
pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> MachineError {
    let doing = doing.into();
    move |source| MachineError::System { doing, source }
}

/// The machines below a folder.
#[derive(Clone, Debug)]
pub struct Machines {
    /// The folder.
    pub folder: PathBuf,
    /// The agents' program and what it is told, beside the token and the home.
    pub agent: Vec<String>,
    /// How long an agent may take to end before it is killed.
    pub grace: Duration,
}

impl Machines {
    /// Sees to it that there is a machine called `name` whose agent has this `token`, and no other one of that name.
    pub fn create(&self, name: &MachineName, token: &Secret) -> Result<(), MachineError> {
        self.bring_about(&Wanted::Machine { name, token })
    }

    /// Sees to it that there is no machine called `name`. Its agent may end in order; then its folder is deleted.
    pub fn delete(&self, name: &MachineName) -> Result<(), MachineError> {
        self.bring_about(&Wanted::None { name })
    }

    /// All machines, by their folders' names.
    pub fn list(&self) -> Result<Vec<Folder>, MachineError> {
        let _lock = Lock::take(&self.folder)?;
        folder::scan(&self.folder)
    }

    /// Goes from step to step until there is nothing left to do. Each but the waiting is done under the lock.
    fn bring_about(&self, wanted: &Wanted<'_>) -> Result<(), MachineError> {
        loop {
            let lock = Lock::take(&self.folder)?;
            let there = folder::scan(&self.folder)?;
            match next_step(&there, wanted) {
                Step::Nothing => return Ok(()),
                Step::Dismiss(number) => there[number].dismiss()?,
                Step::Rename(number) => there[number].rename(wanted.name())?,
                Step::Make => {
                    if let Wanted::Machine { name, token } = wanted {
                        Folder::make(&self.folder, name, token)?;
                    }
                }
                Step::Start(number) => {
                    Launch { agent: &self.agent }.start(&there[number])?;
                }
                Step::End(number) => {
                    // Without the lock: this may take minutes, and what is dismissed is started by nobody.
                    drop(lock);
                    self.end(&there[number])?;
                }
            }
        }
    }

    fn end(&self, folder: &Folder) -> Result<(), MachineError> {
        match process::end(&folder.path, self.grace)? {
            Ended::Gone => folder.remove(),
            Ended::GoesOn(pid) => Err(MachineError::Immortal { name: folder.name.clone(), pid }),
        }
    }
}

/// The program: does what it was told.
pub fn run(arguments: &MachineArguments) -> Result<(), MachineError> {
    let folder = std::path::absolute(&arguments.folder).map_err(system("finding the folder of the machines"))?;
    let program = std::env::current_exe().map_err(system("finding this program"))?;
    let control = arguments.call.control.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let agent = [&program.display().to_string(), "serve", "agent", "--control", &control].map(str::to_owned).to_vec();
    let machines = Machines { folder, agent, grace: arguments.grace };
    let owner = std::env::var(WORKSPACE_OWNER).unwrap_or_default();
    let name = || MachineName::new(&owner, arguments.name.as_deref().unwrap_or_default());
    match arguments.action {
        Action::Create => {
            let token = std::env::var(AGENT_TOKEN).ok().and_then(|token| Secret::new(token).ok());
            machines.create(&name()?, &token.ok_or(MachineError::Token)?)
        }
        Action::Delete => machines.delete(&name()?),
        Action::List => {
            for folder in machines.list()? {
                let state = match (folder.dismissed, folder.running) {
                    (true, _) => "ending",
                    (false, true) => "running",
                    (false, false) => "not running",
                };
                crate::place::say_ready(&format!("{}\t{state}\t{}", folder.name, folder.path.display()));
            }
            Ok(())
        }
    }
}
