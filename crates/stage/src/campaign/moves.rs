//! How a plan is made smaller: what can be left out of it, and what can be simpler about what is left.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use groundhog_control::{AutobuildConfig, PrebuildsConfig};
use groundhog_provisioner::RunnerConfig;
use groundhog_sim::campaign::Plan;

use super::rest;
use crate::scenario::{
    AHEAD, ASSISTANT, Action, Assistant, CONTROL, ChatTool, ClockStep, Control, FIRST_VERSION, FaultKind, Machine,
    OnCancel, Phase, Scenario, SuspendedClock, TunnelApplication, USERS, chat_workspace, defaults, is_control, machine,
};

impl Plan for Scenario {
    /// Faults first, then steps, hosts, and what else there is.
    fn parts(&self) -> usize {
        self.faults.len()
            + self.steps.len()
            + self.provisioners.len()
            + self.links.len()
            + self.groups.len()
            + self.templates.len()
            + self.expectations.len()
            + self.chats.len()
            + self.assistants.len()
    }

    fn without(&self, parts: Range<usize>) -> Option<Self> {
        let mut plan = self.clone();
        let mut index = 0;
        let mut stays = || {
            index += 1;
            !parts.contains(&(index - 1))
        };
        plan.faults.retain(|_| stays());
        plan.steps.retain(|_| stays());
        plan.provisioners.retain(|_| stays());
        plan.links.retain(|_| stays());
        plan.groups.retain(|_| stays());
        plan.templates.retain(|_| stays());
        plan.expectations.retain(|_| stays());
        plan.chats.retain(|_| stays());
        plan.assistants.retain(|_| stays());
        plan.drop_what_hangs_in_the_air();
        // The only assistant that there is comes back.
        if !parts.is_empty() && plan == *self { None } else { plan.if_as_fair_as(self) }
    }

    fn simpler(&self) -> Vec<Self> {
        let mut candidates = Candidates { plan: self, list: Vec::new() };
        candidates.settings();
        candidates.templates();
        candidates.provisioners();
        candidates.assistants();
        candidates.faults();
        candidates.steps();
        candidates.ending();
        candidates.list
    }
}

impl Scenario {
    /// Drops what refers to something that is gone.
    fn drop_what_hangs_in_the_air(&mut self) {
        self.drop_idle_assistants();
        let hosts: BTreeSet<String> = self.hosts().collect();
        let mut templates: BTreeSet<String> = self.templates.iter().map(|template| template.name.clone()).collect();
        let written = templates.clone();
        let has_version = |template: &String, version: &String, imported: &BTreeSet<(String, String)>| {
            let is_first = version == FIRST_VERSION && written.contains(template);
            is_first || imported.contains(&(template.clone(), version.clone()))
        };
        templates.extend(self.steps.iter().filter_map(|step| match &step.action {
            Action::ImportTemplate { template, like, .. } if written.contains(like) => Some(template.clone()),
            _ => None,
        }));
        let keys: BTreeSet<String> = self.provisioners.iter().map(|provisioner| provisioner.key.clone()).collect();
        let machines = self.machines().into_iter();
        let slugs = |one: Machine<'_>| one.declared.apps.iter().map(|app| app.slug.clone()).collect::<BTreeSet<_>>();
        let mut machines: BTreeMap<String, BTreeSet<String>> = machines.map(|(name, one)| (name, slugs(one))).collect();
        let of_chats = self.chat_machines().map(|(host, _, agent)| (host, self.apps_of(&agent)));
        machines.extend(of_chats);
        let presets: BTreeMap<String, BTreeSet<String>> = templates
            .iter()
            .map(|name| {
                let presets = self.behaviours(name).flat_map(|template| &template.presets);
                (name.clone(), presets.map(|preset| preset.name.clone()).collect())
            })
            .collect();
        let chats: BTreeMap<String, (String, u32)> =
            self.chats.iter().map(|chat| (chat.name.clone(), (chat.owner.clone(), chat.workspaces))).collect();
        let builds_ahead = self.control.prebuilds.enabled;
        let (mut made, mut imported, mut tried_out) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut opened = BTreeSet::new();
        self.steps.retain(|step| match &step.action {
            Action::CreateWorkspace { name, owner, template, preset, version, .. } => {
                let has_preset = presets.get(template).is_some_and(|known| preset.is_empty() || known.contains(preset));
                let has_version = version.is_empty() || has_version(template, version, &imported);
                let stays = templates.contains(template) && has_preset && has_version;
                if stays {
                    made.insert((name.clone(), owner.clone()));
                }
                stays
            }
            Action::CancelBuild { workspace, owner, .. } | Action::FollowLogs { workspace, owner, .. } => {
                made.contains(&(workspace.clone(), owner.clone()))
            }
            Action::BuildWorkspace { workspace, owner, .. }
            | Action::SetLifecycle { workspace, owner, .. }
            | Action::ListAgents { workspace, owner, .. } => {
                made.contains(&(workspace.clone(), owner.clone())) || (builds_ahead && owner == AHEAD)
            }
            Action::ActivateVersion { template, version, .. } => has_version(template, version, &imported),
            Action::ListPresets { template, version, .. } => {
                templates.contains(template) && (version.is_empty() || has_version(template, version, &imported))
            }
            Action::DeprecateTemplate { template, .. }
            | Action::DeleteTemplate { template, .. }
            | Action::InvalidatePrebuilds { template, .. } => templates.contains(template),
            Action::CallTool(call) => {
                let owner = chats.get(&call.chat).filter(|_| hosts.contains(&call.on));
                let stays = owner.is_some() && call.names_what_is_there(&templates, &presets);
                if let (Some((owner, workspaces)), true, ChatTool::CreateWorkspace) = (owner, stays, call.tool) {
                    let names = (1..=*workspaces as usize).map(|number| chat_workspace(&call.chat, number));
                    made.extend(names.map(|name| (name, owner.clone())));
                }
                stays
            }
            Action::AttachWorkspace { chat, workspace, owner, .. } => {
                chats.contains_key(chat) && made.contains(&(workspace.clone(), owner.clone()))
            }
            Action::PausePrebuilds { .. } | Action::ReadMetrics { .. } | Action::SetChatTtl { .. } => true,
            Action::ClaimWorkspace { workspace, owner, person, .. } => {
                let is_ahead = builds_ahead && owner == AHEAD;
                let stays = made.contains(&(workspace.clone(), owner.clone())) || is_ahead;
                if stays {
                    made.insert((workspace.clone(), person.clone()));
                }
                stays
            }
            Action::OpenTerminal { workspace, owner, agent, .. } => {
                made.contains(&(workspace.clone(), owner.clone())) && machines.contains_key(&machine(workspace, agent))
            }
            Action::AppOutage { workspace, agent, app, .. } => {
                machines.get(&machine(workspace, agent)).is_some_and(|slugs| slugs.contains(app))
            }
            Action::ShutdownProvisioner { name, .. } => hosts.contains(name),
            Action::ImportTemplate { template, version, like, .. } => {
                let stays = written.contains(like);
                if stays {
                    imported.insert((template.clone(), version.clone()));
                }
                stays
            }
            Action::CancelImport { template, version, .. } => imported.contains(&(template.clone(), version.clone())),
            Action::DryRun { template, .. } => {
                let stays = templates.contains(template);
                if stays {
                    tried_out.insert(template.clone());
                }
                stays
            }
            Action::CancelDryRun { template, .. } => tried_out.contains(template),
            Action::DeleteKey { key, .. } => keys.contains(key),
            Action::OpenTunnel(tunnel) => {
                let has_agent =
                    tunnel.agent.is_empty() || machines.contains_key(&machine(&tunnel.workspace, &tunnel.agent));
                let stays = made.contains(&(tunnel.workspace.clone(), tunnel.owner.clone())) && has_agent;
                if stays {
                    opened.insert(tunnel.name.clone());
                }
                stays
            }
            Action::InterruptTunnel { name } => opened.contains(name),
        });
        let provisioners = self.provisioners.iter_mut().map(|provisioner| &mut provisioner.control);
        for control in provisioners.chain(self.assistants.iter_mut().map(|assistant| &mut assistant.control)) {
            *control = control.take().filter(|control| hosts.contains(control));
        }
        for allowed in self.assistants.iter_mut().map(|assistant| &mut assistant.allowed_templates) {
            // One that becomes empty allows everything: that is another plan, and no worse a one.
            allowed.retain(|name| templates.contains(name));
        }
        // The laptops of tunnels that are gone are gone too.
        let hosts: BTreeSet<String> = self.hosts().collect();
        self.faults.retain(|fault| fault.kind.hosts().iter().all(|host| hosts.contains(*host)));
        self.links.retain(|link| hosts.contains(&link.between.0) && hosts.contains(&link.between.1));
        self.expectations.retain(|expectation| {
            let host = expectation.pattern.host.as_ref();
            host.is_none_or(|host| hosts.contains(host) || host == crate::scenario::WORLD)
        });
        let run: Vec<String> = self.texts_for_shells().map(str::to_owned).collect();
        self.programs.retain(|program| run.iter().any(|text| text.contains(&program.name)));
        let named: BTreeSet<String> = self.named_users().into_iter().map(str::to_owned).collect();
        self.users.retain(|name, _| named.contains(name));
    }

    /// Without chats nobody needs an assistant, and with chats there is one at least.
    fn drop_idle_assistants(&mut self) {
        if self.chats.is_empty() {
            self.assistants.clear();
        } else if self.assistants.is_empty() {
            self.assistants.push(Assistant::new(ASSISTANT));
        }
    }

    /// Takes replicas away. What goes wrong with one of them goes wrong with the first instead.
    fn with_fewer_replicas(&mut self, fewer: u32) {
        self.control.replicas = fewer;
        let left: BTreeSet<String> = self.replicas().collect();
        let gone = |host: &str| is_control(host) && !left.contains(host);
        for host in self.faults.iter_mut().flat_map(|fault| fault.kind.hosts_mut()).filter(|host| gone(host)) {
            CONTROL.clone_into(host);
        }
        let provisioners = self.provisioners.iter_mut().map(|provisioner| &mut provisioner.control);
        for control in provisioners.chain(self.assistants.iter_mut().map(|assistant| &mut assistant.control)) {
            *control = control.take().filter(|control| !gone(control));
        }
    }

    /// The plan, unless it fails for want of time where the `other` does not.
    fn if_as_fair_as(self, other: &Self) -> Option<Self> {
        (rest::is_fair(&self) || !rest::is_fair(other)).then_some(self)
    }
}

/// Spans of time that people like, the shortest first.
const ROUND: [Duration; 15] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(20),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
];

/// How many presets of a template are made simpler one by one, at most: each is a run.
const PRESETS_MAX: usize = 10;

/// Grains to which an instant is rounded, the coarsest first.
const GRAINS: [Duration; 5] = [
    Duration::from_mins(10),
    Duration::from_mins(1),
    Duration::from_secs(10),
    Duration::from_secs(1),
    Duration::from_millis(100),
];

/// Shorter spans of time, the shortest first.
fn shorter(than: Duration) -> impl Iterator<Item = Duration> {
    ROUND.into_iter().filter(move |duration| *duration < than)
}

/// Earlier and rounder instants not before `earliest`, the roundest first.
fn rounder(than: Duration, earliest: Duration) -> impl Iterator<Item = Duration> {
    let down = move |grain: Duration| {
        let (than, grain) = (than.as_micros(), grain.as_micros());
        Duration::from_micros(u64::try_from(than - than % grain).unwrap_or(u64::MAX))
    };
    let rounded = GRAINS.into_iter().map(down).filter(move |at| *at < than && *at >= earliest);
    rounded.collect::<BTreeSet<_>>().into_iter()
}

struct Candidates<'a> {
    plan: &'a Scenario,
    list: Vec<Scenario>,
}

impl Candidates<'_> {
    /// Adds the plan with a change, if that is another plan that is as fair.
    fn add(&mut self, change: impl FnOnce(&mut Scenario)) {
        let mut plan = self.plan.clone();
        change(&mut plan);
        if plan != *self.plan {
            plan.faults.sort_by_key(|fault| fault.at);
            plan.steps.sort_by_key(|step| step.at);
            let parts = plan.parts();
            plan.drop_what_hangs_in_the_air();
            // A step that came to stand before what it needs is no simplification.
            if parts == plan.parts() {
                self.list.extend(plan.if_as_fair_as(self.plan));
            }
        }
    }

    fn settings(&mut self) {
        self.add(|plan| plan.network = defaults::NETWORK);
        self.add(|plan| {
            plan.control = Control {
                replicas: plan.control.replicas,
                relays: plan.control.relays,
                prebuilds: plan.control.prebuilds,
                ahead_machines: plan.control.ahead_machines,
                autobuild: plan.control.autobuild,
                ..defaults::control()
            };
        });
        self.add(|plan| plan.control.relays = false);
        // What the platform does by itself stays on where it is: how is another thing.
        self.add(|plan| {
            let usual = defaults::control();
            plan.control.prebuilds = PrebuildsConfig { enabled: plan.control.prebuilds.enabled, ..usual.prebuilds };
            plan.control.autobuild = AutobuildConfig { enabled: plan.control.autobuild.enabled, ..usual.autobuild };
        });
        self.add(|plan| plan.control.autobuild.enabled = false);
        self.add(|plan| plan.starts_at = defaults::starts_at());
        self.add(|plan| {
            plan.organizations.clear();
            plan.groups.iter_mut().for_each(|group| group.organization = None);
            plan.chats.iter_mut().for_each(|chat| chat.organization = None);
            plan.templates.iter_mut().for_each(|template| template.organization = None);
        });
        for fewer in 1..self.plan.control.replicas {
            self.add(|plan| plan.with_fewer_replicas(fewer));
        }
        // Who builds what: one side alone would leave jobs that nobody takes.
        self.add(|plan| {
            plan.templates.iter_mut().for_each(|template| template.tags.clear());
            plan.provisioners.iter_mut().for_each(|provisioner| provisioner.tags.clear());
        });
    }

    fn templates(&mut self) {
        for index in 0..self.plan.templates.len() {
            self.add(|plan| plan.templates[index].tags.clear());
            self.add(|plan| plan.templates[index].stop = None);
            self.add(|plan| plan.templates[index].destroy = None);
            self.add(|plan| plan.templates[index].readme.clear());
            self.add(|plan| plan.templates[index].variables.clear());
            self.add(|plan| plan.templates[index].parameters.clear());
            self.add(|plan| plan.templates[index].presets.clear());
            self.presets(index);
            self.add(|plan| {
                let template = &mut plan.templates[index];
                (template.default_ttl, template.dormant_after, template.deleted_after) = (None, None, None);
            });
            self.add(|plan| plan.templates[index].external_auth.clear());
            self.agents(index);
            self.phase(|plan| &plan.templates[index].parse, |plan| &mut plan.templates[index].parse);
            self.phase(|plan| &plan.templates[index].plan, |plan| &mut plan.templates[index].plan);
            self.phase(|plan| &plan.templates[index].apply, |plan| &mut plan.templates[index].apply);
        }
    }

    fn presets(&mut self, template: usize) {
        for index in 0..self.plan.templates[template].presets.len().min(PRESETS_MAX) {
            self.add(|plan| drop(plan.templates[template].presets.remove(index)));
            let Some(now) = &self.plan.templates[template].presets[index].prebuilds else { continue };
            for fewer in [1, 2, 5].into_iter().filter(|few| *few < now.instances) {
                self.add(|plan| plan.templates[template].presets[index].prebuilds_mut(|ahead| ahead.instances = fewer));
            }
            self.add(|plan| plan.templates[template].presets[index].prebuilds_mut(|ahead| ahead.schedules.clear()));
            self.add(|plan| plan.templates[template].presets[index].prebuilds_mut(|ahead| ahead.expires_after = None));
        }
    }

    fn agents(&mut self, template: usize) {
        self.add(|plan| plan.templates[template].agents.clear());
        for index in 0..self.plan.templates[template].agents.len() {
            self.add(|plan| drop(plan.templates[template].agents.remove(index)));
            let now = &self.plan.templates[template].agents[index];
            let fewer = now
                .count
                .into_iter()
                .flat_map(|count| [1, 2, 5, 10, 50, 100].into_iter().filter(move |few| *few < count));
            for fewer in fewer {
                self.add(|plan| plan.templates[template].agents[index].count = Some(fewer));
            }
            for script in 0..now.scripts.len() {
                self.add(|plan| plan.templates[template].agents[index].without_script(script));
            }
            self.add(|plan| plan.templates[template].agents[index].environment.clear());
            self.add(|plan| plan.templates[template].agents[index].metadata.clear());
            self.add(|plan| plan.templates[template].agents[index].apps.clear());
        }
    }

    fn phase(&mut self, now: impl Fn(&Scenario) -> &Phase, of: impl Fn(&mut Scenario) -> &mut Phase) {
        let takes = now(self.plan).takes;
        self.add(|plan| of(plan).logs = None);
        self.add(|plan| of(plan).fails = None);
        self.add(|plan| of(plan).state = None);
        self.add(|plan| of(plan).daily_cost = 0);
        self.add(|plan| of(plan).finds = None);
        self.add(|plan| of(plan).misbehaves = None);
        self.add(|plan| of(plan).replacements.clear());
        self.add(|plan| {
            if let OnCancel::Obey { takes } = &mut of(plan).on_cancel {
                *takes = Duration::ZERO;
            }
        });
        self.add(|plan| of(plan).on_cancel = OnCancel::Obey { takes: Duration::ZERO });
        for less in std::iter::once(Duration::ZERO).chain(shorter(takes)).filter(|less| *less < takes) {
            self.add(|plan| of(plan).takes = less);
        }
    }

    fn provisioners(&mut self) {
        let usual = RunnerConfig::default();
        for index in 0..self.plan.provisioners.len() {
            self.add(|plan| plan.provisioners[index].tags.clear());
            self.add(|plan| plan.provisioners[index].start = Duration::ZERO);
            self.add(|plan| plan.provisioners[index].update_interval = usual.update_interval);
            self.add(|plan| plan.provisioners[index].force_cancel_interval = usual.force_cancel_interval);
            self.add(|plan| plan.provisioners[index].slots = 1);
            self.add(|plan| plan.provisioners[index].control = None);
            self.add(|plan| plan.provisioners[index].refuses_sessions = None);
        }
    }

    fn assistants(&mut self) {
        for index in 0..self.plan.assistants.len() {
            self.add(|plan| plan.assistants[index].control = None);
            self.add(|plan| plan.assistants[index].allowed_templates.clear());
            self.add(|plan| plan.assistants[index].dials = true);
        }
        for index in 0..self.plan.chats.len() {
            for fewer in [1, 2, 3].into_iter().filter(|few| *few < self.plan.chats[index].workspaces) {
                self.add(|plan| plan.chats[index].workspaces = fewer);
            }
        }
    }

    fn faults(&mut self) {
        for index in 0..self.plan.faults.len() {
            let fault = &self.plan.faults[index];
            if let Some(kind) = plainer(&fault.kind) {
                self.add(|plan| plan.faults[index].kind = kind);
            }
            for kind in milder(&fault.kind) {
                self.add(|plan| plan.faults[index].kind = kind);
            }
            for lasts in fault.lasts.into_iter().flat_map(shorter) {
                self.add(|plan| plan.faults[index].lasts = Some(lasts));
            }
            let starts = self.plan.provisioners.iter().filter(|one| fault.kind.hosts().contains(&one.name.as_str()));
            let earliest = starts.map(|one| one.start).max().unwrap_or_default();
            for at in rounder(fault.at, earliest) {
                self.add(|plan| plan.faults[index].at = at);
            }
        }
    }

    fn steps(&mut self) {
        for index in 0..self.plan.steps.len() {
            let step = &self.plan.steps[index];
            let earliest = match &step.action {
                Action::ShutdownProvisioner { name, .. } => {
                    let host = self.plan.provisioners.iter().find(|one| one.name == *name);
                    host.map(|one| one.start).unwrap_or_default()
                }
                _ => Duration::ZERO,
            };
            for at in rounder(step.at, earliest) {
                self.add(|plan| plan.steps[index].at = at);
            }
            self.add(|plan| match &mut plan.steps[index].action {
                Action::CreateWorkspace { parameters, log_level, preset: _, version, autostart, ttl, .. } => {
                    parameters.clear();
                    version.clear();
                    autostart.clear();
                    (*log_level, *ttl) = (None, None);
                }
                Action::ImportTemplate { variables, .. } => variables.clear(),
                Action::DryRun { parameters, .. } => parameters.clear(),
                Action::CallTool(call) => call.make_simpler(),
                Action::OpenTerminal { sends, .. } => sends.clear(),
                Action::BuildWorkspace { update, orphan, .. } => (*update, *orphan) = (false, false),
                Action::OpenTunnel(tunnel) => {
                    (tunnel.autostart, tunnel.wait_for_scripts) = (true, true);
                    if let TunnelApplication::Terminal { sends, .. } = &mut tunnel.application {
                        sends.clear();
                    }
                }
                _ => {}
            });
            self.add(|plan| {
                if let Action::CreateWorkspace { preset, .. } = &mut plan.steps[index].action {
                    preset.clear();
                }
            });
            self.add(|plan| {
                if let Action::OpenTunnel(tunnel) = &mut plan.steps[index].action {
                    tunnel.stays = None;
                }
            });
        }
    }

    /// How long the run is: as long as fairness asks, in whole minutes.
    fn ending(&mut self) {
        let last = self.plan.expectations.iter().filter_map(|one| one.between.map(|window| window.end)).max();
        self.add(|plan| {
            plan.settle = plan.settle.min(rest::settle(plan));
            plan.duration = whole_minutes(plan.duration.min(rest::duration(plan)).max(last.unwrap_or_default()));
        });
    }
}

/// The same kind of fault with less of it, the least first.
fn milder(kind: &FaultKind) -> Vec<FaultKind> {
    match kind {
        FaultKind::StepClock { host, by } => {
            let step = |size| match by {
                ClockStep::Ahead(_) => ClockStep::Ahead(size),
                ClockStep::Back(_) => ClockStep::Back(size),
            };
            shorter(by.size()).map(|size| FaultKind::StepClock { host: host.clone(), by: step(size) }).collect()
        }
        FaultKind::Drift { host, ppm } => {
            let less = [10, 100, 1_000, 10_000].into_iter().filter(|less| *less < ppm.abs());
            less.map(|less| FaultKind::Drift { host: host.clone(), ppm: less * ppm.signum() }).collect()
        }
        _ => Vec::new(),
    }
}

fn whole_minutes(time: Duration) -> Duration {
    Duration::from_mins(u64::try_from(time.as_micros().div_ceil(60_000_000)).unwrap_or(u64::MAX))
}

/// A kind of fault that is easier to think about and does at least as much.
fn plainer(kind: &FaultKind) -> Option<FaultKind> {
    let plainer = match kind {
        FaultKind::PowerLoss { host } => FaultKind::Kill { host: host.clone() },
        FaultKind::CutOneWay { from, to } if is_control(from) || from == USERS => {
            FaultKind::Cut { between: (to.clone(), from.clone()) }
        }
        FaultKind::CutOneWay { from, to } => FaultKind::Cut { between: (from.clone(), to.clone()) },
        FaultKind::Hold { between } => FaultKind::Cut { between: between.clone() },
        FaultKind::Lossy { between, .. } | FaultKind::Slow { between, .. } => {
            FaultKind::Cut { between: between.clone() }
        }
        FaultKind::Suspend { host, clock: SuspendedClock::Runs } => {
            FaultKind::Suspend { host: host.clone(), clock: SuspendedClock::Stops }
        }
        _ => return None,
    };
    Some(plainer)
}
