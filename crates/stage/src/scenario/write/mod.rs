//! From a scenario to a file that says the same. What is as it would be anyway is left out, so that what remains is
//! what the story is about.

mod agents;
mod chats;
mod lifecycle;
mod step;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use groundhog_provisioner::RunnerConfig;
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::units::{DurationRange, show_duration};
use super::{ClockStep, DAEMON_KEY, Fault, FaultKind, NetworkPath, Role, Scenario, SuspendedClock, User, defaults};
use crate::expect::{Count, Expectation, Pattern};

/// The whole file.
pub(super) fn document(scenario: &Scenario) -> DocumentMut {
    let mut document = DocumentMut::new();
    document["about"] = value(&scenario.about);
    for (key, text) in [("issue", &scenario.issue), ("version", &scenario.version)] {
        if let Some(text) = text {
            document[key] = value(text);
        }
    }
    document["seed"] = value(i64::try_from(scenario.seed).unwrap_or(i64::MAX));
    if scenario.starts_at != defaults::starts_at() {
        document["starts_at"] = value(scenario.starts_at.to_string());
    }
    document["duration"] = time(scenario.duration);
    if scenario.settle != defaults::SETTLE {
        document["settle"] = time(scenario.settle);
    }
    if scenario.live {
        document["live"] = value(true);
    }
    if scenario.ends_at_rest {
        document["ends_at_rest"] = value(true);
    }
    if !scenario.allow_errors.is_empty() {
        document["allow_errors"] = value(scenario.allow_errors.iter().collect::<Array>());
    }
    world(scenario, &mut document);
    put(&mut document, "step", scenario.steps.iter().map(step::step));
    put(&mut document, "fault", scenario.faults.iter().map(fault));
    put(&mut document, "expect", scenario.expectations.iter().map(expectation));
    document
}

/// Adds one table for each entry of a list.
fn put(document: &mut DocumentMut, key: &str, entries: impl Iterator<Item = Table>) {
    let entries: ArrayOfTables = entries.collect();
    if !entries.is_empty() {
        document[key] = Item::ArrayOfTables(entries);
    }
}

fn world(scenario: &Scenario, document: &mut DocumentMut) {
    let network = path(&scenario.network, &defaults::NETWORK);
    if !network.is_empty() {
        document["network"] = Item::Table(network);
    }
    let link = |link: &super::Link| {
        let mut table = Table::new();
        table["between"] = pair(&link.between);
        table.extend(path(&link.path, &scenario.network));
        table
    };
    put(document, "link", scenario.links.iter().map(link));
    let control = control(scenario);
    if !control.is_empty() {
        document["control"] = Item::Table(control);
    }
    let organization = |organization: &super::Organization| {
        let mut table = Table::new();
        table["name"] = value(&organization.name);
        table["members"] = value(organization.members.iter().collect::<Array>());
        if organization.closed {
            table["closed"] = value(true);
        }
        table
    };
    put(document, "organization", scenario.organizations.iter().map(organization));
    let group = |group: &super::Group| {
        let mut table = Table::new();
        table["name"] = value(&group.name);
        table["budget"] = value(i64::from(group.budget));
        table["members"] = value(group.members.iter().collect::<Array>());
        if let Some(organization) = &group.organization {
            table["organization"] = value(organization);
        }
        table
    };
    put(document, "group", scenario.groups.iter().map(group));
    let named = scenario.named_users();
    let listed =
        scenario.users.iter().filter(|(name, user)| !named.contains(name.as_str()) || **user != User::default());
    put(document, "user", listed.map(|(name, account)| user(name, account)));
    put(document, "template", scenario.templates.iter().map(template::template));
    put(document, "program", scenario.programs.iter().map(agents::program));
    put(document, "provisioner", scenario.provisioners.iter().map(provisioner));
    put(document, "chat", scenario.chats.iter().map(chats::chat));
    put(document, "assistant", scenario.assistants.iter().map(chats::assistant));
}

fn control(scenario: &Scenario) -> Table {
    let (control, default) = (&scenario.control, &defaults::control());
    let mut table = Table::new();
    if control.connections != default.connections {
        table["connections"] = value(i64::from(control.connections));
    }
    if control.statement_latency != default.statement_latency {
        table["statement_latency"] = range(control.statement_latency);
    }
    if control.log_bytes_max != default.log_bytes_max {
        table["log_bytes_max"] = value(i64::try_from(control.log_bytes_max).unwrap_or(i64::MAX));
    }
    if control.job_bytes_max != default.job_bytes_max {
        table["job_bytes_max"] = value(i64::from(control.job_bytes_max));
    }
    if control.replicas != default.replicas {
        table["replicas"] = value(i64::from(control.replicas));
    }
    let mut notices = InlineTable::new();
    if control.notices.latency != default.notices.latency {
        notices.insert("latency", range_text(control.notices.latency).into());
    }
    if control.notices.loss != default.notices.loss {
        notices.insert("loss", control.notices.loss.into());
    }
    if !notices.is_empty() {
        table["notices"] = value(notices);
    }
    if !control.external_auth.is_empty() {
        table["external_auth"] = value(control.external_auth.iter().collect::<Array>());
    }
    if control.relays {
        table["relays"] = value(true);
    }
    if control.beat_interval != default.beat_interval {
        table["beat_interval"] = value(text_of(control.beat_interval));
    }
    if control.hung_after != default.hung_after {
        table["hung_after"] = value(text_of(control.hung_after));
    }
    if control.reaper_interval != default.reaper_interval {
        table["reaper_interval"] = value(text_of(control.reaper_interval));
    }
    if let Some(ahead) = lifecycle::prebuilds(control, scenario.asks_for_prebuilds()) {
        table["prebuilds"] = Item::Value(ahead);
    }
    if let Some(clock) = lifecycle::autobuild(control, scenario.asks_for_autobuild()) {
        table["autobuild"] = Item::Value(clock);
    }
    table
}

fn user(name: &str, user: &User) -> Table {
    let mut table = Table::from_iter([("name", value(name))]);
    match user.role {
        Role::Member => {}
        Role::TemplateAdmin => table["role"] = value("template_admin"),
        Role::Admin => table["role"] = value("admin"),
        Role::Prebuilds => table["role"] = value("prebuilds"),
    }
    if let Some(expires) = user.token_expires {
        table["token_expires"] = time(expires);
    }
    table
}

fn path(path: &NetworkPath, default: &NetworkPath) -> Table {
    let mut table = Table::new();
    if path.latency != default.latency {
        table["latency"] = range(path.latency);
    }
    if path.loss != default.loss {
        table["loss"] = value(path.loss);
    }
    if let Some(bandwidth) = path.bandwidth.filter(|_| path.bandwidth != default.bandwidth) {
        table["bandwidth"] = value(i64::try_from(bandwidth).unwrap_or(i64::MAX));
    }
    table
}

fn provisioner(provisioner: &super::Provisioner) -> Table {
    let default = RunnerConfig::default();
    let mut table = Table::new();
    table["name"] = value(&provisioner.name);
    if !provisioner.start.is_zero() {
        table["start"] = time(provisioner.start);
    }
    tags(&mut table, &provisioner.tags);
    for (key, interval, usual) in [
        ("update_interval", provisioner.update_interval, default.update_interval),
        ("force_cancel_interval", provisioner.force_cancel_interval, default.force_cancel_interval),
    ] {
        if interval != usual {
            table[key] = time(interval);
        }
    }
    if provisioner.slots != 1 {
        table["slots"] = value(i64::from(provisioner.slots));
    }
    if let Some(control) = &provisioner.control {
        table["control"] = value(control);
    }
    if provisioner.key != DAEMON_KEY {
        table["key"] = value(&provisioner.key);
    }
    if let Some(reason) = &provisioner.refuses_sessions {
        table["refuses_sessions"] = value(reason);
    }
    table
}

fn tags(table: &mut Table, tags: &BTreeMap<String, String>) {
    if !tags.is_empty() {
        table["tags"] = value(texts(tags));
    }
}

fn fault(fault: &Fault) -> Table {
    let mut table = Table::new();
    table["at"] = time(fault.at);
    if let Some(lasts) = fault.lasts {
        table["for"] = time(lasts);
    }
    let inline = |fields: Vec<(&str, Value)>| value(fields.into_iter().collect::<InlineTable>());
    let ends = |between: &(String, String)| Value::from([&between.0, &between.1].into_iter().collect::<Array>());
    table[fault.kind.name().as_str()] = match &fault.kind {
        FaultKind::Cut { between } | FaultKind::Hold { between } | FaultKind::Reset { between } => pair(between),
        FaultKind::CutOneWay { from, to } => pair(&(from.clone(), to.clone())),
        FaultKind::Slow { between, factor } => inline(vec![("between", ends(between)), ("factor", number(*factor))]),
        FaultKind::Lossy { between, probability } => {
            inline(vec![("between", ends(between)), ("probability", number(*probability))])
        }
        FaultKind::Kill { host } | FaultKind::PowerLoss { host } => value(host),
        FaultKind::Suspend { host, clock } => {
            let clock = match clock {
                SuspendedClock::Stops => "stops",
                SuspendedClock::Runs => "runs",
            };
            inline(vec![("host", host.into()), ("clock", clock.into())])
        }
        FaultKind::StepClock { host, by } => {
            let by = match by {
                ClockStep::Ahead(by) => show_duration(*by),
                ClockStep::Back(by) => format!("-{}", show_duration(*by)),
            };
            inline(vec![("host", host.into()), ("by", by.into())])
        }
        FaultKind::Database => value("unavailable"),
        FaultKind::Drift { host, ppm } => inline(vec![("host", host.into()), ("ppm", i64::from(*ppm).into())]),
    };
    table
}

fn expectation(expectation: &Expectation) -> Table {
    let mut table = Table::new();
    table.extend(pattern(&expectation.pattern));
    if let Some(window) = &expectation.between {
        let times = [window.start, window.end].map(show_duration);
        table["between"] = value(times.iter().collect::<Array>());
    }
    match expectation.count {
        Count::AtLeastOnce => {}
        Count::Times { min, max } if min == max => table["times"] = value(i64::try_from(min).unwrap_or(i64::MAX)),
        Count::Times { min, max } => table["times"] = value(format!("{min}..{max}")),
        Count::Never => table["never"] = value(true),
    }
    for (key, other) in [("before", &expectation.before), ("after", &expectation.after)] {
        if let Some(other) = other {
            table[key] = value(pattern(other).into_inline_table());
        }
    }
    if expectation.always {
        table["always"] = value(true);
    }
    table
}

fn pattern(pattern: &Pattern) -> Table {
    let mut table = Table::new();
    table["event"] = value(&pattern.event);
    if !pattern.with.is_empty() {
        let fields = pattern.with.iter().map(|(field, text)| (field.as_str(), text.as_str()));
        table["with"] = value(fields.collect::<InlineTable>());
    }
    if let Some(host) = &pattern.host {
        table["host"] = value(host);
    }
    table
}

fn pair(between: &(String, String)) -> Item {
    value([&between.0, &between.1].into_iter().collect::<Array>())
}

fn time(duration: Duration) -> Item {
    value(show_duration(duration))
}

/// Values by name.
fn texts(texts: &BTreeMap<String, String>) -> InlineTable {
    texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

fn text_of(duration: Duration) -> Value {
    show_duration(duration).into()
}

fn range(range: DurationRange) -> Item {
    value(range_text(range))
}

fn range_text(range: DurationRange) -> String {
    format!("{}..{}", show_duration(range.min), show_duration(range.max))
}

/// Whole numbers are written as such.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { (number as i64).into() } else { number.into() }
}

impl Scenario {
    /// Everybody who is named by a group, an organisation or a step.
    pub(crate) fn named_users(&self) -> BTreeSet<&str> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        let members = members.chain(self.organizations.iter().flat_map(|one| &one.members)).map(String::as_str);
        let members = members.chain(self.chats.iter().map(|chat| chat.owner.as_str()));
        members.chain(self.steps.iter().flat_map(|step| step.action.users())).collect()
    }
}
