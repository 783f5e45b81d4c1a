//! What a run showed.

use std::collections::BTreeMap;

use groundhog_sim::campaign::Coverage;

use crate::Record;
use crate::scenario::WORLD;

/// The kinds of events and faults in a run, and the steps of its jobs', agents', tunnels' and chats' lives: `job.acquired > runner.phase`
/// is a job about which the one was heard after the other. How many such steps a campaign has seen tells more of it than how
/// many runs it made.
pub(super) fn of(records: &[Record]) -> Coverage {
    let mut coverage = Coverage::default();
    let mut last: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    for record in records {
        note(&mut coverage.events, &record.event);
        if record.host == WORLD && begins_trouble(&record.event) {
            note(&mut coverage.faults, &record.event);
        }
        // What a tunnel tells of its agent is a step of the tunnel's life.
        let (tunnel, job, agent) = (record.field("tunnel"), record.field("job"), record.field("agent"));
        // So is what is told of a chat's workspace and its agent for the chat.
        let Some(one) = record.field("chat").or(tunnel).or(job).or(agent) else { continue };
        let (kind, before) = last.get(one).copied().unwrap_or((kind(&record.event), ""));
        last.insert(one, (kind, &record.event));
        if !before.is_empty() && before != record.event {
            note(&mut coverage.states, &format!("{kind}{before} > {}", record.event));
        }
    }
    coverage
}

/// What the steps of a job's life are told apart by, from the event with which it begins. Builds are what most jobs
/// are for.
fn kind(event: &str) -> &'static str {
    match event {
        "agent.registered" => "agent: ",
        "tunnel.opened" => "tunnel: ",
        "chat.created" => "chat: ",
        "version.queued" => "import: ",
        "dry_run.queued" => "dry run: ",
        _ => "",
    }
}

/// Whether an event of the world's is the beginning of a fault, not its end or a usual start.
fn begins_trouble(event: &str) -> bool {
    let ends = event.ends_with("_healed") || event == "fault.released";
    (event.starts_with("fault.") && !ends) || matches!(event, "host.killed" | "host.power_lost" | "host.suspended")
}

fn note(seen: &mut std::collections::BTreeSet<String>, name: &str) {
    if !seen.contains(name) {
        seen.insert(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Log;

    #[test]
    fn a_step_of_a_jobs_life_is_two_events_about_it() {
        let log = Log::new()
            .add(1, "control", "build.queued", &[("job", "job#1")])
            .add(2, "control", "build.queued", &[("job", "job#2")])
            .add(3, WORLD, "fault.cut", &[])
            .add(4, "control", "job.acquired", &[("job", "job#1")])
            .add(5, WORLD, "fault.cut_healed", &[])
            .add(6, "control", "job.acquired", &[("job", "job#2")]);
        let coverage = of(&log.records);
        assert_eq!(coverage.states, ["build.queued > job.acquired".to_owned()].into());
        assert_eq!(coverage.faults, ["fault.cut".to_owned()].into());
        assert_eq!(coverage.events.len(), 4);
    }

    #[test]
    fn a_step_says_what_the_job_is_for() {
        let job = [("job", "job#1")];
        let log = Log::new().add(1, "control", "version.queued", &job).add(2, "control", "job.acquired", &job);
        let coverage = of(&log.add(3, "control", "job.updated", &job).records);
        let expected = ["import: version.queued > job.acquired", "import: job.acquired > job.updated"];
        assert_eq!(coverage.states, expected.map(str::to_owned).into());
    }
}
