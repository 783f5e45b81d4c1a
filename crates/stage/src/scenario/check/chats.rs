//! Chats, and the assistants that they are had with.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::Spanned;

use super::values::whole_u32;
use super::world::{first_replica, organization};
use super::{Check, agents, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::chat::{is_taken, whose};
use crate::scenario::{ASSISTANT, Assistant, Chat, REAPER, chat_workspace, raw};

/// For how many workspaces that a chat's tools make there are machines, unless said: a first one, and two that replace
/// what has died.
const WORKSPACES: u32 = 3;

/// The most of them. A machine costs memory even while it is off.
const WORKSPACES_MAX: u32 = 100;

/// Learns which hosts the assistants have, before anything that names one is looked at. One that is called like another
/// host is reported where assistants are checked.
pub(super) fn collect_hosts(
    check: &mut Check<'_>,
    chats: &[Spanned<raw::Chat>],
    assistants: &[Spanned<raw::Assistant>],
) {
    let named = assistants.iter().map(|raw| raw.get_ref().name.get_ref().clone());
    let usual = (assistants.is_empty() && !chats.is_empty()).then(|| ASSISTANT.to_owned());
    for name in named.chain(usual) {
        if !check.hosts.contains_key(&name) {
            check.hosts.insert(name.clone(), Duration::ZERO);
            check.assistants.insert(name);
        }
    }
}

/// Learns which machines there will be for workspaces that chats' tools make: each may be of any template of the chat's
/// organisation.
pub(super) fn collect_machines(
    check: &mut Check<'_>,
    chats: &[Spanned<raw::Chat>],
    templates: &[Spanned<raw::Template>],
) {
    let of = |raw: &Option<Spanned<String>>| whose(raw.as_ref().map(|raw| raw.get_ref().as_str())).to_owned();
    for chat in chats.iter().map(Spanned::get_ref) {
        for number in 1..=workspaces(chat) as usize {
            let workspace = chat_workspace(chat.name.get_ref(), number);
            let own = templates.iter().map(Spanned::get_ref);
            let own = own.filter(|template| of(&template.organization) == of(&chat.organization));
            for agent in own.flat_map(|template| &template.agents) {
                agents::collect_agent(check, &workspace, agent);
            }
        }
    }
}

/// One that makes no sense is reported where chats are checked.
fn workspaces(raw: &raw::Chat) -> u32 {
    let said = raw.workspaces.as_ref().and_then(|raw| u32::try_from(*raw.get_ref()).ok());
    said.map_or(WORKSPACES, |said| said.min(WORKSPACES_MAX))
}

pub(super) fn chats(check: &mut Check<'_>, raw: Vec<Spanned<raw::Chat>>, has_assistants: bool) -> Vec<Chat> {
    let mut seen = BTreeSet::new();
    let mut chats = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "chat", &raw.name);
        if is_taken(raw.name.get_ref()) {
            let message = format!("`{}` is what the platform has built ahead", chat_workspace(raw.name.get_ref(), 1));
            check.report(
                Diagnostic::new("reserved-name", message).at(raw.name.span()).help("give the chat another name"),
            );
        }
        if !has_assistants && chats.is_empty() && !check.assistants.contains(ASSISTANT) {
            check.report(
                Diagnostic::new("reserved-name", format!("the host `{ASSISTANT}` is something else"))
                    .at(raw.name.span())
                    .help("name an assistant: `[[assistant]]` with a `name` that no other host has"),
            );
        }
        let owner = names::user(check, &raw.owner);
        let workspaces =
            raw.workspaces.as_ref().map_or(WORKSPACES, |workspaces| whole_u32(check, workspaces, 1..=WORKSPACES_MAX));
        let organization = organization(check, raw.organization);
        chats.push(Chat { name: raw.name.into_inner(), owner, organization, workspaces });
    }
    check.chats = chats.iter().map(|chat| (chat.name.clone(), chat.clone())).collect();
    chats
}

/// The assistants. A file with chats has one if it names none.
pub(super) fn assistants(
    check: &mut Check<'_>,
    raw: Vec<Spanned<raw::Assistant>>,
    imported: &BTreeSet<String>,
    has_chats: bool,
) -> Vec<Assistant> {
    if raw.is_empty() && has_chats {
        return vec![Assistant::new(ASSISTANT)];
    }
    let mut seen = BTreeSet::new();
    let mut assistants = Vec::new();
    for raw in raw {
        let raw = raw.into_inner();
        names::well_formed(check, &raw.name);
        names::unique(check, &mut seen, "assistant", &raw.name);
        // It was put among the assistants unless a host of another kind is called that.
        if raw.name.get_ref() == REAPER || !check.assistants.contains(raw.name.get_ref()) {
            check.report(
                Diagnostic::new("reserved-name", format!("`{}` means something else", raw.name.get_ref()))
                    .at(raw.name.span())
                    .help("an assistant has a host of its name: give it a name that no other host has"),
            );
        }
        assistants.push(Assistant {
            control: raw.control.as_ref().map(|raw| first_replica(check, raw)),
            allowed_templates: raw.allowed_templates.map(|raw| allowed(check, &raw, imported)).unwrap_or_default(),
            dials: raw.dials.unwrap_or(true),
            name: raw.name.into_inner(),
        });
    }
    assistants
}

/// The templates that an assistant's chats may use: such as the file has, or as some step brings.
fn allowed(check: &mut Check<'_>, raw: &Spanned<Vec<Spanned<String>>>, imported: &BTreeSet<String>) -> Vec<String> {
    if raw.get_ref().is_empty() {
        check.report(
            Diagnostic::new("contradiction", "an empty list allows all templates")
                .at(raw.span())
                .help("leave it out, or name the templates that are allowed"),
        );
    }
    let mut seen = BTreeSet::new();
    for name in raw.get_ref() {
        names::unique(check, &mut seen, "template in the list", name);
        if !imported.contains(name.get_ref()) && !check.templates.contains(name.get_ref()) {
            let diagnostic = Diagnostic::new("unknown-template", format!("there is no template `{}`", name.get_ref()))
                .at(name.span())
                .help_with_names(name.get_ref(), check.templates.iter().chain(imported).map(String::as_str));
            check.report(diagnostic);
        }
    }
    raw.get_ref().iter().map(|name| name.get_ref().clone()).collect()
}
