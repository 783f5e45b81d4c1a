//! What people do with templates, and with the keys that admit provisioners.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::super::declarations::texts;
use super::super::{Check, names};
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, DAEMON_KEY, FIRST_VERSION, raw};

/// What the story says of templates, at whatever time.
pub(super) struct Templates {
    /// By template: what its imported versions behave like.
    likes: BTreeMap<String, BTreeSet<String>>,
    /// By template: the versions that are imported.
    imported: BTreeMap<String, BTreeSet<String>>,
    /// Templates of which there is a dry run.
    tried_out: BTreeSet<String>,
}

impl Templates {
    pub(super) fn of(timed: &[(Duration, Spanned<raw::Step>)]) -> Self {
        let mut imported: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut likes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut tried_out = BTreeSet::new();
        for (_, raw) in timed {
            if let Some(import) = &raw.get_ref().import_template {
                let import = import.get_ref();
                let versions = imported.entry(import.template.get_ref().clone()).or_default();
                versions.insert(import.version.get_ref().clone());
                let like = import.like.as_ref().unwrap_or(&import.template).get_ref().clone();
                likes.entry(import.template.get_ref().clone()).or_default().insert(like);
            }
            if let Some(dry_run) = &raw.get_ref().dry_run {
                tried_out.insert(dry_run.get_ref().template.get_ref().clone());
            }
        }
        Self { likes, imported, tried_out }
    }

    /// The templates of the file that versions of `template` behave like.
    pub(super) fn likes(&self, template: &str) -> BTreeSet<String> {
        self.likes.get(template).into_iter().flatten().cloned().chain([template.to_owned()]).collect()
    }

    /// A version that a template has from the first, or that some step brings. As with templates, at whatever time.
    pub(super) fn version(&self, check: &mut Check<'_>, template: &Spanned<String>, version: &Spanned<String>) {
        let is_written = check.templates.contains(template.get_ref());
        let first = is_written.then(|| FIRST_VERSION.to_owned());
        let known: BTreeSet<String> =
            self.imported.get(template.get_ref()).into_iter().flatten().cloned().chain(first).collect();
        // Without any, that there is no such template has been told.
        if !known.is_empty() && !known.contains(version.get_ref()) {
            let message = format!("`{}` has no version `{}`", template.get_ref(), version.get_ref());
            let diagnostic = Diagnostic::new("unknown-version", message)
                .at(version.span())
                .help_with_names(version.get_ref(), known.iter().map(String::as_str));
            check.report(diagnostic);
        }
    }

    /// A template that the file has, or that some step brings. That it is there in time is not asked: a refusal is a
    /// story too.
    pub(super) fn existing(&self, check: &mut Check<'_>, name: &Spanned<String>) -> String {
        if !self.imported.contains_key(name.get_ref()) {
            written(check, name, self.imported.keys());
        }
        name.get_ref().clone()
    }
}

/// A template that the file has; `others` are names that would have done too.
fn written<'a>(check: &mut Check<'_>, name: &Spanned<String>, others: impl Iterator<Item = &'a String>) {
    if check.templates.contains(name.get_ref()) {
        return;
    }
    let diagnostic =
        Diagnostic::new("unknown-template", format!("there is no template `{}`", name.get_ref())).at(name.span());
    let known: BTreeSet<String> = check.templates.iter().cloned().chain(others.cloned()).collect();
    let diagnostic = if known.is_empty() {
        diagnostic.help("the file has no `[[template]]`")
    } else {
        diagnostic.help_with_names(name.get_ref(), known.iter().map(String::as_str))
    };
    check.report(diagnostic);
}

/// What a step does with templates and keys, with its place.
pub(super) fn actions(check: &mut Check<'_>, templates: &Templates, raw: &raw::Step) -> Vec<(Range<usize>, Action)> {
    let mut actions = Vec::new();
    if let Some(raw) = &raw.import_template {
        actions.push((raw.span(), import(check, raw)));
    }
    if let Some(raw) = &raw.cancel_import {
        actions.push((raw.span(), cancel_import(check, templates, raw)));
    }
    if let Some(raw) = &raw.dry_run {
        let (span, raw) = (raw.span(), raw.get_ref());
        let action = Action::DryRun {
            template: templates.existing(check, &raw.template),
            by: names::template_administrator(check, raw.by.as_ref(), span.clone()),
            parameters: texts(&raw.parameters),
        };
        actions.push((span, action));
    }
    if let Some(raw) = &raw.cancel_dry_run {
        actions.push((raw.span(), cancel_dry_run(check, templates, raw)));
    }
    if let Some(raw) = &raw.delete_key {
        actions.push((raw.span(), delete_key(check, raw)));
    }
    actions
}

fn import(check: &mut Check<'_>, raw: &Spanned<raw::ImportTemplate>) -> Action {
    let (span, raw) = (raw.span(), raw.get_ref());
    names::well_formed(check, &raw.template);
    names::well_formed(check, &raw.version);
    let like = raw.like.as_ref().unwrap_or(&raw.template);
    written(check, like, std::iter::empty());
    Action::ImportTemplate {
        template: raw.template.get_ref().clone(),
        version: raw.version.get_ref().clone(),
        by: names::template_administrator(check, raw.by.as_ref(), span),
        like: like.get_ref().clone(),
        variables: texts(&raw.variables),
        activate: raw.activate.unwrap_or(true),
    }
}

fn cancel_import(check: &mut Check<'_>, templates: &Templates, raw: &Spanned<raw::CancelImport>) -> Action {
    let (span, raw) = (raw.span(), raw.get_ref());
    let (template, version) = (raw.template.get_ref(), raw.version.get_ref());
    match templates.imported.get(template) {
        None => {
            let diagnostic = Diagnostic::new("unknown-import", format!("no version of `{template}` is imported"))
                .at(raw.template.span());
            let diagnostic = if templates.imported.is_empty() {
                diagnostic.help("a step with `import_template` must begin it")
            } else {
                diagnostic.help_with_names(template, templates.imported.keys().map(String::as_str))
            };
            check.report(diagnostic);
        }
        Some(versions) if !versions.contains(version) => {
            let diagnostic =
                Diagnostic::new("unknown-import", format!("no version `{version}` of `{template}` is imported"))
                    .at(raw.version.span())
                    .help_with_names(version, versions.iter().map(String::as_str));
            check.report(diagnostic);
        }
        Some(_) => {}
    }
    Action::CancelImport {
        template: template.clone(),
        version: version.clone(),
        by: names::template_administrator(check, raw.by.as_ref(), span),
    }
}

fn cancel_dry_run(check: &mut Check<'_>, templates: &Templates, raw: &Spanned<raw::CancelDryRun>) -> Action {
    let (span, raw) = (raw.span(), raw.get_ref());
    let template = raw.template.get_ref();
    if !templates.tried_out.contains(template) {
        let diagnostic =
            Diagnostic::new("unknown-dry-run", format!("there is no dry run of `{template}`")).at(raw.template.span());
        let diagnostic = if templates.tried_out.is_empty() {
            diagnostic.help("a step with `dry_run` must begin it")
        } else {
            diagnostic.help_with_names(template, templates.tried_out.iter().map(String::as_str))
        };
        check.report(diagnostic);
    }
    let by = names::template_administrator(check, raw.by.as_ref(), span);
    Action::CancelDryRun { template: template.clone(), by }
}

fn delete_key(check: &mut Check<'_>, raw: &Spanned<raw::DeleteKey>) -> Action {
    let (span, raw) = (raw.span(), raw.get_ref());
    let key = raw.key.get_ref();
    if key != DAEMON_KEY && !check.keys.contains(key) {
        let known: BTreeSet<&str> = check.keys.iter().map(String::as_str).chain([DAEMON_KEY]).collect();
        let diagnostic = Diagnostic::new("unknown-key-name", format!("no provisioner is admitted by a key `{key}`"))
            .at(raw.key.span())
            .help_with_names(key, known);
        check.report(diagnostic);
    }
    Action::DeleteKey { key: key.clone(), by: names::administrator(check, raw.by.as_ref(), span) }
}
