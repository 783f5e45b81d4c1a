//! What is counted and measured, for whoever watches the control plane.
//!
//! Counts and gauges are read from the database when somebody asks, in one transaction, so they are of one moment and the same
//! at every replica. There is no series of a template that is deleted. Histograms are of this process.

use std::collections::BTreeMap;

use groundhog_prebuilds::{State, state};
use groundhog_wire::v1::{self, MetricType};

use crate::{
    config::PrebuildsConfig,
    metrics::{Built, Labels, Metrics},
    prebuilds::snapshot::{self, PresetPool},
    preset_status::PresetStatus,
    refusal::CallError,
    store::{Tx, counts, settings, users::PREBUILDS},
};

/// All metrics whose names begin with the request's prefix, by their names.
pub fn get(
    tx: &Tx<'_>,
    request: &v1::GetMetricsRequest,
    metrics: &Metrics,
    config: &PrebuildsConfig,
) -> Result<v1::GetMetricsResponse, CallError> {
    let mut families = families(tx, metrics, config)?;
    families.retain(|family| family.name.starts_with(&request.prefix));
    families.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(v1::GetMetricsResponse { families })
}

fn families(tx: &Tx<'_>, metrics: &Metrics, config: &PrebuildsConfig) -> Result<Vec<v1::MetricFamily>, CallError> {
    let counts = counts::built_ahead(tx, PREBUILDS)?;
    let counted = |name: &str, help: &str, count: fn(&counts::Count) -> u64| {
        family(name, help, MetricType::Counter, counts.iter().map(|one| metric(&one.labels, count(one))).collect())
    };
    let mut families = vec![
        counted("created_total", "Workspaces that were built ahead.", |count| count.created),
        counted("failed_total", "Workspaces that were built ahead and whose build failed.", |count| count.failed),
        counted("claimed_total", "Workspaces that were built ahead and became a person's.", |count| count.claimed),
        counted("resource_replacements_total", "Claims that replaced something built ahead.", |count| count.replaced),
    ];
    families.extend(gauges(tx, config)?);
    let plain = |name: &str, help: &str, value: f64| {
        family(name, help, MetricType::Gauge, vec![v1::Metric { value, ..v1::Metric::default() }])
    };
    // Unix times are told in seconds, and are that small that a float holds them.
    families.push(plain("metrics_last_updated", "When these were read, a Unix time.", tx.now_ms() as f64 / 1_000.0));
    let paused = f64::from(u8::from(settings::is_paused(tx)?));
    families.push(plain("reconciliation_paused", "Whether building ahead is paused.", paused));
    families.extend(histograms(metrics));
    Ok(families)
}

fn gauges(tx: &Tx<'_>, config: &PrebuildsConfig) -> Result<Vec<v1::MetricFamily>, CallError> {
    let snapshot = snapshot::take(tx, config)?;
    let there: Vec<_> = snapshot.pools.iter().filter(|pool| !pool.preset.deleted).collect();
    let active: Vec<_> = there.iter().filter(|pool| pool.preset.using_active_version).collect();
    let labels = |pool: &PresetPool| -> Labels {
        let (organization, template) = (pool.preset.organization_name.clone(), pool.preset.template_name.clone());
        Labels { organization, template, preset: pool.preset.name.clone() }
    };
    let gauge = |name: &str, help: &str, number: fn(&State) -> u64| {
        let one = |pool: &&&PresetPool| metric(&labels(pool), number(&state(&pool.pool, snapshot.now_ms)));
        family(name, help, MetricType::Gauge, active.iter().map(one).collect())
    };
    let flag = |name: &str, help: &str, is_set: fn(&PresetPool) -> bool| {
        let set = active.iter().filter(|pool| is_set(pool));
        family(name, help, MetricType::Gauge, set.map(|pool| metric(&labels(pool), 1)).collect())
    };
    // Of all versions: those that linger are mostly of old ones.
    let mut lingering = BTreeMap::<Labels, u64>::new();
    for pool in there.iter().filter(|pool| !pool.pool.lingering.is_empty()) {
        *lingering.entry(labels(pool)).or_default() += pool.pool.lingering.len() as u64;
    }
    let lingering = lingering.iter().map(|(labels, count)| metric(labels, *count)).collect();
    Ok(vec![
        gauge("desired", "Workspaces that are wanted.", |state| state.desired),
        gauge("running", "Workspaces that run and that nobody has claimed.", |state| state.actual),
        gauge("eligible", "Workspaces that can be claimed.", |state| state.eligible),
        flag("preset_hard_limited", "So many builds failed in a row that no more are tried.", |pool| {
            pool.pool.hard_limited
        }),
        flag("preset_validation_failed", "The version does not take the preset's parameters.", |pool| {
            pool.preset.status == PresetStatus::ValidationFailed
        }),
        family("lingering", "Unclaimed workspaces that neither run nor are built.", MetricType::Gauge, lingering),
    ])
}

fn histograms(metrics: &Metrics) -> [v1::MetricFamily; 3] {
    let cycles = v1::Metric { histogram: Some(metrics.cycles()), ..v1::Metric::default() };
    let (mut creations, mut claims) = (Vec::new(), Vec::new());
    for (built, labels, histogram) in metrics.builds() {
        let mut labels = labels.to_wire();
        let kind = match built {
            Built::Ahead => Some("prebuild"),
            Built::Regular => Some("regular"),
            Built::Claim => None,
        };
        labels.extend(kind.map(|kind| ("type".to_owned(), kind.to_owned())));
        let metric = v1::Metric { labels, histogram: Some(histogram), ..v1::Metric::default() };
        if built == Built::Claim { claims.push(metric) } else { creations.push(metric) }
    }
    let family = |name: &str, help: &str, metrics| v1::MetricFamily {
        name: name.to_owned(),
        help: help.to_owned(),
        r#type: MetricType::Histogram.into(),
        metrics,
    };
    [
        family("coderd_prebuilds_reconciliation_duration_seconds", "How long looks at all pools took.", vec![cycles]),
        family("coderd_workspace_creation_duration_seconds", "How long first builds of presets took.", creations),
        family("coderd_prebuilt_workspace_claim_duration_seconds", "How long builds of claims took.", claims),
    ]
}

fn family(name: &str, help: &str, kind: MetricType, metrics: Vec<v1::Metric>) -> v1::MetricFamily {
    let name = format!("coderd_prebuilt_workspaces_{name}");
    v1::MetricFamily { name, help: help.to_owned(), r#type: kind.into(), metrics }
}

fn metric(labels: &Labels, number: u64) -> v1::Metric {
    v1::Metric { labels: labels.to_wire(), value: number as f64, histogram: None }
}
