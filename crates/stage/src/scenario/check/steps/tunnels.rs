//! Tunnels, and which of them there are by when.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::Spanned;

use super::super::agents::Apps;
use super::super::names;
use super::super::values::{duration_above_zero, whole};
use super::Resolve;
use crate::diagnostic::Diagnostic;
use crate::scenario::units::show_duration;
use crate::scenario::{Action, REAPER, Tunnel, TunnelApplication, raw};

/// How often the user of a forwarded port asks for a page, unless said.
const EVERY: Duration = Duration::from_secs(10);

/// What a tunnel's terminal session is called, unless said: as with `open_terminal`.
const SESSION: &str = "terminal";

/// The first port that agents forward to.
const PORT_MIN: i64 = groundhog_wire::agent_port::FORWARD_MIN as i64;

/// The tunnels of a story.
pub(super) struct Opened {
    /// When each is opened.
    all: BTreeMap<String, Duration>,
    /// Those that are opened by now.
    by_now: BTreeSet<String>,
}

impl Opened {
    pub(super) fn of(timed: &[(Duration, Spanned<raw::Step>)]) -> Self {
        let mut all = BTreeMap::new();
        for (at, raw) in timed {
            if let Some(open) = &raw.get_ref().open_tunnel {
                all.entry(open.get_ref().name.get_ref().clone()).or_insert(*at);
            }
        }
        Self { all, by_now: BTreeSet::new() }
    }
}

impl Resolve<'_, '_> {
    pub(super) fn open_tunnel(&mut self, raw: &raw::OpenTunnel) -> Action {
        self.tunnel_name(&raw.name);
        self.is_somebodys(&raw.workspace);
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = raw.by.as_ref().map_or_else(|| owner.clone(), |by| names::user(self.check, by));
        // Which agent is meant where none is named is for the control plane to find out.
        let agent = raw.agent.as_ref().map(|agent| self.agent(&raw.workspace, Some(agent))).unwrap_or_default();
        let application = match raw.app.unwrap_or_default() {
            raw::TunnelApplication::Forward => self.forward(raw, &agent),
            raw::TunnelApplication::Terminal => self.terminal(raw),
        };
        Action::OpenTunnel(Tunnel {
            name: raw.name.get_ref().clone(),
            workspace: raw.workspace.get_ref().clone(),
            owner,
            by,
            agent,
            application,
            autostart: raw.autostart.unwrap_or(true),
            wait_for_scripts: raw.wait_for_scripts.unwrap_or(true),
            stays: raw.stays.as_ref().and_then(|raw| duration_above_zero(self.check, raw)),
        })
    }

    pub(super) fn interrupt_tunnel(&mut self, raw: &raw::InterruptTunnel) -> Action {
        let name = raw.name.get_ref();
        if !self.tunnels.by_now.contains(name) {
            let diagnostic =
                Diagnostic::new("unknown-tunnel", format!("nobody has opened a tunnel `{name}`")).at(raw.name.span());
            let diagnostic = match self.tunnels.all.get(name) {
                Some(at) => diagnostic.help(format!("it is opened only at {}", show_duration(*at))),
                None if self.tunnels.all.is_empty() => {
                    diagnostic.help("an earlier step with `open_tunnel` must open it")
                }
                None => diagnostic.help_with_names(name, self.tunnels.all.keys().map(String::as_str)),
            };
            self.check.report(diagnostic);
        }
        Action::InterruptTunnel { name: name.clone() }
    }

    /// A tunnel's name is a host's too.
    fn tunnel_name(&mut self, name: &Spanned<String>) {
        names::well_formed(self.check, name);
        names::unique(self.check, &mut self.tunnels.by_now, "tunnel", name);
        // It was put among the laptops unless a host of another kind is called that.
        if name.get_ref() == REAPER || !self.check.laptops.contains(name.get_ref()) {
            self.check.report(
                Diagnostic::new("reserved-name", format!("`{}` means something else", name.get_ref()))
                    .at(name.span())
                    .help("a tunnel has a laptop of its name: give it a name that no other host has"),
            );
        }
    }

    fn forward(&mut self, raw: &raw::OpenTunnel, agent: &str) -> TunnelApplication {
        let (session, sends) = (raw.session.as_ref().map(Spanned::span), raw.sends.as_ref().map(Spanned::span));
        for span in [session, sends].into_iter().flatten() {
            self.check.report(
                Diagnostic::new("contradiction", "a forwarded port has no terminal")
                    .at(span)
                    .help("leave it out, or say `app = \"terminal\"`"),
            );
        }
        let port = match &raw.port {
            Some(port) => u16::try_from(whole(self.check, port, PORT_MIN..=i64::from(u16::MAX))).unwrap_or(1),
            None => self.only_port(raw, agent),
        };
        let every = raw.every.as_ref().and_then(|raw| duration_above_zero(self.check, raw)).unwrap_or(EVERY);
        TunnelApplication::Forward { port, every }
    }

    fn terminal(&mut self, raw: &raw::OpenTunnel) -> TunnelApplication {
        let (port, every) = (raw.port.as_ref().map(Spanned::span), raw.every.as_ref().map(Spanned::span));
        for span in [port, every].into_iter().flatten() {
            self.check.report(
                Diagnostic::new("contradiction", "a terminal forwards no port")
                    .at(span)
                    .help("leave it out, or say `app = \"forward\"`"),
            );
        }
        TunnelApplication::Terminal {
            session: raw.session.as_ref().map_or_else(|| SESSION.to_owned(), |session| session.get_ref().clone()),
            sends: raw.sends.as_ref().map(|sends| sends.get_ref().clone()).unwrap_or_default(),
        }
    }

    /// The port of the only app of an agent, or of all agents if none is named. 1 if it is reported that there is no
    /// such thing.
    fn only_port(&mut self, raw: &raw::OpenTunnel, agent: &str) -> u16 {
        let workspace = &raw.workspace;
        let agents = self.check.machines.get(workspace.get_ref()).into_iter().flatten();
        let apps = agents.filter(|(name, _)| agent.is_empty() || name.as_str() == agent).map(|(_, apps)| apps);
        let ports: BTreeSet<u16> =
            apps.flat_map(Apps::values).copied().filter(|port| i64::from(*port) >= PORT_MIN).collect();
        let mut several = ports.iter();
        if let (Some(only), None) = (several.next(), several.next()) {
            return *only;
        }
        // That there is no such workspace, or no such agent, has been told.
        let is_told = !self.owners.contains_key(workspace.get_ref()) || (agent.is_empty() && raw.agent.is_some());
        if !is_told {
            let listed: Vec<String> = ports.iter().map(u16::to_string).collect();
            let help = if listed.is_empty() {
                format!("say which with `port`: no app listens on the agent's machine, from port {PORT_MIN} on")
            } else {
                format!("say which with `port`: {}", listed.join(", "))
            };
            let diagnostic =
                Diagnostic::new("missing-key", "it is not said which port is forwarded").at(workspace.span());
            self.check.report(diagnostic.help(help));
        }
        1
    }
}
