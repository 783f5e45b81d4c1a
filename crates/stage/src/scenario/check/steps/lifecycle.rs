//! When workspaces and templates come and go, and what the platform does by itself.

use std::ops::Range;

use toml::Spanned;

use super::super::values::{chosen_duration, duration_above_zero};
use super::super::{Check, names};
use super::Resolve;
use super::templates::Templates;
use crate::diagnostic::Diagnostic;
use crate::scenario::{Action, Lifecycle, raw};

impl Resolve<'_, '_> {
    pub(super) fn set_lifecycle(&mut self, raw: &Spanned<raw::SetLifecycle>) -> Action {
        let (span, raw) = (raw.span(), raw.get_ref());
        let owner = self.owner(&raw.workspace, raw.owner.as_ref());
        let by = self.asked_by(&raw.workspace, &owner, raw.by.as_ref());
        let lifecycle = Lifecycle {
            // One that makes no sense is a story too: the control plane has to say so.
            autostart: raw.autostart.as_ref().map(|text| text.get_ref().clone()),
            ttl: raw.ttl.as_ref().and_then(|raw| chosen_duration(self.check, raw)),
            dormant: raw.dormant,
            extend: raw.extend.as_ref().and_then(|raw| duration_above_zero(self.check, raw)),
        };
        let says_something =
            raw.autostart.is_some() || raw.ttl.is_some() || raw.dormant.is_some() || raw.extend.is_some();
        if !says_something {
            self.check.report(
                Diagnostic::new("nothing-to-do", "this says nothing of when the workspace starts, stops or goes")
                    .at(span)
                    .help("expected one or more of `autostart`, `ttl`, `dormant`, `extend`"),
            );
        }
        Action::SetLifecycle { workspace: raw.workspace.get_ref().clone(), owner, by, lifecycle }
    }
}

/// What a step does with templates, or with what the platform does by itself, with its place.
pub(super) fn actions(check: &mut Check<'_>, templates: &Templates, raw: &raw::Step) -> Vec<(Range<usize>, Action)> {
    let mut actions = Vec::new();
    if let Some(raw) = &raw.activate_version {
        let (span, raw) = (raw.span(), raw.get_ref());
        let template = templates.existing(check, &raw.template);
        templates.version(check, &raw.template, &raw.version);
        let by = names::template_administrator(check, raw.by.as_ref(), span.clone());
        actions.push((span, Action::ActivateVersion { template, version: raw.version.get_ref().clone(), by }));
    }
    if let Some(raw) = &raw.deprecate_template {
        let (span, raw) = (raw.span(), raw.get_ref());
        let template = templates.existing(check, &raw.template);
        let by = names::template_administrator(check, raw.by.as_ref(), span.clone());
        actions.push((span, Action::DeprecateTemplate { template, message: raw.message.clone(), by }));
    }
    if let Some(raw) = &raw.delete_template {
        let (span, raw) = (raw.span(), raw.get_ref());
        let template = templates.existing(check, &raw.template);
        let by = names::template_administrator(check, raw.by.as_ref(), span.clone());
        actions.push((span, Action::DeleteTemplate { template, by }));
    }
    if let Some(raw) = &raw.invalidate_prebuilds {
        let (span, raw) = (raw.span(), raw.get_ref());
        let template = templates.existing(check, &raw.template);
        let by = names::template_administrator(check, raw.by.as_ref(), span.clone());
        actions.push((span, Action::InvalidatePrebuilds { template, by }));
    }
    for (raw, paused) in [(&raw.pause_prebuilds, true), (&raw.resume_prebuilds, false)] {
        if let Some(raw) = raw {
            let by = names::administrator(check, raw.get_ref().by.as_ref(), raw.span());
            actions.push((raw.span(), Action::PausePrebuilds { by, paused }));
        }
    }
    if let Some(raw) = &raw.read_metrics {
        let by = names::administrator(check, raw.get_ref().by.as_ref(), raw.span());
        let prefix = raw.get_ref().prefix.clone().unwrap_or_default();
        actions.push((raw.span(), Action::ReadMetrics { by, prefix }));
    }
    if let Some(raw) = &raw.list_presets {
        let (span, raw) = (raw.span(), raw.get_ref());
        let template = templates.existing(check, &raw.template);
        if let Some(version) = &raw.version {
            templates.version(check, &raw.template, version);
        }
        let version = raw.version.as_ref().map(|version| version.get_ref().clone()).unwrap_or_default();
        let by = names::template_administrator(check, raw.by.as_ref(), span.clone());
        actions.push((span, Action::ListPresets { template, version, by }));
    }
    actions
}
