//! What people do with templates and workspaces as time goes by, as it is written.

use serde::Deserialize;
use toml::Spanned;

use super::DurationText;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ActivateVersion {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) version: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct DeprecateTemplate {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) message: String,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

/// Something that is done to a template, and by whom.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct OfTemplate {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

/// By whom something is done.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct Somebody {
    pub(in crate::scenario) by: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct SetLifecycle {
    pub(in crate::scenario) workspace: Spanned<String>,
    pub(in crate::scenario) owner: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) autostart: Option<Spanned<String>>,
    pub(in crate::scenario) ttl: Option<Spanned<DurationText>>,
    pub(in crate::scenario) dormant: Option<bool>,
    pub(in crate::scenario) extend: Option<Spanned<DurationText>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ReadMetrics {
    pub(in crate::scenario) by: Option<Spanned<String>>,
    pub(in crate::scenario) prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scenario) struct ListPresets {
    pub(in crate::scenario) template: Spanned<String>,
    pub(in crate::scenario) version: Option<Spanned<String>>,
    pub(in crate::scenario) by: Option<Spanned<String>>,
}
