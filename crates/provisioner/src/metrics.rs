//! What a daemon counts, and the Prometheus text of it.
//!
//! | metric | kind | labels |
//! |---|---|---|
//! | `coderd_provisionerd_num_daemons` | gauge | |
//! | `coderd_provisionerd_jobs_current` | gauge | provisioner |
//! | `coderd_provisionerd_job_timings_seconds` | histogram | provisioner, status |
//! | `coderd_workspace_builds_total` | counter | owner, workspace, template, version, transition, status |
//! | `coderd_provisionerd_workspace_build_timings_seconds` | histogram | template, version, transition, status |
//!
//! The names are those that the platform's dashboards know. A job's status is `success` when the control plane took
//! it as completed, and `failed` otherwise: so also when it refused the result and was then told of a failure.
//!
//! Sets are ordered by their labels, so that a text is a function of what was counted. A build counts under its
//! workspace's name, so a daemon that builds for ever many workspaces has ever more lines, as dashboards expect.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use groundhog_wire::v1::{Job, Transition, job};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{MetricType, counter::Counter, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use crate::runner::event::Outcome;

/// Upper bounds of the histograms' buckets, in seconds: a job takes from a second to an hour.
const BUCKETS_S: [f64; 8] = [1.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0];

type Labels = Vec<(&'static str, String)>;

/// A metric for each set of labels that has come up.
type Family<M> = Mutex<BTreeMap<Labels, M>>;

/// A daemon's metrics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics(Arc<Families>);

#[derive(Debug, Default)]
struct Families {
    daemons: Gauge,
    jobs: Family<Gauge>,
    job_timings: Family<Histogram>,
    builds: Family<Counter>,
    build_timings: Family<Histogram>,
}

/// What of a job is counted by.
#[derive(Clone, Debug)]
pub(crate) struct JobLabels {
    provisioner: String,
    build: Option<BuildLabels>,
}

#[derive(Clone, Debug)]
struct BuildLabels {
    workspace: Labels,
    template: Labels,
}

impl From<&Job> for JobLabels {
    fn from(job: &Job) -> Self {
        let build = match &job.kind {
            Some(job::Kind::WorkspaceBuild(build)) => Some(BuildLabels {
                workspace: vec![
                    ("workspace_owner", escaped(&build.workspace_owner)),
                    ("workspace_name", escaped(&build.workspace_name)),
                ],
                template: vec![
                    ("template_name", escaped(&build.template_name)),
                    ("template_version", escaped(&build.template_version)),
                    ("workspace_transition", transition_name(build.transition()).to_owned()),
                ],
            }),
            Some(job::Kind::TemplateImport(_) | job::Kind::TemplateDryRun(_)) | None => None,
        };
        Self { provisioner: escaped(&job.provisioner_type), build }
    }
}

/// A label's value as the format wants it, which the encoder does not see to.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A transition as metrics and logs name it.
pub(crate) fn transition_name(transition: Transition) -> &'static str {
    match transition {
        Transition::Unspecified => "unspecified",
        Transition::Start => "start",
        Transition::Stop => "stop",
        Transition::Destroy => "destroy",
    }
}

impl Metrics {
    pub(crate) fn daemon_started(&self) {
        self.0.daemons.inc();
    }

    pub(crate) fn daemon_stopped(&self) {
        self.0.daemons.dec();
    }

    pub(crate) fn job_began(&self, job: &JobLabels) {
        let labels = vec![("provisioner", job.provisioner.clone())];
        with(&self.0.jobs, labels, Gauge::default, |jobs| jobs.inc());
    }

    pub(crate) fn job_ended(&self, job: JobLabels, took: Duration, outcome: &Outcome) {
        let provisioner = ("provisioner", job.provisioner);
        let status = ("status", status(outcome).to_owned());
        let (took, histogram) = (took.as_secs_f64(), || Histogram::new(BUCKETS_S));
        with(&self.0.jobs, vec![provisioner.clone()], Gauge::default, |jobs| jobs.dec());
        with(&self.0.job_timings, vec![provisioner, status.clone()], histogram, |timings| timings.observe(took));
        let Some(BuildLabels { workspace, mut template }) = job.build else { return };
        template.push(status);
        let all = [workspace, template.clone()].concat();
        with(&self.0.builds, all, Counter::default, |builds| builds.inc());
        with(&self.0.build_timings, template, histogram, |timings| timings.observe(took));
    }

    /// All of them as text.
    pub(crate) fn text(&self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.0.clone()));
        let mut out = String::new();
        text::encode(&mut out, &registry).expect("a string takes all text");
        out
    }
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Completed => "success",
        Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Stopped => "failed",
    }
}

fn with<M, R>(family: &Family<M>, labels: Labels, new: impl FnOnce() -> M, use_it: impl FnOnce(&M) -> R) {
    let mut family = family.lock().unwrap_or_else(PoisonError::into_inner);
    use_it(family.entry(labels).or_insert_with(new));
}

impl Collector for Families {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let daemons = encoder.encode_descriptor(
            "coderd_provisionerd_num_daemons",
            "How many daemons are running",
            None,
            MetricType::Gauge,
        )?;
        self.daemons.encode(daemons)?;
        encode(&mut encoder, "coderd_provisionerd_jobs_current", "How many jobs are being run", &self.jobs)?;
        encode(
            &mut encoder,
            "coderd_provisionerd_job_timings_seconds",
            "How long jobs took, in seconds",
            &self.job_timings,
        )?;
        // The format adds "_total" to a counter's name.
        encode(&mut encoder, "coderd_workspace_builds", "How many builds of workspaces have ended", &self.builds)?;
        encode(
            &mut encoder,
            "coderd_provisionerd_workspace_build_timings_seconds",
            "How long builds of workspaces took, in seconds",
            &self.build_timings,
        )
    }
}

fn encode<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    family: &Family<M>,
) -> fmt::Result {
    let family = family.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(any) = family.values().next() else { return Ok(()) };
    let mut metric_encoder = encoder.encode_descriptor(name, help, None, any.metric_type())?;
    for (labels, metric) in &*family {
        metric.encode(metric_encoder.encode_family(labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use groundhog_wire::v1::{TemplateImport, WorkspaceBuild};

    use super::*;

    fn build(owner: &str, transition: Transition) -> JobLabels {
        let build = WorkspaceBuild {
            workspace_owner: owner.to_owned(),
            workspace_name: "dev".to_owned(),
            template_name: "vm".to_owned(),
            template_version: "v1".to_owned(),
            transition: transition.into(),
            ..WorkspaceBuild::default()
        };
        let kind = Some(job::Kind::WorkspaceBuild(build));
        JobLabels::from(&Job { provisioner_type: "scripted".to_owned(), kind, ..Job::default() })
    }

    /// The lines of a metric, without what a histogram has of buckets.
    fn lines<'a>(text: &'a str, metric: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(metric) && !line.contains("_bucket{")).collect()
    }

    #[test]
    fn jobs_are_counted_under_their_labels_in_order() {
        let metrics = Metrics::default();
        metrics.daemon_started();
        for owner in ["zoe", "alice"] {
            let labels = build(owner, Transition::Start);
            metrics.job_began(&labels);
            metrics.job_ended(labels, Duration::from_secs(45), &Outcome::Completed);
        }
        metrics.job_began(&build("bob", Transition::Stop));
        let text = metrics.text();
        assert_eq!(lines(&text, "coderd_provisionerd_num_daemons"), ["coderd_provisionerd_num_daemons 1"]);
        assert_eq!(
            lines(&text, "coderd_provisionerd_jobs_current"),
            [r#"coderd_provisionerd_jobs_current{provisioner="scripted"} 1"#],
        );
        let build = |owner: &str| {
            let workspace = format!(r#"workspace_owner="{owner}",workspace_name="dev""#);
            let template = r#"template_name="vm",template_version="v1",workspace_transition="start""#;
            format!(r#"coderd_workspace_builds_total{{{workspace},{template},status="success"}} 1"#)
        };
        assert_eq!(lines(&text, "coderd_workspace_builds_total"), [build("alice"), build("zoe")]);
        let labels = r#"provisioner="scripted",status="success""#;
        assert_eq!(
            lines(&text, "coderd_provisionerd_job_timings_seconds"),
            [
                format!("coderd_provisionerd_job_timings_seconds_sum{{{labels}}} 90.0"),
                format!("coderd_provisionerd_job_timings_seconds_count{{{labels}}} 2"),
            ],
        );
        for (bound, count) in [("30.0", 0), ("60.0", 2), ("3600.0", 2), ("+Inf", 2)] {
            let bucket = format!("coderd_provisionerd_job_timings_seconds_bucket{{le=\"{bound}\",{labels}}} {count}");
            assert!(text.contains(&bucket), "{bucket}\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
        metrics.daemon_stopped();
        assert!(metrics.text().contains("coderd_provisionerd_num_daemons 0"));
    }

    #[test]
    fn only_what_the_control_plane_took_as_completed_is_a_success() {
        for (outcome, expected) in [
            (Outcome::Completed, "success"),
            // Among these is a job whose result was refused.
            (Outcome::Failed("internal provisionerserver error".to_owned()), "failed"),
            (Outcome::Refused("job already completed".to_owned()), "failed"),
            (Outcome::Stopped, "failed"),
        ] {
            assert_eq!(status(&outcome), expected, "{outcome:?}");
        }
    }

    #[test]
    fn a_name_can_not_break_the_text() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }

    #[test]
    fn an_import_is_no_build() {
        let metrics = Metrics::default();
        let kind = Some(job::Kind::TemplateImport(TemplateImport::default()));
        let labels = JobLabels::from(&Job { kind, ..Job::default() });
        metrics.job_began(&labels);
        metrics.job_ended(labels, Duration::from_secs(1), &Outcome::Stopped);
        let text = metrics.text();
        assert!(text.contains("coderd_provisionerd_job_timings_seconds_count"), "{text}");
        assert!(!text.contains("workspace_build"), "{text}");
    }
}
