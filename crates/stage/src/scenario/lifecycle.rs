//! When workspaces start, stop and go by themselves, and those that the platform builds ahead by itself.

use std::time::Duration;

use super::{Action, Scenario};

/// What a person says of when a workspace starts, stops and goes by itself. What is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// When it is started: five cron fields, after `CRON_TZ=ZONE ` if they are not in UTC; empty for never.
    pub autostart: Option<String>,
    /// After how long of running it is stopped; zero for never.
    pub ttl: Option<Duration>,
    /// Whether it is laid aside.
    pub dormant: Option<bool>,
    /// How far from the moment in which this is said the running build's deadline is.
    pub extend: Option<Duration>,
}

/// The platform's own account, whose workspaces are that were built ahead and that nobody has claimed.
pub const AHEAD: &str = "prebuilds";

/// What a scenario calls the workspaces that are built ahead, with their number behind it.
const AHEAD_PREFIX: &str = "prebuild-";

/// What a scenario calls the workspace that is built ahead as the `number`th of the run, counted from 1.
pub fn ahead(number: usize) -> String {
    format!("{AHEAD_PREFIX}{number}")
}

/// The number of a workspace that is built ahead, if that is what the scenario calls one.
pub fn ahead_number(workspace: &str) -> Option<usize> {
    let number = workspace.strip_prefix(AHEAD_PREFIX)?;
    // As it is written, and in no other way.
    number.parse().ok().filter(|parsed| *parsed >= 1 && ahead(*parsed) == workspace)
}

impl Scenario {
    /// Whether the platform builds ahead unless the file says otherwise: there is something to be built.
    pub(crate) fn asks_for_prebuilds(&self) -> bool {
        self.templates.iter().any(super::Template::is_built_ahead)
    }

    /// The names of templates of which versions are imported.
    pub(crate) fn imported(&self) -> impl Iterator<Item = &String> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::ImportTemplate { template, .. } => Some(template),
            _ => None,
        })
    }

    /// Whether workspaces start, stop and go by themselves unless the file says otherwise: some of them are to.
    pub(crate) fn asks_for_autobuild(&self) -> bool {
        let says_so = |action: &Action| match action {
            Action::CreateWorkspace { autostart, ttl, .. } => !autostart.is_empty() || ttl.is_some(),
            Action::SetLifecycle { .. } => true,
            _ => false,
        };
        self.templates.iter().any(super::Template::goes_by_the_clock)
            || self.steps.iter().any(|step| says_so(&step.action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_ahead_is_known_by_its_number() {
        assert_eq!(ahead_number(&ahead(12)), Some(12));
        for other in ["prebuild-0", "prebuild-01", "prebuild-", "prebuild-x", "prebuild", "prebuild-1.main"] {
            assert_eq!(ahead_number(other), None, "{other}");
        }
    }
}
