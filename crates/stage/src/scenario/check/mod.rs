//! From tables to a scenario: what the values mean, and whether they fit together.
//!
//! A value that is wrong is reported and replaced by a harmless one, so that the rest can be checked too; the
//! scenario that comes out then is thrown away.

mod agents;
mod chats;
mod declarations;
pub(crate) mod defaults;
mod expectations;
mod family;
mod faults;
mod live;
mod names;
mod prebuilds;
mod steps;
mod templates;
mod values;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundhog_host::event::EventSpec;

use self::values::{DURATION_UNKNOWN, duration_above_zero};
use super::choice::Choice;
use super::document::Document;
use super::{Case, Chat, Scenario, Swarm, Template, User, Workload, raw};
use crate::diagnostic::{Diagnostic, Lines};

/// What a check looks names up in, and where it puts what it finds.
struct Check<'a> {
    found: Vec<Diagnostic>,
    lines: Lines,
    /// How long the run is, for times that must lie within it.
    duration: Duration,
    /// All hosts, and when each boots.
    hosts: BTreeMap<String, Duration>,
    /// The hosts of those from which tunnels are opened.
    laptops: BTreeSet<String>,
    /// The hosts of assistants.
    assistants: BTreeSet<String>,
    /// By name.
    chats: BTreeMap<String, Chat>,
    templates: BTreeSet<String>,
    users: BTreeMap<String, User>,
    /// By workspace: its machines.
    machines: BTreeMap<String, agents::Machines>,
    /// What the machines can run; none if they are real ones, of which nobody knows.
    programs: Option<BTreeSet<String>>,
    /// What admits provisioners, by name.
    keys: BTreeSet<String>,
    events: BTreeMap<&'static str, &'a EventSpec>,
    /// What becomes of a range.
    choice: Choice,
    /// Workspaces are built ahead.
    builds_ahead: bool,
    /// By template of the file: its presets.
    presets: BTreeMap<String, BTreeSet<String>>,
    /// To whom templates can belong.
    organizations: BTreeSet<String>,
}

impl Check<'_> {
    /// Knows no name yet.
    fn new(text: &str, choice: Choice) -> Self {
        Self {
            found: Vec::new(),
            lines: Lines::of(text),
            duration: DURATION_UNKNOWN,
            hosts: BTreeMap::new(),
            laptops: BTreeSet::new(),
            assistants: BTreeSet::new(),
            chats: BTreeMap::new(),
            templates: BTreeSet::new(),
            users: BTreeMap::new(),
            machines: BTreeMap::new(),
            programs: Some(BTreeSet::new()),
            keys: BTreeSet::new(),
            events: BTreeMap::new(),
            choice,
            builds_ahead: false,
            presets: BTreeMap::new(),
            organizations: BTreeSet::new(),
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }
}

/// What a file says.
pub(super) struct Checked {
    pub(super) scenario: Scenario,
    pub(super) swarm: Swarm,
    pub(super) workload: Workload,
    pub(super) case: Option<Case>,
}

pub(super) fn check(
    document: Document,
    text: &str,
    catalogues: &[&[EventSpec]],
    choice: Choice,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut check = Check::new(text, choice);
    check.events = catalogues.iter().flat_map(|list| list.iter()).map(|event| (event.name, event)).collect();
    check.builds_ahead = prebuilds::is_on(document.control.as_ref(), &document.templates);
    let check = &mut check;

    let about = about(check, &document);
    match &document.duration {
        Some(raw) => check.duration = duration_above_zero(check, raw).unwrap_or(DURATION_UNKNOWN),
        None => check.report(missing("duration", "how long the story lasts, such as `duration = \"30m\"`")),
    }
    live::live(check, &document);
    let starts_at =
        document.starts_at.as_ref().map_or_else(defaults::starts_at, |raw| values::calendar_time(check, raw));
    let settle = document.settle.as_ref().and_then(|raw| values::duration(check, raw)).unwrap_or(defaults::SETTLE);
    let seed = document.seed.as_ref().map_or(0, |raw| values::whole(check, raw, 0..=i64::MAX).unsigned_abs());
    let allow_errors = allow_errors(check, document.allow_errors.unwrap_or_default());

    let with_chats = (document.chats.as_slice(), document.assistants.as_slice());
    names::collect_hosts(check, document.control.as_ref(), &document.provisioners, with_chats, &document.steps);
    agents::collect(check, &document.steps, &document.templates, &document.programs);
    agents::collect_ahead(check, document.control.as_ref(), &document.templates);
    let has_chats = !document.chats.is_empty();
    chats::collect_machines(check, &document.chats, &document.templates);
    let network = world::network(check, document.network);
    let links = world::links(check, document.links, network);
    let (mut control, autobuild) = world::control(check, document.control);
    let organizations = world::organizations(check, document.organizations);
    let groups = world::groups(check, document.groups);
    world::users(check, document.users);
    let programs = agents::programs(check, document.programs);
    let places: Vec<_> = document.templates.iter().map(|raw| raw.get_ref().name.span()).collect();
    let templates = templates::templates(check, document.templates);
    prebuilds::enough_machines(check, &control, &templates, &places);
    let provisioners = world::provisioners(check, document.provisioners);
    let chats = chats::chats(check, document.chats, !document.assistants.is_empty());
    let imported = steps::imported(&document.steps);
    let assistants = chats::assistants(check, document.assistants, &imported, !chats.is_empty());
    let steps = steps::steps(check, document.steps);
    let faults = faults::faults(check, document.faults);
    let expectations = expectations::expectations(check, document.expectations);
    let swarm = family::swarm(check, document.swarm, has_chats);
    let workload = family::workload(check, document.workload);
    let case = document.case.map(family::case);

    let found = std::mem::take(&mut check.found);
    if !found.is_empty() {
        return Err(found);
    }
    let mut scenario = Scenario {
        about,
        issue: document.issue,
        version: document.version,
        seed,
        starts_at,
        duration: check.duration,
        settle,
        ends_at_rest: document.ends_at_rest.unwrap_or_default(),
        live: document.live.unwrap_or_default(),
        allow_errors,
        network,
        links,
        control: defaults::control(),
        organizations,
        groups,
        users: std::mem::take(&mut check.users),
        templates,
        programs,
        provisioners,
        chats,
        assistants,
        steps,
        faults,
        expectations,
    };
    control.autobuild.enabled = autobuild.unwrap_or_else(|| scenario.asks_for_autobuild());
    scenario.control = control;
    Ok(Checked { scenario, swarm, workload, case })
}

/// A template that stands alone, for real machines: what its scripts run is for them to know. It may belong to any
/// organisation, as nobody here knows which there are.
pub(super) fn template(raw: toml::Spanned<raw::Template>, text: &str) -> Result<Template, Vec<Diagnostic>> {
    let mut check = Check::new(text, Choice::Least);
    check.programs = None;
    check.organizations.extend(raw.get_ref().organization.iter().map(|name| name.get_ref().clone()));
    let mut templates = templates::templates(&mut check, vec![raw]);
    match templates.pop() {
        Some(template) if check.found.is_empty() => Ok(template),
        Some(_) | None => Err(check.found),
    }
}

fn about(check: &mut Check<'_>, document: &Document) -> String {
    match &document.about {
        None => check.report(missing("about", "what the scenario shows, in a sentence")),
        Some(about) if about.get_ref().trim().is_empty() => check.report(
            Diagnostic::new("empty-text", "`about` says nothing")
                .at(about.span())
                .help("say in a sentence what the scenario shows"),
        ),
        Some(about) => return about.get_ref().trim().to_owned(),
    }
    String::new()
}

fn allow_errors(check: &mut Check<'_>, texts: Vec<toml::Spanned<String>>) -> Vec<String> {
    for text in texts.iter().filter(|text| text.get_ref().trim().is_empty()) {
        check.report(
            Diagnostic::new("empty-text", "an empty text would allow every error")
                .at(text.span())
                .help("write a part of the message that is expected"),
        );
    }
    texts.into_iter().map(toml::Spanned::into_inner).collect()
}

/// A key of the file itself that is missing: there is no place but the file's beginning.
fn missing(key: &str, help: &str) -> Diagnostic {
    Diagnostic::new("missing-key", format!("the key `{key}` is missing")).at(0..0).help(help)
}
