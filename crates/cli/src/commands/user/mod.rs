//! `groundhog user`: what people ask of a platform that runs, from a shell.
//!
//! - [`arguments`], [`name`]: what can be asked, and of what.
//! - `caller`: how the control plane is asked. `failure`: why something was not done, and how that is told.
//! - `template`, `workspace`: templates, workspaces and their builds. `logs`, `follow`: logs, and those that grow.
//!   `chat`, `daemon`: chats and provisioner daemons.
//! - `tell`: results for programs. `show`, `log`: results for people. `words`: what states are called for both.
//!
//! Everything is asked of the control plane's own API, as the person whose session token is given; nothing is decided here.

pub mod arguments;
mod caller;
mod chat;
mod daemon;
mod failure;
mod follow;
mod log;
mod logs;
pub mod name;
mod show;
mod tell;
mod template;
mod words;
mod workspace;

use std::io;

use groundhog_host::live::{LiveConfig, LiveMachine};
use groundhog_wire::v1::Transition;

use self::{
    arguments::{
        BuildCommand, ChatCommand, DaemonCommand, TemplateCommand, UserArguments, UserCommand, WorkspaceCommand,
    },
    caller::Caller,
    failure::Failure,
};
use crate::exit::Exit;

/// Does what `arguments` ask for.
pub fn run(arguments: &UserArguments) -> io::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let machine = LiveMachine::new("user", LiveConfig::new("."))?;
        let done = tokio::select! {
            biased;
            // What is done is told, even if somebody loses patience in the same moment.
            done = carry_out(&machine, arguments) => done,
            interrupt = tokio::signal::ctrl_c() => interrupt.map_err(Failure::Output).map(|()| Exit::Interrupted),
        };
        match done {
            Ok(Exit::Interrupted) => {
                anstream::eprintln!("groundhog: interrupted; what the platform was asked for goes on");
                Ok(Exit::Interrupted)
            }
            Ok(exit) => Ok(exit),
            // Told where all commands tell it: that a reader has gone is no failure.
            Err(Failure::Output(error)) => Err(error),
            Err(failure) => {
                failure.tell(arguments.connection.format)?;
                Ok(failure.exit())
            }
        }
    })
}

async fn carry_out(machine: &LiveMachine, arguments: &UserArguments) -> Result<Exit, Failure> {
    let caller = &Caller::new(machine.host(), &arguments.connection)?;
    match &arguments.command {
        UserCommand::Template(TemplateCommand::Push(push)) => template::push(caller, push).await,
        UserCommand::Template(TemplateCommand::List) => template::list(caller).await,
        UserCommand::Workspace(WorkspaceCommand::Create(create)) => workspace::create(caller, create).await,
        UserCommand::Workspace(WorkspaceCommand::Start(start)) => {
            workspace::change(caller, &start.transition, Transition::Start, start.update).await
        }
        UserCommand::Workspace(WorkspaceCommand::Stop(which)) => {
            workspace::change(caller, which, Transition::Stop, false).await
        }
        UserCommand::Workspace(WorkspaceCommand::Delete(which)) => {
            workspace::change(caller, which, Transition::Destroy, false).await
        }
        UserCommand::Workspace(WorkspaceCommand::List(list)) => workspace::list(caller, list).await,
        UserCommand::Workspace(WorkspaceCommand::Show(which)) => workspace::show(caller, which).await,
        UserCommand::Build(BuildCommand::Cancel(which)) => workspace::cancel(caller, which).await,
        UserCommand::Chat(ChatCommand::Create(create)) => chat::create(caller, create).await,
        UserCommand::Chat(ChatCommand::Show(which)) => chat::show(caller, which).await,
        UserCommand::Daemon(DaemonCommand::List) => daemon::list(caller).await,
        UserCommand::Logs(which) => logs::show(caller, which).await,
        UserCommand::AgentLogs(which) => logs::show_agent(caller, which).await,
    }
}
