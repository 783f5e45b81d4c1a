//! Agents, and what their machines can run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::Spanned;

use super::declarations::texts;
use super::values::{chosen_duration, duration_above_zero, duration_or, whole, whole_u32};
use super::world::some_text;
use super::{Check, names, prebuilds};
use crate::diagnostic::Diagnostic;
use crate::scenario::raw::Bytes;
use crate::scenario::units::show_duration;
use crate::scenario::{
    Agent, AgentApp, AgentMetadata, AgentScript, BUILTINS, OnSignal, Pipe, Prints, Program, ahead, machine, raw,
};

/// The most agents that one entry stands for: worlds of more hosts than that are for benchmarks.
const AGENTS_MAX: u64 = 1_000;

/// How long a machine takes to boot, unless said: quick, but not at once.
const BOOTS: Duration = Duration::from_secs(1);

/// How many failures in a row of an app are still well, unless said.
const THRESHOLD: u32 = 3;

/// The longest span of time that the protocol carries, in milliseconds.
const MILLIS_MAX: Duration = Duration::from_millis(u32::MAX as u64);

/// Bytes that a program writes first, at most. They stand in the file.
const BYTES_MAX: usize = 64 << 10;

/// Runs of a program that fail, at most.
const FAILS_FIRST_MAX: u32 = 1_000;

/// Lines closer than this, and without a count, would be more than a run can hold.
const PRINTS_EVERY_MIN: Duration = Duration::from_millis(1);

/// What the machines of one workspace have: by agent, its apps.
pub(super) type Machines = BTreeMap<String, Apps>;

/// Where the apps of an agent listen, by slug.
pub(super) type Apps = BTreeMap<String, u16>;

/// Learns which machines there will be, and which programs they have, before anything that names one is looked at.
pub(super) fn collect(
    check: &mut Check<'_>,
    steps: &[Spanned<raw::Step>],
    templates: &[Spanned<raw::Template>],
    programs: &[Spanned<raw::Program>],
) {
    check.programs = Some(programs.iter().map(|program| program.get_ref().name.get_ref().clone()).collect());
    let steps = || steps.iter().map(Spanned::get_ref);
    for create in steps().filter_map(|step| step.create_workspace.as_ref()).map(Spanned::get_ref) {
        let (workspace, name) = (create.name.get_ref(), create.template.get_ref());
        let imported = steps().filter_map(|step| step.import_template.as_ref()).map(Spanned::get_ref);
        let imported = imported.filter(|import| import.template.get_ref() == name);
        let likes = imported.map(|import| import.like.as_ref().unwrap_or(&import.template).get_ref());
        let likes: BTreeSet<&String> = likes.chain([name]).collect();
        let behaviours = templates.iter().map(Spanned::get_ref).filter(|one| likes.contains(one.name.get_ref()));
        for agent in behaviours.flat_map(|template| &template.agents) {
            collect_agent(check, workspace, agent);
        }
    }
}

/// Learns which machines an agent has in a workspace: none if it is somebody else's.
pub(super) fn collect_agent(check: &mut Check<'_>, workspace: &str, agent: &raw::Agent) {
    if agent.external == Some(true) {
        return;
    }
    let apps = || agent.apps.iter().map(|app| (app.slug.get_ref().clone(), port(app)));
    for name in agent_names(check, agent) {
        // Before its workspace is built a machine is off, and nothing that happens to it does any harm.
        check.hosts.insert(machine(workspace, &name), Duration::ZERO);
        check.machines.entry(workspace.to_owned()).or_default().entry(name).or_default().extend(apps());
    }
}

/// Learns which machines there will be for workspaces that are built ahead.
pub(super) fn collect_ahead(
    check: &mut Check<'_>,
    control: Option<&raw::Control>,
    templates: &[Spanned<raw::Template>],
) {
    if !check.builds_ahead {
        return;
    }
    // What is built ahead is of a version that has presets for it, and that behaves as one of the file's templates.
    let ahead_of = |template: &raw::Template| template.presets.iter().any(|preset| preset.prebuilds.is_some());
    let built_ahead = templates.iter().map(Spanned::get_ref).filter(|template| ahead_of(template));
    for agent in built_ahead.flat_map(|template| &template.agents) {
        for number in 1..=prebuilds::machines(control) as usize {
            collect_agent(check, &ahead(number), agent);
        }
    }
}

/// Where an app listens. A port that makes no sense is reported where agents are checked.
fn port(app: &raw::AgentApp) -> u16 {
    u16::try_from(*app.port.get_ref()).unwrap_or(1)
}

/// The names that an entry stands for. A count that cannot be read is reported where agents are checked.
fn agent_names(check: &mut Check<'_>, raw: &raw::Agent) -> Vec<String> {
    let reported = check.found.len();
    let name = raw.name.get_ref();
    let names = match count(check, raw) {
        None => vec![name.clone()],
        Some(count) => (1..=count).map(|number| format!("{name}-{number}")).collect(),
    };
    check.found.truncate(reported);
    names
}

fn count(check: &mut Check<'_>, raw: &raw::Agent) -> Option<u32> {
    raw.count.as_ref().map(|raw| names::at_least_one(check, raw, AGENTS_MAX))
}

pub(super) fn agents(check: &mut Check<'_>, raw: Vec<raw::Agent>) -> Vec<Agent> {
    let mut seen = BTreeSet::new();
    let mut agents = Vec::new();
    for raw in raw {
        names::well_formed(check, &raw.name);
        let agent = Agent {
            name: raw.name.get_ref().clone(),
            count: count(check, &raw),
            directory: raw.directory.unwrap_or_default(),
            environment: texts(&raw.environment),
            boots: duration_or(check, raw.boots.as_ref(), BOOTS),
            connection_timeout: raw.connection_timeout.as_ref().and_then(|raw| whole_seconds(check, raw)),
            keeps_token: raw.keeps_token.unwrap_or(true),
            display_order: raw.display_order.as_ref().map_or(0, |raw| order(check, raw)),
            external: raw.external.unwrap_or(false),
            scripts: scripts(check, raw.scripts),
            metadata: metadata(check, raw.metadata),
            apps: apps(check, raw.apps),
        };
        for name in agent.names() {
            // The control plane tells them apart whatever the case of their letters.
            names::unique_as(check, &mut seen, "workspace agent", &raw.name, &name.to_lowercase());
        }
        agents.push(agent);
    }
    agents
}

/// What the protocol carries.
fn order(check: &mut Check<'_>, raw: &Spanned<i64>) -> i32 {
    i32::try_from(whole(check, raw, i64::from(i32::MIN)..=i64::from(i32::MAX))).unwrap_or(0)
}

fn scripts(check: &mut Check<'_>, raw: Vec<raw::AgentScript>) -> Vec<AgentScript> {
    let known: Vec<String> = raw.iter().map(|script| script.name.get_ref().clone()).collect();
    let mut seen = BTreeSet::new();
    let mut scripts = Vec::new();
    for raw in raw {
        names::unique(check, &mut seen, "script", &raw.name);
        some_text(check, &raw.name, "a script has a name");
        if raw.on.is_empty() && raw.cron.is_none() {
            check.report(
                Diagnostic::new("nothing-to-do", "this script never runs")
                    .at(raw.name.span())
                    .help("say when with `on = [\"start\"]`, `on = [\"stop\"]` or `cron`"),
            );
        }
        let mut others = |list: &[Spanned<String>]| -> Vec<String> {
            list.iter().map(|other| another(check, &known, &raw.name, other)).collect()
        };
        let (after, after_completion) = (others(&raw.after), others(&raw.after_completion));
        scripts.push(AgentScript {
            runs: runs(check, &raw.runs),
            on_start: raw.on.contains(&raw::ScriptStage::Start),
            on_stop: raw.on.contains(&raw::ScriptStage::Stop),
            // A bad one is a story too: the agent has to say so.
            cron: raw.cron.as_ref().map(|cron| some_text(check, cron, "a script that runs by the clock has a time")),
            timeout: raw.timeout.as_ref().and_then(|raw| {
                let timeout = duration_above_zero(check, raw)?;
                at_most(check, raw, timeout, MILLIS_MAX)
            }),
            after,
            after_completion,
            name: raw.name.into_inner(),
        });
    }
    scripts
}

/// A script that another one waits for.
fn another(check: &mut Check<'_>, known: &[String], own: &Spanned<String>, other: &Spanned<String>) -> String {
    if !known.contains(other.get_ref()) {
        let diagnostic = Diagnostic::new("unknown-script", format!("the agent has no script `{}`", other.get_ref()))
            .at(other.span())
            .help_with_names(other.get_ref(), known.iter().map(String::as_str));
        check.report(diagnostic);
    } else if own.get_ref() == other.get_ref() {
        check.report(
            Diagnostic::new("contradiction", "a script that waits for itself never begins")
                .at(other.span())
                .help("name another script"),
        );
    }
    other.get_ref().clone()
}

/// What a shell is told to run: programs that it has.
pub(super) fn runs(check: &mut Check<'_>, raw: &Spanned<String>) -> String {
    let text = raw.get_ref();
    let programs: Vec<&str> = text.split([';', '\n']).filter_map(|line| line.split_whitespace().next()).collect();
    if programs.is_empty() {
        check.report(
            Diagnostic::new("empty-text", "this runs nothing")
                .at(raw.span())
                .help("name a program and its arguments; `true` does nothing"),
        );
    }
    let Some(known) = check.programs.clone() else { return text.clone() };
    for program in programs {
        if !BUILTINS.contains(&program) && !known.contains(program) {
            let known = BUILTINS.into_iter().chain(known.iter().map(String::as_str));
            let diagnostic = Diagnostic::new("unknown-program", format!("no machine has a program `{program}`"))
                .at(raw.span())
                .help_with_names(program, known);
            check.report(diagnostic);
        }
    }
    text.clone()
}

fn metadata(check: &mut Check<'_>, raw: Vec<raw::AgentMetadata>) -> Vec<AgentMetadata> {
    let mut seen = BTreeSet::new();
    let mut metadata = Vec::new();
    for raw in raw {
        names::unique(check, &mut seen, "metadata key", &raw.key);
        metadata.push(AgentMetadata {
            key: some_text(check, &raw.key, "a value has a name"),
            runs: runs(check, &raw.runs),
            interval: raw.interval.as_ref().and_then(|raw| whole_seconds(check, raw)).unwrap_or_default(),
            timeout: raw.timeout.as_ref().and_then(|raw| whole_seconds(check, raw)),
        });
    }
    metadata
}

fn apps(check: &mut Check<'_>, raw: Vec<raw::AgentApp>) -> Vec<AgentApp> {
    let (mut seen, mut ports) = (BTreeSet::new(), BTreeSet::new());
    let mut apps = Vec::new();
    for raw in raw {
        names::well_formed(check, &raw.slug);
        names::unique(check, &mut seen, "app", &raw.slug);
        let port = u16::try_from(whole(check, &raw.port, 1..=i64::from(u16::MAX))).unwrap_or(1);
        if !ports.insert(port) {
            check.report(
                Diagnostic::new("duplicate-port", format!("another app listens on port {port}"))
                    .at(raw.port.span())
                    .help("give one of them another port"),
            );
        }
        apps.push(AgentApp {
            slug: raw.slug.into_inner(),
            port,
            interval: raw.interval.as_ref().and_then(|raw| whole_seconds(check, raw)),
            threshold: raw.threshold.as_ref().map_or(THRESHOLD, |raw| whole_u32(check, raw, 0..=u32::MAX)),
        });
    }
    apps
}

/// A span of time that the protocol carries: one or more whole seconds.
fn whole_seconds(check: &mut Check<'_>, raw: &Spanned<raw::DurationText>) -> Option<Duration> {
    let duration = duration_above_zero(check, raw)?;
    if duration.subsec_nanos() > 0 {
        check.report(
            Diagnostic::new("out-of-range", "this is told in whole seconds").at(raw.span()).help(format!(
                "expected {:?} or a second more",
                show_duration(Duration::from_secs(duration.as_secs()))
            )),
        );
        return None;
    }
    Some(duration)
}

fn at_most(
    check: &mut Check<'_>,
    raw: &Spanned<raw::DurationText>,
    duration: Duration,
    max: Duration,
) -> Option<Duration> {
    if duration > max {
        check.report(
            Diagnostic::new("out-of-range", "this is longer than can be told")
                .at(raw.span())
                .help(format!("expected at most {:?}", show_duration(max))),
        );
        return None;
    }
    Some(duration)
}

pub(super) fn programs(check: &mut Check<'_>, raw: Vec<Spanned<raw::Program>>) -> Vec<Program> {
    let mut seen = BTreeSet::new();
    let mut programs = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "program", &raw.name);
        if BUILTINS.contains(&raw.name.get_ref().as_str()) {
            check.report(
                Diagnostic::new("reserved-name", format!("every shell knows `{}` by itself", raw.name.get_ref()))
                    .at(raw.name.span())
                    .help("give the program another name"),
            );
        }
        programs.push(program(check, raw));
    }
    programs
}

fn program(check: &mut Check<'_>, raw: raw::Program) -> Program {
    let hangs = raw.hangs.unwrap_or_default();
    let never = [(raw.takes.as_ref().map(Spanned::span), "takes"), (raw.exit.as_ref().map(Spanned::span), "exit")];
    for (span, key) in never.into_iter().filter_map(|(span, key)| span.map(|span| (span, key))) {
        if hangs {
            check.report(
                Diagnostic::new("contradiction", "a program that hangs never comes to its end")
                    .at(span)
                    .help(format!("leave out `hangs` or `{key}`")),
            );
        }
    }
    Program {
        name: raw.name.into_inner(),
        takes: duration_or(check, raw.takes.as_ref(), Duration::ZERO),
        exit: raw.exit.as_ref().map_or(0, |raw| u8::try_from(whole(check, raw, 0..=255)).unwrap_or_default()),
        prints: raw.prints.map(|raw| prints(check, raw)),
        prints_bytes: raw.prints_bytes.map(|raw| bytes(check, &raw)).unwrap_or_default(),
        hangs,
        on_signal: match raw.on_signal {
            None | Some(raw::OnSignal::Ends) => OnSignal::Ends,
            Some(raw::OnSignal::Ignores) => OnSignal::Ignores,
            Some(raw::OnSignal::EndsAfter(after)) => {
                chosen_duration(check, &after).map_or(OnSignal::Ends, OnSignal::EndsAfter)
            }
        },
        leaves_pipe_open: raw.leaves_pipe_open.as_ref().and_then(|raw| duration_above_zero(check, raw)),
        fails_first: raw.fails_first.as_ref().map_or(0, |raw| whole_u32(check, raw, 0..=FAILS_FIRST_MAX)),
    }
}

fn prints(check: &mut Check<'_>, raw: raw::Prints) -> Prints {
    let every = duration_or(check, raw.every.as_ref(), Duration::ZERO);
    let count = raw.count.as_ref().map(|raw| whole(check, raw, 0..=i64::MAX).unsigned_abs());
    if let (None, Some(raw)) = (count, raw.every.as_ref().filter(|_| every < PRINTS_EVERY_MIN)) {
        check.report(
            Diagnostic::new("out-of-range", "these lines come too fast")
                .at(raw.span())
                .help("expected at least \"1ms\" between two lines, or a `count`"),
        );
    }
    Prints {
        // Lines without a count and without a time between them are told once a second.
        every: if count.is_none() && raw.every.is_none() { Duration::from_secs(1) } else { every },
        line: raw.line.unwrap_or_else(|| "line {n}".to_owned()),
        count,
        to: match raw.to {
            None | Some(raw::Pipe::Output) => Pipe::Output,
            Some(raw::Pipe::Error) => Pipe::Error,
        },
    }
}

fn bytes(check: &mut Check<'_>, raw: &Spanned<Bytes>) -> Vec<u8> {
    let bytes: Option<Vec<u8>> = match raw.get_ref() {
        Bytes::Numbers(numbers) => numbers.iter().map(|number| u8::try_from(*number).ok()).collect(),
        Bytes::Hex(text) => hex(text),
    };
    let Some(bytes) = bytes else {
        check.report(
            Diagnostic::new("bad-bytes", "these are no bytes")
                .at(raw.span())
                .help("expected numbers from 0 to 255, or a text of two hexadecimal digits for each byte"),
        );
        return Vec::new();
    };
    if bytes.len() > BYTES_MAX {
        check.report(
            Diagnostic::new("out-of-range", format!("these are {} bytes", bytes.len()))
                .at(raw.span())
                .help(format!("expected at most {BYTES_MAX}; `prints` writes more")),
        );
    }
    bytes
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pair = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).ok();
    digits.len().is_multiple_of(2).then_some(())?;
    digits.chunks_exact(2).map(pair).collect()
}
