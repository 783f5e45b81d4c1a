//! A machine's address, a folder, and a platform there.

use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU8, Ordering},
};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use super::child::{PATIENCE, Running, eventually};
use crate::support::{Folder, Ran};

/// The administrator's token, where the test gives it.
const TOKEN: &str = "a-token-of-the-tests";

/// What admits daemons, where the test gives it.
const KEY: &str = "a-key-of-the-tests";

/// Where one platform is. Dropping it ends what agents it has left behind.
pub(crate) struct Place {
    pub(crate) folder: Folder,
    /// A loopback address of its own, so that the usual ports are free.
    address: Ipv4Addr,
}

impl Place {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU8 = AtomicU8::new(1);
        // Other processes may run the same tests at the same time.
        let [low, high, ..] = std::process::id().to_le_bytes();
        let address = Ipv4Addr::new(127, 164 + (high & 0x3f), low, MADE.fetch_add(1, Ordering::Relaxed));
        Self { folder: Folder::new(), address }
    }

    /// Sets what a program needs to know of the place, as its environment has it.
    pub(crate) fn set(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GROUNDHOG_") {
                command.env_remove(name);
            }
        }
        command.env("GROUNDHOG_LISTEN", format!("{}:7080", self.address));
        command.env("GROUNDHOG_HTTP", format!("{}:7081", self.address));
        command.env("GROUNDHOG_CONTROL", format!("{}:7080", self.address));
    }

    /// The program, ready to be run here by somebody who knows the secrets.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.folder.command(arguments);
        self.set(&mut command);
        command.env("GROUNDHOG_TOKEN", TOKEN).env("GROUNDHOG_ADMIN_TOKEN", TOKEN).env("GROUNDHOG_PROVISIONER_KEY", KEY);
        command
    }

    /// A control plane that is ready.
    pub(crate) fn control(&self) -> Running {
        self.control_with(&[])
    }

    /// The same, with settings.
    pub(crate) fn control_with(&self, settings: &[&str]) -> Running {
        let arguments = ["serve", "control", "--database", "control.sqlite"];
        let control = Running::start("the control plane", &mut self.command(&[&arguments[..], settings].concat()));
        control.says(|line| line.contains("ready"));
        control
    }

    /// A daemon.
    pub(crate) fn provisioner(&self) -> Running {
        let arguments = ["serve", "provisioner", "--name", "prov-1", "--work", "work"];
        let provisioner = Running::start("the daemon", &mut self.command(&arguments));
        provisioner.says(|line| line.contains("ready"));
        provisioner
    }

    /// Has a person ask for something, and waits for the answer.
    pub(crate) fn user(&self, arguments: &[&str]) -> Ran {
        let mut command = self.command(&[&["user"], arguments].concat());
        Ran::of(command.output().expect("the program can be started"))
    }

    /// The same, for a program: which is told no less than this.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str], key: &str) -> Vec<Value> {
        let told = self.user(&[arguments, &["--format", "json"]].concat()).with_status(0).json();
        told.into_iter().filter_map(|mut line| Some(line.get_mut(key)?.take())).collect()
    }

    /// Somebody who looks on.
    pub(crate) fn watcher(&self, arguments: &[&str]) -> Running {
        Running::start("who looks on", &mut self.command(&[&["user"], arguments].concat()))
    }

    /// Makes a template of this text.
    #[track_caller]
    pub(crate) fn push(&self, name: &str, text: &str) {
        self.folder.write("template.toml", text);
        self.user(&["template", "push", name, "template.toml"]).with_status(0);
    }

    /// A workspace, once `is_so`.
    #[track_caller]
    pub(crate) fn workspace(&self, name: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let told = self.json(&["workspace", "show", name], "workspace").remove(0);
            if is_so(&told) { Ok(told) } else { Err(told.to_string()) }
        })
    }

    /// A workspace with an agent that is connected and ready.
    #[track_caller]
    pub(crate) fn ready(&self, name: &str) -> Value {
        self.workspace(name, "an agent that is ready", |told| {
            let agent = &told["agents"][0];
            agent["status"] == "connected" && agent["lifecycle"] == "ready"
        })
    }

    /// The lines of the log of a workspace's latest build, which has ended well.
    #[track_caller]
    pub(crate) fn log(&self, workspace: &str) -> Vec<Value> {
        self.json(&["logs", workspace], "line")
    }

    /// What is answered to `GET path` where health and metrics are shown: status line and all.
    pub(crate) fn get(&self, path: &str) -> String {
        let place = SocketAddr::from((self.address, 7081));
        let mut stream = TcpStream::connect(place).expect("somebody listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("it is a time");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n").expect("it is taken");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it is answered");
        answer
    }

    /// The processes of the agents, by what is noted of them.
    pub(crate) fn agents(&self) -> Vec<Pid> {
        let numbers = notes(&self.folder.path(""));
        numbers.into_iter().filter(|pid| test_kill_process(*pid).is_ok()).collect()
    }
}

/// The numbers of processes that are noted below a folder.
fn notes(folder: &Path) -> Vec<Pid> {
    let mut found = Vec::new();
    // What is being deleted may be gone by now.
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if path.file_name().is_some_and(|name| name == "running") {
            let number = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            found.extend(number.and_then(Pid::from_raw));
        } else if path.is_dir() && !path.is_symlink() {
            found.extend(notes(&path));
        }
    }
    found
}

impl Drop for Place {
    fn drop(&mut self) {
        for agent in self.agents() {
            // It may have ended just now.
            let _ = kill_process(agent, Signal::KILL);
        }
    }
}

/// The folder of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
