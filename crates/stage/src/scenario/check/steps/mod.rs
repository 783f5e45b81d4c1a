//! What people do, and to which workspace.

mod agents;
mod chats;
mod lifecycle;
mod templates;
mod tunnels;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use self::templates::Templates;
use super::declarations::texts;
use super::templates::log_level;
use super::values::{chosen_duration, instant};
use super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::units::show_duration;
use crate::scenario::{
    AHEAD, Action, ExpectStatus, JobAtShutdown, Step, Transition, USERS, ahead_number, is_control, raw,
};

/// What a step can be, in the words of the file.
const ACTIONS: &str = "`create_workspace`, `build_workspace`, `cancel_build`, `shutdown_provisioner`, \
                       `import_template`, `cancel_import`, `dry_run`, `cancel_dry_run`, `follow_logs`, `delete_key`, \
                       `open_terminal`, `app_outage`, `claim_workspace`, `list_agents`, `open_tunnel`, \
                       `interrupt_tunnel`, `activate_version`, `deprecate_template`, `delete_template`, \
                       `invalidate_prebuilds`, `pause_prebuilds`, `resume_prebuilds`, `set_lifecycle`, \
                       `read_metrics`, `list_presets`, `call_tool`, `attach_workspace`, `set_chat_ttl`";

/// Who has created a workspace of a name so far, or ever will.
type Owners = BTreeMap<String, BTreeSet<String>>;

pub(super) fn steps(check: &mut Check<'_>, raw: Vec<Spanned<raw::Step>>) -> Vec<Step> {
    let mut timed: Vec<(Duration, Spanned<raw::Step>)> = raw
        .into_iter()
        .map(|raw| {
            // A time that cannot be read makes nothing else look wrong: what is created is there from the first,
            // and everything else comes last.
            let creates = raw.get_ref().create_workspace.is_some() || chats::created(raw.get_ref()).is_some();
            let unknown = if creates { Duration::ZERO } else { Duration::MAX };
            (instant(check, &raw.get_ref().at).unwrap_or(unknown), raw)
        })
        .collect();
    // Stable: at one instant the file's order stands.
    timed.sort_by_key(|(at, _)| *at);
    let later = all_workspaces(check, &timed);
    let templates = Templates::of(&timed);
    let mut opened = tunnels::Opened::of(&timed);
    let (mut owners, mut named) = (Owners::new(), Owners::new());
    let mut steps = Vec::new();
    for (at, raw) in timed {
        let (line, span) = (check.lines.line(raw.span().start), raw.get_ref().at.span());
        let mut resolve = Resolve {
            check,
            owners: &mut owners,
            named: &mut named,
            later: &later,
            templates: &templates,
            tunnels: &mut opened,
            at,
        };
        if let Some(action) = resolve.action(raw.into_inner(), span) {
            steps.push(Step { line, at, action });
        }
    }
    steps
}

/// The templates of which some step imports a version.
pub(super) fn imported(raw: &[Spanned<raw::Step>]) -> BTreeSet<String> {
    let imports = raw.iter().filter_map(|raw| raw.get_ref().import_template.as_ref());
    imports.map(|import| import.get_ref().template.get_ref().clone()).collect()
}

/// When each workspace name is first used, for the person who used it too early.
fn all_workspaces(check: &Check<'_>, timed: &[(Duration, Spanned<raw::Step>)]) -> BTreeMap<String, Duration> {
    let mut first = BTreeMap::new();
    for (at, raw) in timed {
        if let Some(create) = &raw.get_ref().create_workspace {
            first.entry(create.get_ref().name.get_ref().clone()).or_insert(*at);
        }
        let chat = chats::created(raw.get_ref()).and_then(|call| check.chats.get(call.chat.get_ref()));
        for workspace in chat.into_iter().flat_map(chats::workspaces) {
            first.entry(workspace).or_insert(*at);
        }
    }
    first
}

struct Resolve<'a, 'b> {
    check: &'a mut Check<'b>,
    owners: &'a mut Owners,
    /// What chats' tools are told to call workspaces so far, and whose chats those are.
    named: &'a mut Owners,
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
            actions.push((raw.span(), self.build_workspace(raw)));
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
        if let Some(raw) = &raw.set_lifecycle {
            actions.push((raw.span(), self.set_lifecycle(raw)));
        }
        if let Some(raw) = &raw.call_tool {
            actions.push((raw.span(), self.call_tool(raw.get_ref())));
        }
        if let Some(raw) = &raw.attach_workspace {
            actions.push((raw.span(), self.attach_workspace(raw.get_ref())));
        }
        if let Some(raw) = &raw.set_chat_ttl {
            actions.push((raw.span(), self.set_chat_ttl(raw)));
        }
        actions.extend(templates::actions(self.check, self.templates, &raw));
        actions.extend(lifecycle::actions(self.check, self.templates, &raw));
        exactly_one(self.check, actions, span, "step", ACTIONS)
    }

    fn create_workspace(&mut self, raw: &raw::CreateWorkspace) -> Action {
        names::well_formed(self.check, &raw.name);
        if self.check.builds_ahead && ahead_number(raw.name.get_ref()).is_some() {
            let message = format!("`{}` means what the platform has built ahead", raw.name.get_ref());
            self.check.report(
                Diagnostic::new("reserved-name", message).at(raw.name.span()).help("give the workspace another name"),
            );
        }
        let owner = names::user(self.check, &raw.owner);
        let name = raw.name.get_ref().clone();
        self.is_no_chats(&raw.name);
        self.of_nobody_else(&raw.name, &owner);
        self.owners.entry(name.clone()).or_default().insert(owner.clone());
        Action::CreateWorkspace {
            name,
            owner,
            template: self.templates.existing(self.check, &raw.template),
            parameters: texts(&raw.parameters),
            log_level: raw.log_level.map(log_level),
            preset: raw.preset.as_ref().map(|preset| self.preset(&raw.template, preset)).unwrap_or_default(),
            version: raw.version.as_ref().map(|version| self.version(&raw.template, version)).unwrap_or_default(),
            autostart: raw.autostart.as_ref().map(|text| text.get_ref().clone()).unwrap_or_default(),
            ttl: raw.ttl.as_ref().and_then(|raw| chosen_duration(self.check, raw)),
        }
    }

    /// A preset that some version of the template has.
    fn preset(&mut self, template: &Spanned<String>, preset: &Spanned<String>) -> String {
        let likes = self.templates.likes(template.get_ref());
        let known: BTreeSet<String> =
            likes.iter().filter_map(|like| self.check.presets.get(like)).flatten().cloned().collect();
        let is_template = likes.iter().any(|like| self.check.presets.contains_key(like));
        // That there is no such template has been told.
        if is_template && !known.contains(preset.get_ref()) {
            let message = format!("`{}` has no preset `{}`", template.get_ref(), preset.get_ref());
            let diagnostic = Diagnostic::new("unknown-preset", message).at(preset.span());
            self.check.report(if known.is_empty() {
                diagnostic.help("it has no `presets`")
            } else {
                diagnostic.help_with_names(preset.get_ref(), known.iter().map(String::as_str))
            });
        }
        preset.get_ref().clone()
    }

    fn version(&mut self, template: &Spanned<String>, version: &Spanned<String>) -> String {
        self.templates.version(self.check, template, version);
        version.get_ref().clone()
    }

    /// Who asks: whoever is named, or the owner. For what was built ahead and belongs to nobody, an administrator.
    fn asked_by(&mut self, workspace: &Spanned<String>, owner: &str, by: Option<&Spanned<String>>) -> String {
        if owner == AHEAD && self.is_ahead(workspace.get_ref()) {
            return names::administrator(self.check, by, workspace.span());
        }
        by.map_or_else(|| owner.to_owned(), |by| names::user(self.check, by))
    }

    /// Whether a name means what the platform has built ahead.
    fn is_ahead(&self, workspace: &str) -> bool {
        self.check.builds_ahead && ahead_number(workspace).is_some()
    }

    /// A workspace that a person has created. What was built ahead can't be used in this step.
    fn is_somebodys(&mut self, workspace: &Spanned<String>) {
        if self.is_ahead(workspace.get_ref()) {
            let message = format!("`{}` was built ahead and is nobody's", workspace.get_ref());
            self.check.report(
                Diagnostic::new("nobodys-workspace", message)
                    .at(workspace.span())
                    .help("once somebody has claimed it, call it as they do: name the workspace that they create"),
            );
        }
    }

    fn build_workspace(&mut self, raw: &Spanned<raw::BuildWorkspace>) -> Action {
        let raw = raw.get_ref();
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let is_destroy = matches!(raw.transition, raw::Transition::Destroy);
        let orphan = raw.orphan.unwrap_or(false);
        if orphan && !is_destroy {
            self.check.report(
                Diagnostic::new("contradiction", "only a workspace that goes can leave something behind")
                    .at(raw.workspace.span())
                    .help("leave out `orphan`, or let `transition` be \"destroy\""),
            );
        }
        Action::BuildWorkspace {
            by: self.asked_by(&raw.workspace, &owner, raw.by.as_ref()),
            owner,
            orphan,
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
        self.is_somebodys(&raw.workspace);
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
        self.is_somebodys(&raw.workspace);
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = raw.by.as_ref().map_or_else(|| owner.clone(), |by| names::user(self.check, by));
        Action::FollowLogs { workspace: raw.workspace.get_ref().clone(), owner, by }
    }

    fn shutdown_provisioner(&mut self, raw: &raw::ShutdownProvisioner) -> Action {
        let name = raw.name.get_ref();
        let (laptops, assistants) = (&self.check.laptops, &self.check.assistants);
        let is_provisioner =
            |name: &str| !is_control(name) && name != USERS && !laptops.contains(name) && !assistants.contains(name);
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
        if self.is_ahead(name) {
            if let Some(owner) = owner.filter(|owner| owner.get_ref() != AHEAD) {
                let message = format!("`{name}` is what the platform builds ahead");
                self.check.report(
                    Diagnostic::new("unknown-workspace", message)
                        .at(owner.span())
                        .help("leave out `owner`; who asks is said with `by`"),
                );
            }
            return AHEAD.to_owned();
        }
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
