//! A job's status: all sixteen combinations written out, what each word means, and how one follows another.

use groundhog_control::{
    job_kind::JobKind,
    job_status::{self, Facts, JobStatus, status},
    log_limit::LogUse,
    store::jobs::Job,
};
use groundhog_wire::id::{JobId, UserId};
use proptest::{collection, option, prelude::*, test_runner::RngSeed};
use uuid::Uuid;

#[test]
fn every_combination_has_its_status() {
    use JobStatus::{Canceled, Canceling, Failed, Pending, Running, Succeeded};
    // started, canceled, completed, error
    let table = [
        ([false, false, false, false], Pending),
        ([true, false, false, false], Running),
        ([false, true, false, false], Canceling),
        ([true, true, false, false], Canceling),
        ([false, false, true, false], Succeeded),
        ([true, false, true, false], Succeeded),
        ([false, true, true, false], Canceled),
        ([true, true, true, false], Canceled),
        ([false, false, false, true], Failed),
        ([true, false, false, true], Failed),
        ([false, true, false, true], Failed),
        ([true, true, false, true], Failed),
        ([false, false, true, true], Failed),
        ([true, false, true, true], Failed),
        ([false, true, true, true], Failed),
        ([true, true, true, true], Failed),
    ];
    let mut seen = std::collections::BTreeSet::new();
    for (facts, expected) in table {
        let [started, canceled, completed, error] = facts;
        assert_eq!(status(Facts { started, canceled, completed, error }), expected, "{facts:?}");
        seen.insert(facts);
    }
    assert_eq!(seen.len(), 16, "a combination is missing");
    // The table that is printed is this one.
    let printed: std::collections::BTreeMap<_, _> = job_status::table()
        .into_iter()
        .map(|(facts, status)| ([facts.started, facts.canceled, facts.completed, facts.error], status))
        .collect();
    assert_eq!(printed, table.into_iter().collect());
}

/// What each status means, from the words of its own documentation.
fn means(status: JobStatus, job: &Job) -> bool {
    let over = job.completed_at.is_some();
    let asked = job.canceled_at.is_some();
    let taken = job.started_at.is_some();
    let faulty = !job.error.is_empty();
    match status {
        JobStatus::Pending => !faulty && !over && !asked && !taken,
        JobStatus::Running => !faulty && !over && !asked && taken,
        JobStatus::Canceling => !faulty && !over && asked,
        JobStatus::Canceled => !faulty && over && asked,
        JobStatus::Succeeded => !faulty && over && !asked,
        JobStatus::Failed => faulty,
    }
}

const ALL: [JobStatus; 6] = [
    JobStatus::Pending,
    JobStatus::Running,
    JobStatus::Canceling,
    JobStatus::Canceled,
    JobStatus::Succeeded,
    JobStatus::Failed,
];

fn fresh() -> Job {
    Job {
        id: JobId(Uuid::nil()),
        kind: JobKind::WorkspaceBuild,
        provisioner_type: "scripted".to_owned(),
        initiator: UserId(Uuid::nil()),
        created_at: 0,
        updated_at: 0,
        started_at: None,
        canceled_at: None,
        completed_at: None,
        worker: None,
        error: String::new(),
        error_code: String::new(),
        terminal_digest: None,
        log_use: LogUse::default(),
    }
}

/// Something that happens to a job.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Taken,
    PutBack,
    Canceled,
    Ends,
    Fails,
}

/// The next status, told as a story: where it stands and what happens. A job that has ended changes no more (J10).
fn after(status: JobStatus, happens: Happens) -> JobStatus {
    match (status, happens) {
        (JobStatus::Succeeded | JobStatus::Canceled | JobStatus::Failed, _) => status,
        (_, Happens::Fails) => JobStatus::Failed,
        (JobStatus::Canceling, Happens::Ends) => JobStatus::Canceled,
        (_, Happens::Ends) => JobStatus::Succeeded,
        (_, Happens::Canceled) | (JobStatus::Canceling, _) => JobStatus::Canceling,
        (JobStatus::Pending, Happens::Taken) => JobStatus::Running,
        (JobStatus::Running, Happens::PutBack) => JobStatus::Pending,
        _ => status,
    }
}

fn time() -> impl Strategy<Value = i64> {
    // A time is there or not: when it is, even in 1970 or by a clock that was set, makes no difference.
    prop_oneof![Just(0), Just(-1), Just(i64::MIN), Just(i64::MAX), any::<i64>()]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_job_has_the_one_status_that_its_times_and_error_mean(
        started_at in option::of(time()),
        canceled_at in option::of(time()),
        completed_at in option::of(time()),
        error in prop_oneof![2 => Just(String::new()), 1 => ".{1,8}"],
        other in time(),
    ) {
        // What belongs to a failure beside its text decides nothing, nor do the other times.
        let job = Job { created_at: other, updated_at: other, error_code: "CODE".to_owned(), ..fresh() };
        let job = Job { started_at, canceled_at, completed_at, error, ..job };
        let meant: Vec<_> = ALL.into_iter().filter(|status| means(*status, &job)).collect();
        prop_assert_eq!(meant, [job.status()]);
    }

    #[test]
    fn a_job_goes_from_status_to_status_as_its_story_says(
        story in collection::vec((prop_oneof![
            3 => Just(Happens::Taken),
            1 => Just(Happens::PutBack),
            1 => Just(Happens::Canceled),
            1 => Just(Happens::Ends),
            1 => Just(Happens::Fails),
        ], time()), 0..8),
    ) {
        let (mut job, mut expected) = (fresh(), JobStatus::Pending);
        for (happens, at) in story {
            expected = after(expected, happens);
            if job.completed_at.is_none() {
                match happens {
                    Happens::Taken => job.started_at = Some(at),
                    Happens::PutBack => job.started_at = None,
                    Happens::Canceled => job.canceled_at = job.canceled_at.or(Some(at)),
                    Happens::Ends => job.completed_at = Some(at),
                    Happens::Fails => (job.completed_at, job.error) = (Some(at), "no".to_owned()),
                }
            }
            prop_assert_eq!(job.status(), expected, "after {:?}", happens);
        }
    }
}
