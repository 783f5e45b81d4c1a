//! Names: what they may look like, that none stands twice, that the one that is used exists.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::values::count_range;
use super::{Check, chats};
use crate::diagnostic::Diagnostic;
use crate::scenario::units::parse_duration;
use crate::scenario::{AHEAD, Role, USERS, User, WORLD, raw, replica};

/// The longest name: what the control plane accepts for a workspace.
const NAME_CHARS_MAX: usize = 32;

/// Learns which hosts there are before anything that names one is looked at.
pub(super) fn collect_hosts(
    check: &mut Check<'_>,
    control: Option<&raw::Control>,
    provisioners: &[Spanned<raw::Provisioner>],
    (chats, assistants): (&[Spanned<raw::Chat>], &[Spanned<raw::Assistant>]),
    steps: &[Spanned<raw::Step>],
) {
    let reported = check.found.len();
    let replicas = control.map_or(1, |control| replicas(check, control));
    check.found.truncate(reported);
    check.hosts.extend((0..replicas).map(|number| (replica(number), Duration::ZERO)));
    check.hosts.insert(USERS.to_owned(), Duration::ZERO);
    for provisioner in provisioners {
        let provisioner = provisioner.get_ref();
        // A start that cannot be read is reported where provisioners are checked, and so is a count. If the start
        // is a range, faults wait for its end.
        let start = provisioner.start.as_ref().and_then(|raw| {
            let text = raw.get_ref().0.as_str();
            parse_duration(text.split_once("..").map_or(text, |(_, latest)| latest)).ok()
        });
        let reported = check.found.len();
        for name in provisioner_names(check, provisioner) {
            check.hosts.entry(name).or_insert(start.unwrap_or_default());
        }
        check.found.truncate(reported);
    }
    chats::collect_hosts(check, chats, assistants);
    // Two tunnels of one name, and one that is called like another host, are reported where steps are checked.
    let opened = steps.iter().filter_map(|step| step.get_ref().open_tunnel.as_ref());
    for name in opened.map(|tunnel| tunnel.get_ref().name.get_ref()) {
        if !check.hosts.contains_key(name) {
            check.hosts.insert(name.clone(), Duration::ZERO);
            check.laptops.insert(name.clone());
        }
    }
}

/// The most replicas of the control plane: more than anybody runs.
const REPLICAS_MAX: u64 = 8;

/// How many replicas of the control plane there are.
pub(super) fn replicas(check: &mut Check<'_>, raw: &raw::Control) -> u32 {
    raw.replicas.as_ref().map_or(1, |raw| at_least_one(check, raw, REPLICAS_MAX))
}

/// A number from 1 on, chosen if it is a range; 1 if it is reported as wrong.
pub(super) fn at_least_one(check: &mut Check<'_>, raw: &Spanned<raw::Times>, max: u64) -> u32 {
    let Some(range) = count_range(check, raw, max) else { return 1 };
    if range.min == 0 {
        check.report(
            Diagnostic::new("out-of-range", "there must be one at least")
                .at(raw.span())
                .help(format!("expected a number from 1 to {max}, or a range of them")),
        );
        return 1;
    }
    u32::try_from(check.choice.number(raw.span().start, range.min, range.max)).unwrap_or(1)
}

/// The most provisioners that one entry stands for: worlds of more hosts than that are for benchmarks.
const PROVISIONERS_MAX: u64 = 100;

/// The names of the provisioners that an entry stands for: its own or, if it has a count, its own with a number.
pub(super) fn provisioner_names(check: &mut Check<'_>, raw: &raw::Provisioner) -> Vec<String> {
    let name = raw.name.get_ref();
    let Some(count) = &raw.count else { return vec![name.clone()] };
    let Some(range) = count_range(check, count, PROVISIONERS_MAX) else { return Vec::new() };
    let chosen = check.choice.number(count.span().start, range.min, range.max);
    (1..=chosen).map(|number| format!("{name}-{number}")).collect()
}

/// Checks the form of a name that the file brings into being.
pub(super) fn well_formed(check: &mut Check<'_>, name: &Spanned<String>) {
    let text = name.get_ref();
    let good = text.len() <= NAME_CHARS_MAX
        && text.split('-').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    if !good {
        check.report(
            Diagnostic::new("bad-name", format!("{text:?} cannot be a name"))
                .at(name.span())
                .help("expected 1 to 32 letters, digits and single hyphens"),
        );
    }
}

/// Notes a name that must be the only one of its kind.
pub(super) fn unique(check: &mut Check<'_>, seen: &mut BTreeSet<String>, kind: &str, name: &Spanned<String>) {
    unique_as(check, seen, kind, name, name.get_ref());
}

/// The same for a name that is made from what the file says.
pub(super) fn unique_as(
    check: &mut Check<'_>,
    seen: &mut BTreeSet<String>,
    kind: &str,
    written: &Spanned<String>,
    name: &str,
) {
    if !seen.insert(name.to_owned()) {
        check.report(
            Diagnostic::new("duplicate-name", format!("there is already a {kind} `{name}`"))
                .at(written.span())
                .help("give one of them another name"),
        );
    }
}

/// A person, who comes into being by being named.
pub(super) fn user(check: &mut Check<'_>, name: &Spanned<String>) -> String {
    if check.builds_ahead && name.get_ref() == AHEAD {
        check.report(
            Diagnostic::new("reserved-name", format!("`{AHEAD}` is the platform's own account"))
                .at(name.span())
                .help("give the user another name"),
        );
    }
    if !check.users.contains_key(name.get_ref()) {
        well_formed(check, name);
        check.users.insert(name.get_ref().clone(), User::default());
    }
    name.get_ref().clone()
}

/// Who does what only administrators may: the one who is named or, if there is one administrator alone, that one.
/// Somebody else may be named: a refusal is a story too.
pub(super) fn administrator(check: &mut Check<'_>, by: Option<&Spanned<String>>, place: Range<usize>) -> String {
    if let Some(by) = by {
        return user(check, by);
    }
    let admins: Vec<&String> =
        check.users.iter().filter(|(_, user)| user.role == Role::Admin).map(|(name, _)| name).collect();
    if let [only] = admins.as_slice() {
        return (*only).clone();
    }
    let diagnostic = Diagnostic::new("unknown-administrator", "it is not said who does this").at(place);
    let diagnostic = match admins.as_slice() {
        [] => diagnostic.help("say who with `by`, or add a `[[user]]` with `role = \"admin\"`"),
        several => {
            let listed: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
            diagnostic.help(format!("there are several administrators; say who with `by`: {}", listed.join(", ")))
        }
    };
    check.report(diagnostic);
    String::new()
}

/// The same for what is done to templates: where there is no administrator, one who only looks after templates.
pub(super) fn template_administrator(
    check: &mut Check<'_>,
    by: Option<&Spanned<String>>,
    place: Range<usize>,
) -> String {
    let with_role = |role| check.users.iter().filter(move |(_, user)| user.role == role).map(|(name, _)| name);
    let mut only = with_role(Role::TemplateAdmin);
    match (by, with_role(Role::Admin).next(), only.next(), only.next()) {
        (None, None, Some(only), None) => only.clone(),
        _ => administrator(check, by, place),
    }
}

/// A host that must exist.
pub(super) fn host(check: &mut Check<'_>, name: &Spanned<String>) -> String {
    if !check.hosts.contains_key(name.get_ref()) {
        let diagnostic = unknown_host(check, name);
        check.report(diagnostic);
    }
    name.get_ref().clone()
}

/// A host, or the world.
pub(super) fn host_or_world(check: &mut Check<'_>, name: &Spanned<String>) -> String {
    if name.get_ref() == WORLD { WORLD.to_owned() } else { host(check, name) }
}

fn unknown_host(check: &Check<'_>, name: &Spanned<String>) -> Diagnostic {
    Diagnostic::new("unknown-host", format!("there is no host `{}`", name.get_ref()))
        .at(name.span())
        .help_with_names(name.get_ref(), check.hosts.keys().map(String::as_str))
}

/// Two different hosts that must exist.
pub(super) fn two_hosts(check: &mut Check<'_>, pair: &Spanned<Vec<Spanned<String>>>) -> (String, String) {
    let [first, second] = pair.get_ref().as_slice() else {
        check.report(
            Diagnostic::new("not-a-pair", format!("this names {} hosts", pair.get_ref().len()))
                .at(pair.span())
                .help("expected two, such as [\"prov-1\", \"control\"]"),
        );
        return (String::new(), String::new());
    };
    if first.get_ref() == second.get_ref() {
        check.report(
            Diagnostic::new("not-a-pair", "a host has no path to itself")
                .at(pair.span())
                .help("expected two different hosts"),
        );
    }
    (host(check, first), host(check, second))
}
