//! What people do with the agents of their workspaces.

use std::time::Duration;

use toml::Spanned;

use super::super::values::{duration_above_zero, duration_or};
use super::super::{agents, names};
use super::Resolve;
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, AppFailure, Role, raw};

/// How long somebody stays at a terminal, unless said.
const STAYS: Duration = Duration::from_secs(10);

/// What a terminal session is called, unless said.
const SESSION: &str = "terminal";

impl Resolve<'_, '_> {
    pub(super) fn open_terminal(&mut self, raw: &raw::OpenTerminal) -> Action {
        self.is_somebodys(&raw.workspace);
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = raw.by.as_ref().map_or_else(|| owner.clone(), |by| names::user(self.check, by));
        Action::OpenTerminal {
            agent: self.agent(&raw.workspace, raw.agent.as_ref()),
            workspace: raw.workspace.get_ref().clone(),
            owner,
            by,
            session: raw.session.clone().unwrap_or_else(|| SESSION.to_owned()),
            command: raw.command.as_ref().map(|raw| agents::runs(self.check, raw)).unwrap_or_default(),
            sends: raw.sends.clone(),
            stays: duration_or(self.check, raw.stays.as_ref(), STAYS),
            reads: raw.reads.unwrap_or(true),
            in_pieces: raw.in_pieces.unwrap_or(false),
        }
    }

    pub(super) fn app_outage(&mut self, raw: &raw::AppOutage) -> Action {
        let agent = self.agent(&raw.workspace, raw.agent.as_ref());
        let (workspace, app) = (raw.workspace.get_ref(), raw.app.get_ref());
        let apps = self.check.machines.get(workspace).and_then(|machines| machines.get(&agent));
        if let Some(apps) = apps.filter(|apps| !apps.contains_key(app)) {
            let diagnostic = Diagnostic::new("unknown-app", format!("`{agent}` has no app `{app}`"))
                .at(raw.app.span())
                .help_with_names(app, apps.keys().map(String::as_str));
            self.check.report(diagnostic);
        }
        Action::AppOutage {
            workspace: workspace.clone(),
            agent,
            app: app.clone(),
            lasts: duration_above_zero(self.check, &raw.lasts).unwrap_or_default(),
            how: match raw.how.unwrap_or(raw::AppFailure::Refuses) {
                raw::AppFailure::Refuses => AppFailure::Refuses,
                raw::AppFailure::Hangs => AppFailure::Hangs,
                raw::AppFailure::AnswersBroken => AppFailure::AnswersBroken,
            },
        }
    }

    pub(super) fn claim_workspace(&mut self, raw: &raw::ClaimWorkspace) -> Action {
        let workspace = raw.workspace.get_ref();
        let ahead = |name: &&String| self.check.users.get(*name).is_some_and(|user| user.role == Role::Prebuilds);
        let ahead: Vec<String> = self.owners.get(workspace).into_iter().flatten().filter(ahead).cloned().collect();
        let owner = match (&raw.owner, ahead.as_slice()) {
            // Others may have a workspace of that name: what was built ahead is meant.
            (None, [only]) => only.clone(),
            _ => self.owner(&raw.workspace, raw.owner.as_ref()),
        };
        let by = self.asked_by(&raw.workspace, &owner, raw.by.as_ref());
        let person = names::user(self.check, &raw.person);
        if let Some(owners) = self.owners.get_mut(workspace) {
            owners.insert(person.clone());
        }
        Action::ClaimWorkspace { workspace: workspace.clone(), owner, by, person }
    }

    pub(super) fn list_agents(&mut self, raw: &raw::ListAgents) -> Action {
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = self.asked_by(&raw.workspace, &owner, raw.by.as_ref());
        Action::ListAgents { workspace: raw.workspace.get_ref().clone(), owner, by }
    }

    /// Which agent of a workspace is meant: the one that is named or, if there is one alone, that one.
    pub(super) fn agent(&mut self, workspace: &Spanned<String>, agent: Option<&Spanned<String>>) -> String {
        let name = workspace.get_ref();
        let known: Vec<String> =
            self.check.machines.get(name).map(|machines| machines.keys().cloned().collect()).unwrap_or_default();
        let (diagnostic, agent) = match (agent, known.as_slice()) {
            (None, [only]) => return only.clone(),
            (Some(agent), _) if known.contains(agent.get_ref()) => return agent.get_ref().clone(),
            // That there is no such workspace has been told.
            _ if !self.owners.contains_key(name) && !self.is_ahead(name) => return String::new(),
            (Some(agent), _) => {
                let message = format!("`{name}` has no agent `{}`", agent.get_ref());
                (Diagnostic::new("unknown-agent", message).at(agent.span()), agent.get_ref().as_str())
            }
            (None, []) => {
                let message = format!("`{name}` has no agents");
                (Diagnostic::new("unknown-agent", message).at(workspace.span()), "")
            }
            (None, _) => {
                let diagnostic = Diagnostic::new("ambiguous-agent", format!("`{name}` has several agents"))
                    .at(workspace.span())
                    .help(format!("say which with `agent`: {}", known.join(", ")));
                self.check.report(diagnostic);
                return String::new();
            }
        };
        let diagnostic = if known.is_empty() {
            diagnostic.help("its template has no `agents`")
        } else {
            diagnostic.help_with_names(agent, known.iter().map(String::as_str))
        };
        self.check.report(diagnostic);
        String::new()
    }
}
