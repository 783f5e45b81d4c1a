//! What is done in chats, and with their workspaces.

use std::ops::Range;

use toml::Spanned;

use super::super::declarations::texts;
use super::super::names;
use super::Resolve;
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, Chat, ChatTool, Said, ToolArguments, ToolCall, chat_and_number, chat_workspace, raw};

/// The workspaces that the chat of a step could come to have, by name.
pub(super) fn workspaces(chat: &Chat) -> impl Iterator<Item = String> {
    (1..=chat.workspaces as usize).map(|number| chat_workspace(&chat.name, number))
}

/// The step in which a workspace is wanted for a chat, if that is what it is.
pub(super) fn created(raw: &raw::Step) -> Option<&raw::CallTool> {
    let call = raw.call_tool.as_ref()?.get_ref();
    matches!(call.tool, ChatTool::CreateWorkspace).then_some(call)
}

impl Resolve<'_, '_> {
    pub(super) fn call_tool(&mut self, raw: &raw::CallTool) -> Action {
        let chat = self.chat(&raw.chat);
        let on = self.assistant(raw.on.as_ref(), &raw.chat);
        let arguments = match &raw.arguments {
            Some(text) => {
                self.nothing_but_raw(raw);
                ToolArguments::Raw(text.get_ref().clone())
            }
            None => ToolArguments::Said(self.said(raw.tool, raw)),
        };
        if let (Some(chat), ChatTool::CreateWorkspace) = (&chat, raw.tool) {
            self.comes_to_have(chat, raw.name.as_ref());
        }
        Action::CallTool(ToolCall { tool: raw.tool, chat: raw.chat.get_ref().clone(), on, arguments })
    }

    /// From now on the chat may have workspaces.
    fn comes_to_have(&mut self, chat: &Chat, name: Option<&Spanned<String>>) {
        for workspace in workspaces(chat) {
            self.owners.entry(workspace).or_default().insert(chat.owner.clone());
        }
        let Some(name) = name else { return };
        self.of_nobody_else(name, &chat.owner);
        self.named.entry(name.get_ref().clone()).or_default().insert(chat.owner.clone());
    }

    /// Of two workspaces of a name that two people have the machines would be called the same.
    pub(super) fn of_nobody_else(&mut self, name: &Spanned<String>, owner: &str) {
        let others = [self.owners.get(name.get_ref()), self.named.get(name.get_ref())];
        let somebody_elses = others.into_iter().flatten().any(|owners| !owners.contains(owner));
        let has_machines = self.check.machines.contains_key(name.get_ref()) || self.named.contains_key(name.get_ref());
        if somebody_elses && has_machines {
            self.check.report(
                Diagnostic::new(
                    "ambiguous-machine",
                    format!("somebody else has a workspace `{}` with agents", name.get_ref()),
                )
                .at(name.span())
                .help("its machines would be called the same: give one of the workspaces another name"),
            );
        }
    }

    /// A name that a step gives a workspace must not be what the story calls a chat's.
    pub(super) fn is_no_chats(&mut self, name: &Spanned<String>) {
        let chat = chat_and_number(name.get_ref()).map(|(chat, _)| chat.to_owned());
        if let Some(chat) = chat.filter(|chat| self.check.chats.contains_key(chat)) {
            let message = format!("`{}` means a workspace that the chat `{chat}` comes to have", name.get_ref());
            self.check.report(
                Diagnostic::new("reserved-name", message).at(name.span()).help("give the workspace another name"),
            );
        }
    }

    fn chat(&mut self, name: &Spanned<String>) -> Option<Chat> {
        let found = self.check.chats.get(name.get_ref()).cloned();
        if found.is_none() {
            let diagnostic =
                Diagnostic::new("unknown-chat", format!("there is no chat `{}`", name.get_ref())).at(name.span());
            let diagnostic = if self.check.chats.is_empty() {
                diagnostic.help("add a `[[chat]]` with this `name` and its `owner`")
            } else {
                diagnostic.help_with_names(name.get_ref(), self.check.chats.keys().map(String::as_str))
            };
            self.check.report(diagnostic);
        }
        found
    }

    /// The assistant that is named or, if there is one alone, that one.
    fn assistant(&mut self, on: Option<&Spanned<String>>, chat: &Spanned<String>) -> String {
        let known: Vec<String> = self.check.assistants.iter().cloned().collect();
        let Some(on) = on else {
            // Where there is none, there is no chat either, which has been told.
            return match known.as_slice() {
                [] => String::new(),
                [only] => only.clone(),
                several => {
                    let diagnostic = Diagnostic::new("ambiguous-assistant", "there are several assistants")
                        .at(chat.span())
                        .help(format!("say which with `on`: {}", several.join(", ")));
                    self.check.report(diagnostic);
                    String::new()
                }
            };
        };
        if !known.contains(on.get_ref()) {
            let diagnostic = Diagnostic::new("unknown-assistant", format!("there is no assistant `{}`", on.get_ref()))
                .at(on.span())
                .help_with_names(on.get_ref(), known.iter().map(String::as_str));
            self.check.report(diagnostic);
        }
        on.get_ref().clone()
    }

    fn said(&mut self, tool: ChatTool, raw: &raw::CallTool) -> Said {
        let text = |raw: &Option<Spanned<String>>| raw.as_ref().map(|raw| raw.get_ref().clone()).unwrap_or_default();
        self.fits(tool, raw);
        let template = raw.template.as_ref().map(|name| self.templates.existing(self.check, name));
        let preset = match (&raw.template, &raw.preset) {
            (Some(template), Some(preset)) => self.preset(template, preset),
            _ => text(&raw.preset),
        };
        Said {
            template: template.unwrap_or_default(),
            template_id: text(&raw.template_id),
            name: text(&raw.name),
            preset,
            preset_id: text(&raw.preset_id),
            parameters: raw.parameters.as_ref().map(|raw| texts(raw.get_ref())).unwrap_or_default(),
        }
    }
    /// What is said beside the text of all arguments means nothing.
    fn nothing_but_raw(&mut self, raw: &raw::CallTool) {
        for (key, span) in keys(raw) {
            self.check.report(
                Diagnostic::new("contradiction", format!("`arguments` are all arguments, so `{key}` means nothing"))
                    .at(span)
                    .help("leave it out, or say it in the JSON object of `arguments`"),
            );
        }
    }

    /// Each tool takes its own arguments, and an id goes instead of a name. A call with others is a story, too: with
    /// `arguments`.
    fn fits(&mut self, tool: ChatTool, raw: &raw::CallTool) {
        let taken: &[&str] = match tool {
            ChatTool::CreateWorkspace => &["template", "template_id", "name", "preset", "preset_id", "parameters"],
            ChatTool::ReadTemplate => &["template", "template_id"],
            ChatTool::StartWorkspace | ChatTool::StopWorkspace | ChatTool::ListTemplates => &[],
        };
        for (key, span) in keys(raw).into_iter().filter(|(key, _)| !taken.contains(key)) {
            let tool = tool.name();
            self.check.report(
                Diagnostic::new("contradiction", format!("`{tool}` takes no `{key}`"))
                    .at(span)
                    .help("leave it out, or write what is to be sent as it is with `arguments`"),
            );
        }
        for (name, id, span) in [
            ("template", "template_id", raw.template.as_ref().and(raw.template_id.as_ref()).map(Spanned::span)),
            ("preset", "preset_id", raw.preset.as_ref().and(raw.preset_id.as_ref()).map(Spanned::span)),
        ] {
            if let Some(span) = span {
                self.check.report(
                    Diagnostic::new("contradiction", format!("`{id}` goes instead of `{name}`"))
                        .at(span)
                        .help("leave out one of them"),
                );
            }
        }
        if let (Some(preset), None) = (&raw.preset, &raw.template) {
            self.check.report(
                Diagnostic::new("missing-key", "it is not said whose preset this is")
                    .at(preset.span())
                    .help("name the template with `template`, or the preset by its id with `preset_id`"),
            );
        }
    }

    pub(super) fn attach_workspace(&mut self, raw: &raw::AttachWorkspace) -> Action {
        self.is_somebodys(&raw.workspace);
        let chat = self.chat(&raw.chat);
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let asks = chat.map_or_else(|| owner.clone(), |chat| chat.owner);
        Action::AttachWorkspace {
            chat: raw.chat.get_ref().clone(),
            workspace: raw.workspace.get_ref().clone(),
            owner,
            by: raw.by.as_ref().map_or(asks, |by| names::user(self.check, by)),
        }
    }

    pub(super) fn set_chat_ttl(&mut self, raw: &Spanned<raw::SetChatTtl>) -> Action {
        let by = names::administrator(self.check, raw.get_ref().by.as_ref(), raw.span());
        Action::SetChatTtl { ttl: raw.get_ref().ttl.clone(), by }
    }
}

/// What a call says of its arguments, one by one, and where.
fn keys(raw: &raw::CallTool) -> Vec<(&'static str, Range<usize>)> {
    let texts = [
        ("template", &raw.template),
        ("template_id", &raw.template_id),
        ("name", &raw.name),
        ("preset", &raw.preset),
        ("preset_id", &raw.preset_id),
    ];
    let texts = texts.into_iter().filter_map(|(key, raw)| Some((key, raw.as_ref()?.span())));
    texts.chain(raw.parameters.as_ref().map(|raw| ("parameters", raw.span()))).collect()
}
