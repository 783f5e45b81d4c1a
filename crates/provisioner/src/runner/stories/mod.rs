//! Single runs told as texts: what is said in which order, with which words.
//!
//! - `builds`: workspace builds, cancels, and how calls are retried. `templates`: imports and dry runs.

mod builds;
mod templates;

use std::{fmt::Write, time::Duration};

use groundhog_host::Instant;
use groundhog_wire::v1::{
    self, Job, LogSource, Resource, Timing, Transition, WorkspaceBuild, complete_job_request, fail_job_request,
};

use super::{
    Runner, RunnerConfig,
    event::{Effect, Event, Moment, Tale},
};
use crate::session::{Planned, Request, Response};

/// A run whose effects are written down, a line each.
struct Story {
    runner: Runner,
    now: Instant,
    told: String,
}

impl Story {
    fn of(transition: Transition) -> Self {
        let build =
            WorkspaceBuild { transition: transition.into(), state: b"old".to_vec(), ..WorkspaceBuild::default() };
        Self::of_kind(Some(v1::job::Kind::WorkspaceBuild(build)))
    }

    fn of_kind(kind: Option<v1::job::Kind>) -> Self {
        Self::of_job(Job { kind, ..Job::default() })
    }

    fn of_job(job: Job) -> Self {
        let job = Job { job_id: "6f8d3ea8-0f3e-4b6e-9d5c-0e5f6f3a1b2c".to_owned(), ..job };
        let runner = Runner::new(job, RunnerConfig::default(), Instant::default()).expect("the id is one");
        Self { runner, now: Instant::default(), told: String::new() }
    }

    /// Tells an event; what it leads to is written down. A session opens, and updates are accepted, by themselves.
    fn then(&mut self, event: Event) -> &mut Self {
        self.quietly(event, true)
    }

    fn quietly(&mut self, event: Event, updates_answer: bool) -> &mut Self {
        let effects = self.runner.handle(Moment { now: self.now, wall_ms: 0 }, event);
        let mut follows = Vec::new();
        for effect in effects {
            match &effect {
                Effect::Open => follows.push(Event::Opened(Ok(()))),
                Effect::Update(_) if updates_answer => follows.push(Event::Updated(Ok(false))),
                _ => {}
            }
            self.write(effect);
        }
        for event in follows {
            self.quietly(event, updates_answer);
        }
        self
    }

    fn after(&mut self, duration: Duration) -> &mut Self {
        self.now += duration;
        self.quietly(Event::Timer, false)
    }

    fn planned(&mut self, daily_cost: i32) -> &mut Self {
        let resources = vec![Resource { daily_cost, ..Resource::default() }];
        self.then(Event::Response(Response::Planned(Planned { resources, ..Planned::default() })))
    }

    fn write(&mut self, effect: Effect) {
        let told = &mut self.told;
        let _ = match effect {
            Effect::Open => writeln!(told, "open"),
            Effect::Send(Request::Plan(plan)) if !plan.variable_values.is_empty() => {
                writeln!(told, "> Plan {:?} {:?}", plan.metadata.transition, plan.variable_values)
            }
            Effect::Send(request) => writeln!(told, "> {}", request.name()),
            Effect::CloseSession => writeln!(told, "close"),
            Effect::Update(request) if request.logs.is_empty() => writeln!(told, "update"),
            Effect::Update(request) => request.logs.iter().try_for_each(|line| {
                let source = match line.source() {
                    LogSource::ProvisionerDaemon => "daemon",
                    _ => "provisioner",
                };
                writeln!(told, "log {} {source} {:?} | {} | {}", line.sequence, line.level(), line.stage, line.output)
            }),
            Effect::Declare(request) => {
                let declarations = request.declarations.unwrap_or_default();
                writeln!(told, "declare {:?} {}", declarations.readme, declarations.variables.len())
            }
            Effect::CommitQuota(request) => writeln!(told, "quota {}", request.daily_cost),
            Effect::Fail(request) => {
                let kind = match request.kind {
                    None => "none".to_owned(),
                    Some(fail_job_request::Kind::WorkspaceBuild(build)) => {
                        let state = build.state.map(|state| String::from_utf8_lossy(&state).into_owned());
                        format!("build {state:?}{}", timed(&build.timings))
                    }
                    Some(other) => format!("{other:?}"),
                };
                writeln!(told, "fail {:?} [{}] {kind}", request.error, request.error_code)
            }
            Effect::Complete(request) => match request.kind {
                Some(complete_job_request::Kind::WorkspaceBuild(build)) => {
                    let replaced = build.replacements.iter().map(|it| format!(" replaced {}", it.resource));
                    let more = format!("{}{}", timed(&build.timings), replaced.collect::<String>());
                    writeln!(
                        told,
                        "complete {:?} {}{more}",
                        String::from_utf8_lossy(&build.state),
                        build.resources.len()
                    )
                }
                Some(complete_job_request::Kind::TemplateImport(import)) => writeln!(
                    told,
                    "imported start={} stop={} parameters={} presets={} external={}",
                    import.start_resources.len(),
                    import.stop_resources.len(),
                    import.parameters.len(),
                    import.presets.len(),
                    import.external_auth_providers.len(),
                ),
                Some(complete_job_request::Kind::TemplateDryRun(run)) => {
                    writeln!(told, "tried {}", run.resources.len())
                }
                None => writeln!(told, "complete nothing"),
            },
            Effect::Abandon => writeln!(told, "abandon"),
            // What follows from it is written down.
            Effect::Tell(Tale::Canceled { .. } | Tale::Line { .. }) => Ok(()),
            Effect::Tell(Tale::Phase(phase)) => writeln!(told, "# {}", phase.name()),
            Effect::Tell(Tale::CancelForwarded { phase, by }) => {
                writeln!(told, "# cancel in {} by {}", phase.name(), by.name())
            }
            Effect::Tell(Tale::ForceCancel) => writeln!(told, "# force"),
            Effect::Tell(Tale::Started) => writeln!(told, "# started"),
            Effect::Tell(Tale::Ended { outcome, .. }) => writeln!(told, "# {} {:?}", outcome.name(), outcome.error()),
        };
    }

    #[track_caller]
    fn is(&mut self, expected: &[&str]) {
        let told: Vec<&str> = self.told.lines().collect();
        assert_eq!(told, expected);
        self.told.clear();
    }
}

/// What took how long, of a failed or completed build.
fn timed(timings: &[Timing]) -> String {
    timings.iter().map(|timing| format!(" timed {}", timing.stage)).collect()
}

fn timing(stage: &str) -> Vec<Timing> {
    vec![Timing { stage: stage.to_owned(), ..Timing::default() }]
}
