//! Tunnels, as they are written.

use serde::Deserialize;
use toml::Spanned;

use super::DurationText;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct OpenTunnel {
    pub(in crate::scenario) name: Spanned<String>,
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) agent: Option<Spanned<String>>,
    pub(in crate::scenario) app: Option<TunnelApplication>,
    pub(in crate::scenario) port: Option<Spanned<i64>>,
    pub(in crate::scenario) every: Option<Spanned<DurationText>>,
    pub(in crate::scenario) session: Option<Spanned<String>>,
    pub(in crate::scenario) sends: Option<Spanned<Vec<String>>>,
    pub(in crate::scenario) autostart: Option<bool>,
    pub(in crate::scenario) wait_for_scripts: Option<bool>,
    pub(in crate::scenario) stays: Option<Spanned<DurationText>>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scenario) enum TunnelApplication {
    #[default]
    Forward,
    Terminal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct InterruptTunnel {
    pub(in crate::scenario) name: Spanned<String>,
}
