//! What people do, and to which workspace.

mod agents;
mod templates;
mod tunnels;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use self::templates::Templates;
use super::declarations::texts;
use super::templates::log_level;
use super::values::instant;
use super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::units::show_duration;
use crate::scenario::{Action, ExpectStatus, JobAtShutdown, Step, Transition, USERS, is_control, raw};

/// What a step can be, in the words of the file.
const ACTIONS: &str = "`create_workspace`, `build_workspace`, `cancel_build`, `shutdown_provisioner`, \
                       `import_template`, `cancel_import`, `dry_run`, `cancel_dry_run`, `follow_logs`, `delete_key`, \
                       `open_terminal`, `app_outage`, `claim_workspace`, `list_agents`, `open_tunnel`, \
                       `interrupt_tunnel`";

/// Who has created a workspace of a name so far, or ever will.
type Owners = BTreeMap<String, BTreeSet<String>>;

pub(super) fn steps(check: &mut Check<'_>, raw: Vec<Spanned<raw::Step>>) -> Vec<Step> {
    let mut timed: Vec<(Duration, Spanned<raw::Step>)> = raw
        .into_iter()
        .map(|raw| {
            // A time that cannot be read makes nothing else look wrong: what is created is there from the first,
            // and everything else comes last.
            let creates = raw.get_ref().create_workspace.is_some();
            let unknown = if creates { Duration::ZERO } else { Duration::MAX };
            (instant(check, &raw.get_ref().at).unwrap_or(unknown), raw)
        })
        .collect();
    // Stable: at one instant the file's order stands.
    timed.sort_by_key(|(at, _)| *at);
    let later = all_workspaces(&timed);
    let templates = Templates::of(&timed);
    let mut opened = tunnels::Opened::of(&timed);
    let mut owners = Owners::new();
    let mut steps = Vec::new();
    for (at, raw) in timed {
        let (line, span) = (check.lines.line(raw.span().start), raw.get_ref().at.span());
        let mut resolve =
            Resolve { check, owners: &mut owners, later: &later, templates: &templates, tunnels: &mut opened, at };
        if let Some(action) = resolve.action(raw.into_inner(), span) {
            steps.push(Step { line, at, action });
        }
    }
    steps
}

/// When each workspace name is first used, for the person who used it too early.
fn all_workspaces(timed: &[(Duration, Spanned<raw::Step>)]) -> BTreeMap<String, Duration> {
    let mut first = BTreeMap::new();
    for (at, raw) in timed {
        if let Some(create) = &raw.get_ref().create_workspace {
            first.entry(create.get_ref().name.get_ref().clone()).or_insert(*at);
        }
    }
    first
}

struct Resolve<'a, 'b> {
    check: &'a mut Check<'b>,
    owners: &'a mut Owners,
    later: &'a BTreeMap<String, Duration>,
    templates: &'a Templates,
    tunnels: &'a mut tunnels::Opened,
    at: Duration,
}

impl Resolve<'_, '_> {
    fn action(&mut self, raw: raw::Step, span: Range<usize>) -> Option<Action> {
        let mut actions = Vec::new();
        let raw::Step { at: _, create_workspace, build_workspace, cancel_build, shutdown_provisioner, .. } = &raw;
        if let Some(raw) = create_workspace {
            actions.push((raw.span(), self.create_workspace(raw.get_ref())));
        }
        if let Some(raw) = build_workspace {
            actions.push((raw.span(), self.build_workspace(raw.get_ref())));
        }
        if let Some(raw) = cancel_build {
            actions.push((raw.span(), self.cancel_build(raw.get_ref())));
        }
        if let Some(raw) = shutdown_provisioner {
            actions.push((raw.span(), self.shutdown_provisioner(raw.get_ref())));
        }
        if let Some(raw) = &raw.follow_logs {
            actions.push((raw.span(), self.follow_logs(raw.get_ref())));
        }
        if let Some(raw) = &raw.open_terminal {
            actions.push((raw.span(), self.open_terminal(raw.get_ref())));
        }
        if let Some(raw) = &raw.app_outage {
            actions.push((raw.span(), self.app_outage(raw.get_ref())));
        }
        if let Some(raw) = &raw.claim_workspace {
            actions.push((raw.span(), self.claim_workspace(raw.get_ref())));
        }
        if let Some(raw) = &raw.list_agents {
            actions.push((raw.span(), self.list_agents(raw.get_ref())));
        }
        if let Some(raw) = &raw.open_tunnel {
            actions.push((raw.span(), self.open_tunnel(raw.get_ref())));
        }
        if let Some(raw) = &raw.interrupt_tunnel {
            actions.push((raw.span(), self.interrupt_tunnel(raw.get_ref())));
        }
        actions.extend(templates::actions(self.check, self.templates, &raw));
        exactly_one(self.check, actions, span, "step", ACTIONS)
    }

    fn create_workspace(&mut self, raw: &raw::CreateWorkspace) -> Action {
        names::well_formed(self.check, &raw.name);
        let owner = names::user(self.check, &raw.owner);
        let name = raw.name.get_ref().clone();
        let somebody_elses = self.owners.get(&name).is_some_and(|owners| !owners.contains(&owner));
        if somebody_elses && self.check.machines.contains_key(&name) {
            self.check.report(
                Diagnostic::new("ambiguous-machine", format!("somebody else has a workspace `{name}` with agents"))
                    .at(raw.name.span())
                    .help("its machines would be called the same: give one of the workspaces another name"),
            );
        }
        self.owners.entry(name.clone()).or_default().insert(owner.clone());
        Action::CreateWorkspace {
            name,
            owner,
            template: self.templates.existing(self.check, &raw.template),
            parameters: texts(&raw.parameters),
            log_level: raw.log_level.map(log_level),
        }
    }

    fn build_workspace(&mut self, raw: &raw::BuildWorkspace) -> Action {
        Action::BuildWorkspace {
            owner: self.owner(&raw.workspace, raw.owner.as_ref()),
            workspace: raw.workspace.get_ref().clone(),
            transition: match raw.transition {
                raw::Transition::Start => Transition::Start,
                raw::Transition::Stop => Transition::Stop,
                raw::Transition::Destroy => Transition::Destroy,
            },
            update: raw.update.unwrap_or(false),
        }
    }

    fn cancel_build(&mut self, raw: &raw::CancelBuild) -> Action {
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = raw.by.as_ref().map_or_else(|| owner.clone(), |by| names::user(self.check, by));
        Action::CancelBuild {
            workspace: raw.workspace.get_ref().clone(),
            owner,
            by,
            expect_status: raw.expect_status.map(|status| match status {
                raw::ExpectStatus::Pending => ExpectStatus::Pending,
                raw::ExpectStatus::Running => ExpectStatus::Running,
            }),
        }
    }

    fn follow_logs(&mut self, raw: &raw::FollowLogs) -> Action {
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = raw.by.as_ref().map_or_else(|| owner.clone(), |by| names::user(self.check, by));
        Action::FollowLogs { workspace: raw.workspace.get_ref().clone(), owner, by }
    }

    fn shutdown_provisioner(&mut self, raw: &raw::ShutdownProvisioner) -> Action {
        let name = raw.name.get_ref();
        let laptops = &self.check.laptops;
        let is_provisioner = |name: &str| !is_control(name) && name != USERS && !laptops.contains(name);
        match self.check.hosts.get(name).filter(|_| is_provisioner(name)).copied() {
            None => {
                let known: Vec<&str> =
                    self.check.hosts.keys().map(String::as_str).filter(|host| is_provisioner(host)).collect();
                let diagnostic = Diagnostic::new("unknown-provisioner", format!("there is no provisioner `{name}`"))
                    .at(raw.name.span())
                    .help_with_names(name, known);
                self.check.report(diagnostic);
            }
            Some(start) if self.at < start => {
                let diagnostic = before_start(name, self.at, start, raw.name.span());
                self.check.report(diagnostic);
            }
            Some(_) => {}
        }
        let job = match raw.job.unwrap_or(raw::JobAtShutdown::Finishes) {
            raw::JobAtShutdown::Finishes => JobAtShutdown::Finishes,
            raw::JobAtShutdown::IsCanceled => JobAtShutdown::IsCanceled,
            raw::JobAtShutdown::IsDropped => JobAtShutdown::IsDropped,
        };
        Action::ShutdownProvisioner { name: name.clone(), job }
    }

    /// Whose workspace is meant.
    fn owner(&mut self, workspace: &Spanned<String>, owner: Option<&Spanned<String>>) -> String {
        let name = workspace.get_ref();
        let Some(creators) = self.owners.get(name) else {
            let diagnostic = Diagnostic::new("unknown-workspace", format!("nobody has created a workspace `{name}`"))
                .at(workspace.span());
            let diagnostic = match self.later.get(name) {
                Some(at) => diagnostic.help(format!("it is created only at {}", show_duration(*at))),
                None if self.owners.is_empty() => {
                    diagnostic.help("an earlier step with `create_workspace` must create it")
                }
                None => diagnostic.help_with_names(name, self.owners.keys().map(String::as_str)),
            };
            self.check.report(diagnostic);
            return owner.map(|owner| owner.get_ref().clone()).unwrap_or_default();
        };
        match owner {
            None => {
                let mut several = creators.iter();
                if let (Some(only), None) = (several.next(), several.next()) {
                    return only.clone();
                }
                let listed: Vec<&str> = creators.iter().map(String::as_str).collect();
                let diagnostic =
                    Diagnostic::new("ambiguous-workspace", format!("several people have a workspace `{name}`"))
                        .at(workspace.span())
                        .help(format!("say whose with `owner`: {}", listed.join(", ")));
                self.check.report(diagnostic);
                String::new()
            }
            Some(owner) => {
                if !creators.contains(owner.get_ref()) {
                    let diagnostic = Diagnostic::new(
                        "unknown-workspace",
                        format!("`{}` has not created a workspace `{name}`", owner.get_ref()),
                    )
                    .at(owner.span())
                    .help_with_names(owner.get_ref(), creators.iter().map(String::as_str));
                    self.check.report(diagnostic);
                }
                owner.get_ref().clone()
            }
        }
    }
}

/// Takes the one thing that an entry says. None and two are mistakes.
pub(super) fn exactly_one<T>(
    check: &mut Check<'_>,
    found: Vec<(Range<usize>, T)>,
    entry: Range<usize>,
    kind: &str,
    known: &str,
) -> Option<T> {
    let mut found = found.into_iter();
    let Some((_, first)) = found.next() else {
        check.report(
            Diagnostic::new("nothing-to-do", format!("this {kind} does nothing"))
                .at(entry)
                .help(format!("expected one of {known}")),
        );
        return None;
    };
    for (span, _) in found {
        check.report(
            Diagnostic::new("two-at-once", format!("this {kind} already does something else"))
                .at(span)
                .help(format!("write a `[[{kind}]]` for each")),
        );
    }
    Some(first)
}

/// Something is to happen to a host that is not there yet.
pub(super) fn before_start(host: &str, at: Duration, start: Duration, span: Range<usize>) -> Diagnostic {
    Diagnostic::new("before-start", format!("at {} the host `{host}` has not started", show_duration(at)))
        .at(span)
        .help(format!("it starts at {}", show_duration(start)))
}
