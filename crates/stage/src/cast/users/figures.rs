//! What people read of what the platform does by itself: its figures, and how its presets stand.

use std::collections::BTreeMap;

use groundhog_host::Host;
use groundhog_wire::{
    call, retryable,
    v1::{GetMetricsRequest, ListPresetsRequest, Metric, MetricFamily, PresetStatus, PresetView},
};
use tonic::Status;

use super::{
    CALL_TIMEOUT, Clients, PATIENCE, RETRY_WAIT, Shared, answered, gave_up, refused, request::selector, saw_metric,
    saw_preset,
};
use crate::scenario::Action;

/// Something that somebody reads.
pub(super) enum Reading {
    /// What is counted under names that begin so.
    Metrics { by: String, prefix: String },
    /// The presets of a version.
    Presets { by: String, template: String, version: String },
}

impl Reading {
    /// What a step reads, if it does.
    pub(super) fn of(action: &Action) -> Option<Self> {
        match action {
            Action::ReadMetrics { by, prefix } => Some(Self::Metrics { by: by.clone(), prefix: prefix.clone() }),
            Action::ListPresets { template, version, by } => {
                Some(Self::Presets { by: by.clone(), template: template.clone(), version: version.clone() })
            }
            _ => None,
        }
    }

    /// Asks until there is an answer, or patience ends.
    pub(super) async fn read(self, host: &Host, people: &Shared) {
        let (by, name) = match &self {
            Self::Metrics { by, .. } => (by, "read_metrics"),
            Self::Presets { by, .. } => (by, "list_presets"),
        };
        let Some(mut clients) = people.clients(host, by) else { return };
        let until = host.now() + PATIENCE;
        loop {
            match call(host, CALL_TIMEOUT, self.once(&mut clients)).await {
                Ok(()) => return answered(by, name),
                Err(status) if !retryable(&status) => {
                    return refused(by, name, &format!("{:?}", status.code()), status.message());
                }
                Err(status) if host.now() >= until => return gave_up(by, name, status.message()),
                Err(_) => host.sleep(RETRY_WAIT).await,
            }
        }
    }

    async fn once(&self, clients: &mut Clients) -> Result<(), Status> {
        match self {
            Self::Metrics { by, prefix } => {
                let request = GetMetricsRequest { prefix: prefix.clone() };
                let answer = clients.administration.get_metrics(request).await?.into_inner();
                answer.families.iter().for_each(|family| tell_metrics(by, family));
            }
            Self::Presets { by, template, version } => {
                let request = ListPresetsRequest { version: Some(selector(template, version)) };
                let answer = clients.templates.list_presets(request).await?.into_inner();
                answer.presets.iter().for_each(|preset| tell_preset(by, template, preset));
            }
        }
        Ok(())
    }
}

fn tell_metrics(by: &str, family: &MetricFamily) {
    let mut lines: Vec<(String, String)> =
        family.metrics.iter().map(|metric| (labels(&metric.labels), value(metric))).collect();
    lines.sort();
    for (labels, value) in lines {
        saw_metric(by, &family.name, &labels, &value);
    }
}

/// Labels as one text, in the order of their names.
fn labels(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

/// Of a histogram, how many values there are.
fn value(metric: &Metric) -> String {
    metric.histogram.as_ref().map_or_else(|| metric.value.to_string(), |histogram| histogram.count.to_string())
}

fn tell_preset(by: &str, template: &str, view: &PresetView) {
    let status = match view.status() {
        PresetStatus::Unspecified => "unknown",
        PresetStatus::Healthy => "healthy",
        PresetStatus::HardLimited => "hard_limited",
        PresetStatus::ValidationFailed => "validation_failed",
    };
    let name = view.preset.as_ref().map(|preset| preset.name.as_str()).unwrap_or_default();
    saw_preset(by, &format!("{template}/{name}"), status, view.last_invalidated_at_ms.is_some());
}
