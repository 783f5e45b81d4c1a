//! What a person is told.

use groundhog_tunnel::machine::{
    Event, JobStatus, Lifecycle, Machine, Options, Started, State, Told, Transition, told,
};
use groundhog_wire::id::AgentId;
use uuid::Uuid;

const DIALLED: AgentId = AgentId(Uuid::from_u128(1));

const PATIENT: Options = Options { no_autostart: false, no_wait_for_scripts: false };
const IMPATIENT: Options = Options { no_autostart: false, no_wait_for_scripts: true };
const TIMID: Options = Options { no_autostart: true, no_wait_for_scripts: false };

/// What is told of an event in a state.
fn say(state: State, event: Event, options: Options) -> Option<Told> {
    let before = Machine::at(state, None, Some(DIALLED));
    let (after, _) = before.step(&event, options);
    told(&before, &event, options, &after)
}

fn build(transition: Transition, job_status: JobStatus) -> Event {
    Event::BuildUpdate { number: 3, transition, job_status }
}

fn agent(lifecycle: Lifecycle) -> Event {
    Event::AgentUpdate { agent: DIALLED, lifecycle }
}

/// T9: who waits for scripts that will not be ready learns of it, and of what would let the tunnel through.
#[test]
fn whoever_waits_for_scripts_learns_what_would_let_them_through() {
    for (lifecycle, what) in
        [(Lifecycle::StartError, Told::ScriptsFailed), (Lifecycle::StartTimeout, Told::ScriptsSlow)]
    {
        assert_eq!(say(State::WaitForAgent, agent(lifecycle), PATIENT), Some(what));
        assert!(what.to_string().contains("no_wait_for_scripts"), "{what}");
        // It is let through.
        assert_eq!(say(State::WaitForAgent, agent(lifecycle), IMPATIENT), None);
        // Nobody waits.
        assert_eq!(say(State::ApplicationUp, agent(lifecycle), PATIENT), None);
    }
    let off = Lifecycle::Off;
    assert_eq!(say(State::WaitForAgent, agent(off), PATIENT), Some(Told::AgentGoing { lifecycle: off }));
    assert_eq!(say(State::WaitForAgent, agent(Lifecycle::Starting), PATIENT), None);
}

#[test]
fn whoever_loses_a_tunnel_learns_why() {
    use JobStatus::{Canceled, Failed, Pending, Running, Succeeded};
    use Transition::{Delete, Start, Stop};
    let ended = |transition, job_status| Some(Told::BuildEnded { number: 3, transition, job_status });
    let up = State::ApplicationUp;
    let waits = State::WaitForWorkspaceStarted;
    let cases = [
        (waits, build(Start, Failed), PATIENT, ended(Start, Failed)),
        (waits, build(Stop, Canceled), TIMID, ended(Stop, Canceled)),
        (up, build(Stop, Failed), PATIENT, ended(Stop, Failed)),
        (up, build(Delete, Failed), PATIENT, Some(Told::Deleted)),
        (waits, build(Delete, Pending), PATIENT, Some(Told::Deleted)),
        (waits, build(Stop, Succeeded), TIMID, Some(Told::LeftStopped)),
        (waits, build(Stop, Running), TIMID, Some(Told::LeftStopped)),
        (waits, build(Stop, Succeeded), PATIENT, None),
        (waits, build(Start, Running), TIMID, None),
        (up, build(Start, Pending), PATIENT, Some(Told::StartedElsewhere { number: 3 })),
        (up, build(Start, Succeeded), PATIENT, None),
        (up, build(Stop, Pending), TIMID, Some(Told::StoppedElsewhere { number: 3 })),
        (up, build(Stop, Succeeded), PATIENT, Some(Told::StoppedElsewhere { number: 3 })),
        (State::TailnetUp, Event::AppUpdate { up: false }, PATIENT, Some(Told::AppFailed)),
        (State::ShutdownApplication, Event::AppUpdate { up: false }, PATIENT, None),
        (State::EstablishTailnet, Event::TailnetUpdate { up: false }, PATIENT, Some(Told::DialFailed)),
        (State::ShutdownTailnet, Event::TailnetUpdate { up: false }, PATIENT, None),
        (waits, Event::StartWorkspaceEnded(Started::Failed), PATIENT, Some(Told::StartFailed)),
        (waits, Event::StartWorkspaceEnded(Started::Underway), PATIENT, None),
        (up, Event::StartWorkspaceEnded(Started::Failed), PATIENT, None),
        (up, Event::AppLost, PATIENT, Some(Told::AppLost)),
        (up, Event::TailnetLost, PATIENT, Some(Told::TailnetLost)),
        (State::ShutdownApplication, Event::TailnetLost, PATIENT, None),
        (up, Event::ShutdownSignal, PATIENT, None),
    ];
    for (state, event, options, expected) in cases {
        assert_eq!(say(state, event, options), expected, "{event:?} in {state}");
    }
    let other = Event::AgentUpdate { agent: AgentId(Uuid::from_u128(2)), lifecycle: Lifecycle::Starting };
    assert_eq!(say(up, other, PATIENT), Some(Told::AgentReplaced));
}

/// Who is on the way down has been told why.
#[test]
fn nothing_more_is_told_on_the_way_down() {
    for state in [State::ShutdownApplication, State::ShutdownTailnet, State::Exit] {
        for &transition in Transition::ALL {
            for &job_status in JobStatus::ALL {
                assert_eq!(say(state, build(transition, job_status), PATIENT), None, "{transition} {job_status}");
            }
        }
        for &lifecycle in Lifecycle::ALL {
            assert_eq!(say(state, agent(lifecycle), PATIENT), None, "{lifecycle}");
        }
    }
}
