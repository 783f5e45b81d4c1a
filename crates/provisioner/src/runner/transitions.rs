//! The runner's transition table, read off the code.
//!
//! Nothing here says what a runner does. Real runners are brought into every state that real events lead to, and what
//! each event does to them is written down. A state that the table lacks can't be reached, but for one kind: a flush of
//! more lines than a message takes goes through several updates. A state whose reaction depends on something that its
//! name does not tell fails a test.
//!
//! A state is named by the kind of job, how far it has come, and in brackets what else matters:
//!
//! - `build` (a start; a stop is the same), `destroy`, `import`, `dry_run`, `unknown` (a kind that this daemon does
//!   not know).
//! - `new`, `opening`, then the provisioner's phases by their names in events (`parse`, `plan`, `plan_stop`, `apply`),
//!   the calls between them (`declare`, `quota`) and the flushes before a phase (`flush_before_quota`,
//!   `flush_before_apply`).
//! - Once the outcome is settled, the kind of job makes no difference: `last_flush:complete`, `terminal:fail`,
//!   `ended:completed` and so on. A last flush may still have the session to close (`session`).
//! - `canceled`: a cancel has come. `updating`: an update is in flight; `updating (older)`: one that was begun before
//!   the present flush, which waits for the next. `retrying`: the last update was lost.
//! - `call retrying`: so was the phase's own call, or the terminal message; else that is in flight.
//!
//! Events are named for what has come; the timers for what has become due: `update_due`, `call_due`,
//! `flush_given_up`, `force_cancel`. What can't come in a state (an answer to no call, a timer that is not set) is
//! left out; what can but is ignored has no effects and the state for its next.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use groundhog_host::Instant;
use groundhog_wire::v1::{
    CommitQuotaResponse, Job, LogLevel, Resource, TemplateDryRun, TemplateImport, Transition, WorkspaceBuild, job,
};

use serde::Serialize;

use super::{
    Runner, RunnerConfig,
    core::{Next, Stage},
    ending::Message,
    event::{CallError, Declared, Effect, Event, Moment, Phase, Tale},
    phases::Work,
};
use crate::session::{Applied, Parsed, Planned, Response};

/// What an event does in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The state; see the [module](self).
    pub state: String,
    /// What comes.
    pub event: &'static str,
    /// The state after it.
    pub next_state: String,
    /// What is done, in this order. What is only told to the world begins with `tell`.
    pub effects: Vec<String>,
}

/// The whole table: states in the order in which a breadth-first walk from the beginnings meets them, the events of
/// each in a fixed order.
pub fn transitions() -> Vec<Row> {
    walk().into_iter().flat_map(|(_, rows)| rows).collect()
}

/// Every state, by a runner that is in it, and its rows.
fn walk() -> Vec<(Concrete, Vec<Row>)> {
    let mut met: BTreeMap<String, ()> = BTreeMap::new();
    let mut states = Vec::new();
    let mut next: VecDeque<Concrete> = beginnings().into();
    while let Some(concrete) = next.pop_front() {
        if met.insert(concrete.label(), ()).is_some() {
            continue;
        }
        let steps = concrete.steps();
        let rows = steps.iter().map(|(row, _)| row.clone()).collect();
        next.extend(steps.into_iter().map(|(_, after)| after));
        states.push((concrete, rows));
    }
    states
}

/// A runner in some state, and its time.
#[derive(Clone, Debug)]
struct Concrete {
    runner: Runner,
    now: Instant,
}

fn beginnings() -> Vec<Concrete> {
    let build = |transition: Transition| {
        job::Kind::WorkspaceBuild(WorkspaceBuild { transition: transition.into(), ..WorkspaceBuild::default() })
    };
    let kinds = [
        Some(build(Transition::Start)),
        Some(build(Transition::Destroy)),
        Some(job::Kind::TemplateImport(TemplateImport::default())),
        Some(job::Kind::TemplateDryRun(TemplateDryRun::default())),
        None,
    ];
    kinds.map(beginning).into()
}

fn beginning(kind: Option<job::Kind>) -> Concrete {
    let job = Job { job_id: "00000000-0000-4000-8000-000000000000".to_owned(), kind, ..Job::default() };
    let now = Instant::default();
    Concrete { runner: Runner::new(job, RunnerConfig::default(), now).expect("the id is one"), now }
}

impl Concrete {
    /// Everything that can come, with what it does and what then is.
    fn steps(&self) -> Vec<(Row, Self)> {
        let state = self.label();
        let step = |(event, at, what): (&'static str, Instant, Event)| {
            let mut after = self.clone();
            after.now = at;
            let effects = after.runner.handle(Moment { now: at, wall_ms: 0 }, what);
            let effects = effects.iter().map(effect_name).collect();
            (Row { state: state.clone(), event, next_state: after.label(), effects }, after)
        };
        self.events().into_iter().map(step).collect()
    }

    /// What can come, and when.
    fn events(&self) -> Vec<(&'static str, Instant, Event)> {
        let runner = &self.runner;
        let mut events = Vec::new();
        let mut now = |name, event| events.push((name, self.now, event));
        if matches!(runner.stage, Stage::New) {
            now("start", Event::Start);
        }
        if matches!(runner.stage, Stage::Opening) {
            // The answer comes at once: nothing is between.
            now("opened", Event::Opened(Ok(())));
            now("open_failed", Event::Opened(Err(why())));
            return events;
        }
        // Of a run that has ended, everything is still to be ignored.
        let ended = runner.outcome().is_some();
        if runner.session_open || ended {
            let request = match runner.phase {
                Phase::Parse => "Parse",
                Phase::Plan | Phase::PlanStop => "Plan",
                Phase::Declare | Phase::Quota | Phase::Apply => "Apply",
            };
            if matches!(runner.stage, Stage::Provisioning) || ended {
                now("config_not_sent", Event::SendFailed { request: "Config", error: why() });
                now("request_not_sent", Event::SendFailed { request, error: why() });
            }
            for (name, response) in responses() {
                now(name, Event::Response(response));
            }
            now("session_ended", Event::SessionEnded(why()));
        }
        if runner.updates.attempt.is_in_flight() || ended {
            now("update_accepted", Event::Updated(Ok(false)));
            now("update_accepted_canceled", Event::Updated(Ok(true)));
            for (name, error) in errors(["update_lost", "update_refused", "update_over"]) {
                now(name, Event::Updated(Err(error)));
            }
        }
        let own_call = runner.own_call_in_flight();
        if own_call && matches!(runner.stage, Stage::Declaring { .. }) || ended {
            let declared = |canceled| Ok(Declared { canceled, variable_values: Vec::new() });
            now("declared", Event::Declared(declared(false)));
            now("declared_canceled", Event::Declared(declared(true)));
            for (name, error) in errors(["declare_lost", "declare_refused", "declare_over"]) {
                now(name, Event::Declared(Err(error)));
            }
        }
        if own_call && matches!(runner.stage, Stage::Quota { .. }) || ended {
            let answer = |ok| Ok(CommitQuotaResponse { ok, credits_consumed: 0, budget: 0 });
            now("quota_granted", Event::Quota(answer(true)));
            now("quota_insufficient", Event::Quota(answer(false)));
            for (name, error) in errors(["quota_lost", "quota_refused", "quota_over"]) {
                now(name, Event::Quota(Err(error)));
            }
        }
        if matches!(&runner.stage, Stage::Terminal { call, .. } if call.is_in_flight()) || ended {
            now("terminal_accepted", Event::Terminal(Ok(())));
            for (name, error) in errors(["terminal_lost", "terminal_refused", "terminal_over"]) {
                now(name, Event::Terminal(Err(error)));
            }
        }
        now("cancel", Event::Cancel);
        now("fail", Event::Fail { error: why(), flush_for: Duration::from_millis(500) });
        now("stop", Event::Stop);
        for (name, due) in self.timers() {
            events.extend(due.map(|due| (name, due.max(self.now), Event::Timer)));
        }
        events
    }

    /// The timers that are set.
    fn timers(&self) -> [(&'static str, Option<Instant>); 4] {
        let runner = &self.runner;
        if runner.outcome().is_some() {
            return Default::default();
        }
        let call = match &runner.stage {
            Stage::Declaring { call, .. } | Stage::Quota { call, .. } | Stage::Terminal { call, .. } => call.earliest(),
            _ => None,
        };
        let update = runner.updates.due_at(runner.logs.due_at()).filter(|_| runner.reports());
        let barrier = runner.updates.barrier.as_ref().map(|barrier| barrier.give_up_at);
        let force = runner.cancel.as_ref().map(|cancel| cancel.force_at).filter(|_| runner.is_undecided());
        // While a call waits for its next try, that comes before a heartbeat does.
        let update = update.filter(|update| call.is_none_or(|call| *update < call));
        [("update_due", update), ("call_due", call), ("flush_given_up", barrier), ("force_cancel", force)]
    }

    fn label(&self) -> String {
        let runner = &self.runner;
        let kind = match &runner.work {
            Work::Build(build) if build.is_destroy() => "destroy",
            Work::Build(_) => "build",
            Work::Import(_) => "import",
            Work::DryRun(_) => "dry_run",
            Work::Unknown(_) => "unknown",
        };
        let mut more = Vec::new();
        let place = match &runner.stage {
            Stage::New => format!("{kind}:new"),
            Stage::Opening => format!("{kind}:opening"),
            Stage::Provisioning => format!("{kind}:{}", runner.phase.name()),
            Stage::Declaring { call, .. } | Stage::Quota { call, .. } => {
                more.extend((!call.is_in_flight()).then_some("call retrying"));
                format!("{kind}:{}", runner.phase.name())
            }
            Stage::Flushing(Next::Quota { .. }) => format!("{kind}:flush_before_quota"),
            Stage::Flushing(Next::Apply) => format!("{kind}:flush_before_apply"),
            Stage::LastFlush(message) => {
                more.extend(runner.session_open.then_some("session"));
                format!("last_flush:{}", message_name(message))
            }
            Stage::Terminal { message, call } => {
                more.extend((!call.is_in_flight()).then_some("call retrying"));
                format!("terminal:{}", message_name(message))
            }
            // Nothing of what was matters any more.
            Stage::Ended(outcome) => return format!("ended:{}", outcome.name()),
        };
        more.extend(runner.cancel.is_some().then_some("canceled"));
        if runner.reports() {
            more.extend(match (runner.updates.attempt.is_in_flight(), runner.updates.is_retrying()) {
                (true, _) if runner.updates.is_behind() => Some("updating (older)"),
                (true, _) => Some("updating"),
                (false, true) => Some("retrying"),
                (false, false) => None,
            });
        }
        if more.is_empty() { place } else { format!("{place} [{}]", more.join(", ")) }
    }
}

fn why() -> String {
    "why".to_owned()
}

fn errors(names: [&'static str; 3]) -> impl Iterator<Item = (&'static str, CallError)> {
    names.into_iter().zip([CallError::Lost(why()), CallError::Refused(why()), CallError::Over(why())])
}

fn responses() -> [(&'static str, Response); 8] {
    let costly = vec![Resource { daily_cost: 1, ..Resource::default() }];
    let fails = || Some(why());
    [
        ("log", Response::Log { level: LogLevel::Info, output: why() }),
        ("parsed", Response::Parsed(Parsed::default())),
        ("parse_failed", Response::Parsed(Parsed { error: fails(), ..Parsed::default() })),
        ("planned", Response::Planned(Planned::default())),
        ("planned_at_a_cost", Response::Planned(Planned { resources: costly, ..Planned::default() })),
        ("plan_failed", Response::Planned(Planned { error: fails(), ..Planned::default() })),
        ("applied", Response::Applied(Applied::default())),
        ("apply_failed", Response::Applied(Applied { error: fails(), ..Applied::default() })),
    ]
}

fn message_name(message: &Message) -> &'static str {
    match message {
        Message::Fail(_) => "fail",
        Message::Complete(_) => "complete",
    }
}

fn effect_name(effect: &Effect) -> String {
    match effect {
        Effect::Open => "open".to_owned(),
        Effect::Send(request) => format!("send {}", request.name()),
        Effect::CloseSession => "close session".to_owned(),
        Effect::Update(_) => "update".to_owned(),
        Effect::Declare(_) => "declare".to_owned(),
        Effect::CommitQuota(_) => "commit quota".to_owned(),
        Effect::Fail(_) => "fail".to_owned(),
        Effect::Complete(_) => "complete".to_owned(),
        Effect::Abandon => "abandon calls".to_owned(),
        Effect::Tell(tale) => match tale {
            Tale::Started => "tell started".to_owned(),
            Tale::Phase(phase) => format!("tell phase {}", phase.name()),
            Tale::Line { .. } => "tell line".to_owned(),
            Tale::Canceled { by, settled: false } => format!("tell canceled by {}", by.name()),
            Tale::Canceled { by, settled: true } => format!("tell canceled by {}, too late", by.name()),
            Tale::CancelForwarded { .. } => "tell cancel forwarded".to_owned(),
            Tale::ForceCancel => "tell force cancel".to_owned(),
            Tale::Ended { outcome, .. } => format!("tell ended: {}", outcome.name()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Looks a row up.
    fn row<'a>(rows: &'a [Row], state: &str, event: &str) -> &'a Row {
        let found = rows.iter().find(|row| row.state == state && row.event == event);
        found.unwrap_or_else(|| panic!("no row for {event} in {state}"))
    }

    #[test]
    fn a_state_s_name_tells_all_that_matters() {
        let states = walk();
        let expected: BTreeMap<String, Vec<Row>> =
            states.iter().map(|(concrete, rows)| (concrete.label(), rows.clone())).collect();
        // Whatever way leads into a state, what comes then does the same.
        for (concrete, _) in &states {
            for (row, after) in concrete.steps() {
                let rows: Vec<Row> = after.steps().into_iter().map(|(row, _)| row).collect();
                assert_eq!(Some(&rows), expected.get(&after.label()), "after {row:?}");
            }
        }
    }

    #[test]
    fn a_state_and_an_event_have_one_row() {
        let rows = transitions();
        let keys: BTreeSet<_> = rows.iter().map(|row| (row.state.clone(), row.event)).collect();
        assert_eq!(keys.len(), rows.len());
        let states: BTreeSet<_> = rows.iter().map(|row| &row.state).collect();
        assert!(rows.iter().all(|row| states.contains(&row.next_state)));
        assert_eq!(rows, transitions(), "the same each time");
    }

    #[test]
    fn a_stop_is_as_a_start() {
        let rows = |transition: Transition| {
            let build = WorkspaceBuild { transition: transition.into(), ..WorkspaceBuild::default() };
            let (mut met, mut all) = (BTreeSet::new(), Vec::new());
            let mut next = VecDeque::from([beginning(Some(job::Kind::WorkspaceBuild(build)))]);
            while let Some(concrete) = next.pop_front() {
                if met.insert(concrete.label()) {
                    for (row, after) in concrete.steps() {
                        all.push(row);
                        next.push_back(after);
                    }
                }
            }
            all
        };
        assert_eq!(rows(Transition::Stop), rows(Transition::Start));
    }

    #[test]
    fn the_ends_are_silent_and_all_others_can_be_left() {
        let rows = transitions();
        for row in &rows {
            if row.state.starts_with("ended:") {
                assert!(row.effects.is_empty() && row.next_state == row.state, "{row:?}");
            }
        }
        let ends: BTreeSet<_> = rows.iter().map(|row| &row.state).filter(|state| state.starts_with("ended:")).collect();
        assert_eq!(ends.len(), 4);
        let left: BTreeSet<_> =
            rows.iter().filter(|row| row.next_state != row.state).map(|row| row.state.as_str()).collect();
        assert!(rows.iter().all(|row| row.state.starts_with("ended:") || left.contains(row.state.as_str())));
    }

    #[test]
    fn rows_that_matter_read_as_they_should() {
        let rows = transitions();
        for (state, event, next_state, effects) in [
            ("build:new", "start", "build:opening", &["tell started", "open"][..]),
            ("import:opening", "opened", "import:parse", &["send Config", "tell phase parse", "send Parse"]),
            (
                "import:parse",
                "cancel",
                "import:parse [canceled]",
                &["tell canceled by shutdown", "send Cancel", "tell cancel forwarded"],
            ),
            ("import:parse", "parsed", "import:declare", &["tell phase declare", "declare"]),
            ("import:declare", "declare_lost", "import:declare [call retrying]", &[]),
            ("import:declare", "declared", "import:plan", &["tell phase plan", "send Plan"]),
            ("import:plan", "planned", "import:plan_stop", &["tell phase plan_stop", "send Plan"]),
            ("import:plan_stop", "planned", "last_flush:complete [session, updating]", &["update"]),
            ("build:plan", "planned_at_a_cost", "build:flush_before_quota [updating]", &["update"]),
            ("destroy:plan", "planned_at_a_cost", "destroy:flush_before_apply [updating]", &["update"]),
            (
                "build:flush_before_quota [updating]",
                "update_accepted",
                "build:quota",
                &["tell phase quota", "commit quota"],
            ),
            (
                "build:apply [canceled]",
                "force_cancel",
                "last_flush:fail [canceled, updating]",
                &["tell force cancel", "close session", "update"],
            ),
            (
                "build:plan [updating]",
                "update_accepted_canceled",
                "build:plan [canceled]",
                &["tell canceled by user", "send Cancel", "tell cancel forwarded"],
            ),
            ("terminal:complete", "terminal_refused", "terminal:fail", &["fail"]),
            ("terminal:complete", "terminal_lost", "terminal:complete [call retrying]", &[]),
            ("terminal:complete [call retrying]", "call_due", "terminal:complete", &["complete"]),
            ("terminal:complete", "cancel", "terminal:complete [canceled]", &["tell canceled by shutdown, too late"]),
            ("terminal:fail", "terminal_accepted", "ended:failed", &["tell ended: failed"]),
            ("dry_run:plan", "planned", "last_flush:complete [session, updating]", &["update"]),
            ("unknown:opening", "opened", "last_flush:fail [session, updating]", &["update"]),
        ] {
            let row = row(&rows, state, event);
            assert_eq!(
                (row.next_state.as_str(), row.effects.iter().map(String::as_str).collect()),
                (next_state, effects.to_vec()),
                "{state}, {event}"
            );
        }
    }
}
