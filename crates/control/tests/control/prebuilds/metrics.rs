//! What is counted and measured of workspaces that were built ahead.

use std::time::Duration;

use groundhog_control::{
    job_status::JobStatus::{self, Canceled, Failed, Pending, Running, Succeeded},
    operations::metrics,
    transition::Transition::{Start, Stop},
};
use groundhog_wire::v1;

use crate::support::pools::{Site, preset};

const PREFIX: &str = "coderd_prebuilt_workspaces_";

fn families(site: &Site, prefix: &str) -> Vec<v1::MetricFamily> {
    let request = v1::GetMetricsRequest { prefix: prefix.to_owned() };
    let work = |tx: &groundhog_control::store::Tx<'_>| metrics::get(tx, &request, &site.world.metrics, &site.config);
    site.world.tx(work).expect("works").families
}

/// The value of a preset's metric; none without a series.
fn value(site: &Site, name: &str) -> Option<f64> {
    let family = families(site, &format!("{PREFIX}{name}")).remove(0);
    let series: Vec<_> = family
        .metrics
        .into_iter()
        .filter(|metric| metric.labels.get("template_name").is_none_or(|template| template == "pool"))
        .collect();
    assert!(series.len() <= 1, "{name}: {series:?}");
    series.first().map(|metric| metric.value)
}

fn values<const N: usize>(site: &Site, names: [&str; N]) -> [Option<f64>; N] {
    names.map(|name| value(site, name))
}

const ALL: [&str; 6] = ["created_total", "failed_total", "claimed_total", "desired", "running", "eligible"];

/// created, failed, claimed, desired, running, eligible.
#[test]
fn each_state_counts_as_it_should() {
    let running = |status: JobStatus| f64::from(u8::from(status == Succeeded));
    for status in [Pending, Running, Succeeded, Canceled, Failed] {
        for ready in [false, true] {
            let site = Site::new();
            site.publish("pool", "v1", vec![preset("one", 1)], true);
            let workspace = site.build_ahead(site.preset("pool", "v1", "one").id, "pool");
            site.bring(workspace, status);
            if ready && status == Succeeded {
                site.ready(workspace);
            }
            let (failed, runs) = (f64::from(u8::from(status == Failed)), running(status));
            let eligible = if ready { runs } else { 0.0 };
            let expected = [1.0, failed, 0.0, 1.0, runs, eligible].map(Some);
            assert_eq!(values(&site, ALL), expected, "{status}, ready {ready}");
        }
    }
}

#[test]
fn a_claimed_one_counts_as_claimed_and_what_a_person_made_not_at_all() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    let workspace = site.unclaimed().remove(0).id;
    site.claim("alice", workspace).expect("it runs");
    site.world.create("bob", "own", "pool").expect("free");
    assert_eq!(values(&site, ALL), [1.0, 0.0, 1.0, 1.0, 0.0, 0.0].map(Some));
}

#[test]
fn there_is_no_series_of_a_deleted_template_until_there_is_one_of_its_name_again() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.settle();
    assert_eq!(values(&site, ["created_total", "running"]), [Some(1.0), Some(1.0)]);
    site.delete_template("pool");
    assert_eq!(values(&site, ALL), [None; 6]);
    site.publish("pool", "v1", vec![preset("one", 2)], true);
    assert_eq!(values(&site, ["created_total", "desired", "running"]), [None, Some(2.0), Some(0.0)]);
    site.settle();
    assert_eq!(values(&site, ["created_total", "running"]), [Some(2.0), Some(2.0)]);
}

#[test]
fn a_pause_is_told() {
    let site = Site::new();
    let paused = |paused| {
        site.pause(paused);
        value(&site, "reconciliation_paused")
    };
    assert_eq!([paused(false), paused(true), paused(false)], [Some(0.0), Some(1.0), Some(0.0)]);
    assert_eq!(value(&site, "metrics_last_updated"), Some(1_700_000_000.0));
}

#[test]
fn p19_those_that_linger_are_counted_those_of_old_versions_too() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    let one = site.preset("pool", "v1", "one").id;
    let (failed, stopped) = (site.build_ahead(one, "pool"), site.build_ahead(one, "pool"));
    site.bring(failed, Failed);
    site.bring(stopped, Succeeded);
    assert_eq!(value(&site, "lingering"), Some(1.0));
    site.rebuild(stopped, Stop);
    assert_eq!(site.latest(stopped).transition, Stop);
    site.bring(stopped, Succeeded);
    site.publish("pool", "v2", vec![preset("one", 1)], true);
    assert_eq!(value(&site, "lingering"), Some(2.0));
}

#[test]
fn limits_are_flags() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 3)], true);
    assert_eq!(values(&site, ["preset_hard_limited", "preset_validation_failed"]), [None, None]);
    site.reconcile();
    site.work(|build| build.transition == Start);
    assert_eq!(value(&site, "preset_hard_limited"), Some(1.0));
    site.publish("pool", "v2", vec![preset("one", 3)], true);
    assert_eq!(value(&site, "preset_hard_limited"), None);
    let unknown = vec![v1::ParameterValue { name: "zone".to_owned(), value: "x".to_owned() }];
    site.publish("pool", "v3", vec![v1::Preset { parameters: unknown, ..preset("one", 1) }], true);
    site.reconcile();
    assert_eq!(value(&site, "preset_validation_failed"), Some(1.0));
}

#[test]
fn durations_are_measured_from_when_a_build_was_asked_for() {
    let site = Site::new();
    site.publish("pool", "v1", vec![preset("one", 1)], true);
    site.reconcile();
    site.world.machine.jump(Duration::from_secs(7));
    site.work(|_| false);
    let workspace = site.unclaimed().remove(0).id;
    site.claim("alice", workspace).expect("it runs");
    site.world.machine.jump(Duration::from_secs(2));
    site.work(|_| false);
    let histogram = |name: &str| {
        let mut family = families(&site, name).remove(0);
        assert_eq!(family.metrics.len(), 1, "{family:?}");
        let metric = family.metrics.remove(0);
        let histogram = metric.histogram.expect("it is one");
        let counts: Vec<_> = histogram.buckets.iter().map(|bucket| bucket.cumulative_count).collect();
        (metric.labels.get("type").cloned(), histogram.count, histogram.sum, counts)
    };
    let seven = vec![0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    let two = vec![0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    assert_eq!(histogram("coderd_workspace_creation_duration_seconds"), (Some("prebuild".to_owned()), 1, 7.0, seven));
    assert_eq!(histogram("coderd_prebuilt_workspace_claim_duration_seconds"), (None, 1, 2.0, two));
    assert_eq!(histogram("coderd_prebuilds_reconciliation_duration_seconds").1, 1);
}

#[test]
fn they_come_by_name() {
    let site = Site::new();
    let names: Vec<_> = families(&site, "").into_iter().map(|family| family.name).collect();
    assert!(names.is_sorted() && names.len() == 15, "{names:?}");
    assert!(families(&site, "nothing").is_empty());
}
