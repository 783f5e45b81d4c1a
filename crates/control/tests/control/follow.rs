//! Logs as they are followed: every line, in order, once, and the end.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use groundhog_control::{Config, Store, StoreConfig, followers::Followers, jobs::JobsService, messages::Messages};
use groundhog_wire::{
    id::JobId,
    v1::{self, jobs_server::Jobs as _},
};
use tokio_stream::{Stream as _, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};

use crate::support::{
    World,
    world::{failure, job_id, line, session_token, success},
};

struct Site {
    world: World,
    service: JobsService,
    followers: Followers,
    stop: CancellationToken,
}

impl Site {
    fn new(change: impl FnOnce(&mut Config)) -> Self {
        let world = World::new();
        let mut config = Config::default();
        change(&mut config);
        let (followers, stop) = (Followers::new(), CancellationToken::new());
        let following = followers.clone();
        world.store.listen(move |heard| following.hear(heard));
        let (store, config) = (world.store.clone(), Arc::new(config));
        let service = JobsService::new(&world.host, store, followers.clone(), config, stop.clone());
        Self { world, service, followers, stop }
    }

    fn follow(&self, token: &str, job: JobId, after_id: u64) -> Result<Messages<v1::FollowLogsResponse>, Status> {
        let mut request = Request::new(v1::FollowLogsRequest { job_id: job.to_string(), after_id });
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("plain"));
        let pages = self.world.machine.block_on(self.service.follow_logs(request))?.into_inner();
        self.world.machine.settle();
        Ok(pages)
    }

    /// What the next message says: the outputs, and whether it is the end.
    fn next(&self, pages: &mut Messages<v1::FollowLogsResponse>) -> Result<(Vec<String>, bool), Status> {
        self.world.machine.settle();
        let page = self.world.machine.block_on(pages.next()).expect("there is another message")?;
        let output = |line: v1::StoredLogLine| line.line.map(|line| line.output).unwrap_or_default();
        Ok((page.lines.into_iter().map(output).collect(), page.end_of_logs))
    }

    fn write(&self, job: JobId, from: u64, to: u64) {
        let lines = (from..=to).map(|number| line(number, &number.to_string())).collect();
        self.world.update("prov-1", job, lines).expect("it runs");
    }
}

fn numbers(from: u64, to: u64) -> Vec<String> {
    (from..=to).map(|number| number.to_string()).collect()
}

#[test]
fn a_follower_is_told_what_is_there_what_comes_and_the_end() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    site.write(job, 1, 2);
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(1, 2), false));
    site.write(job, 3, 3);
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(3, 3), false));
    site.world.complete("prov-1", &success(job, b"s")).expect("it runs");
    assert_eq!(site.next(&mut pages).expect("served"), (vec![], true));
    assert!(site.world.machine.block_on(pages.next()).is_none());
    assert_eq!(site.followers.count(), 0);
}

#[test]
fn the_last_lines_are_told_with_the_end() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    // Both before the follower gets a turn.
    site.write(job, 1, 3);
    site.world.fail("prov-1", &failure(job, "broken", None)).expect("it runs");
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(1, 3), true));
}

#[test]
fn what_the_reaper_writes_is_told_too() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    site.world.machine.jump(Duration::from_secs(301));
    assert!(site.world.reap(job));
    let (lines, end) = site.next(&mut pages).expect("served");
    assert_eq!((lines.len(), end), (5, true));
}

#[test]
fn a_job_that_has_ended_is_told_at_once_and_from_where_it_is_asked() {
    let site = Site::new(|config| config.logs.page_lines_max = 2);
    let job = site.world.running("alice", "dev", "prov-1");
    site.write(job, 1, 5);
    site.world.complete("prov-1", &success(job, b"s")).expect("it runs");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(1, 2), false));
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(3, 4), false));
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(5, 5), true));
    let mut rest = site.follow("alice-token", job, 4).expect("it is alice's");
    assert_eq!(site.next(&mut rest).expect("served"), (numbers(5, 5), true));
}

#[test]
fn a_cancelled_job_that_nobody_had_ends_its_log() {
    let site = Site::new(|_| {});
    let job = job_id(&site.world.create("alice", "dev", "plain").expect("free"));
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    site.world.cancel_job("alice", job, v1::JobStatus::Pending).expect("it waits");
    assert_eq!(site.next(&mut pages).expect("served"), (vec![], true));
}

#[test]
fn a_line_whose_notice_is_lost_is_found_by_the_followers_own_poll() {
    let mut site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    // Another replica, of whose commits nothing is heard here.
    let elsewhere = Store::new(&site.world.host, site.world.database.clone(), StoreConfig::default());
    site.world
        .through(&elsewhere, |world| {
            world.update("prov-1", job, vec![line(1, "1")])?;
            world.complete("prov-1", &success(job, b"s"))
        })
        .expect("it runs");
    site.world.advance(Duration::from_secs(29));
    let context = &mut Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut pages).poll_next(context).is_pending());
    site.world.advance(Duration::from_secs(1));
    assert_eq!(site.next(&mut pages).expect("served"), (numbers(1, 1), true));
}

#[test]
fn who_hangs_up_is_forgotten() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let pages = site.follow("alice-token", job, 0).expect("it is alice's");
    assert_eq!(site.followers.count(), 1);
    drop(pages);
    site.world.machine.settle();
    assert_eq!(site.followers.count(), 0);
}

#[test]
fn a_shutdown_sends_followers_away() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    site.stop.cancel();
    let status = site.next(&mut pages).expect_err("there is no more");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the control plane is stopping: try again"));
    assert_eq!(site.followers.count(), 0);
}

#[test]
fn one_follower_too_many_is_told_to_come_again() {
    let site = Site::new(|config| config.logs.followers_max = 1);
    let job = site.world.running("alice", "dev", "prov-1");
    let first = site.follow("alice-token", job, 0).expect("it is alice's");
    let status = site.follow("alice-token", job, 0).expect_err("there is no room");
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "too many logs are followed: try again"));
    drop(first);
    site.world.machine.settle();
    site.follow("root-token", job, 0).expect("there is room, and an administrator may");
}

#[test]
fn who_reads_slowly_is_not_read_ahead_for_and_misses_nothing() {
    let site = Site::new(|config| config.logs.page_lines_max = 1);
    let job = site.world.running("alice", "dev", "prov-1");
    let mut pages = site.follow("alice-token", job, 0).expect("it is alice's");
    site.write(job, 1, 10);
    site.world.complete("prov-1", &success(job, b"s")).expect("it runs");
    let mut told = Vec::new();
    loop {
        site.world.advance(Duration::from_secs(60));
        let (lines, end) = site.next(&mut pages).expect("served");
        told.extend(lines);
        if end {
            break;
        }
    }
    assert_eq!(told, numbers(1, 10));
}

#[test]
fn a_follower_whose_session_expires_is_told_no_more() {
    let site = Site::new(|_| {});
    site.world.create("alice", "dev", "plain").expect("free");
    let acquired = site.world.acquire("prov-1").expect("it waits");
    let mut pages = site.follow(&session_token(&acquired.message), acquired.job, 0).expect("it is alice's");
    site.world.machine.jump(Duration::from_secs(24 * 3600));
    site.write(acquired.job, 1, 1);
    let status = site.next(&mut pages).expect_err("it has expired");
    assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "session token has expired"));
}

#[test]
fn a_job_is_seen_by_who_asked_for_it_its_owner_and_administrators() {
    let site = Site::new(|_| {});
    let job = site.world.running("alice", "dev", "prov-1");
    let get = |user: &str| {
        let request = v1::GetJobRequest { job_id: job.to_string() };
        let get = |tx: &groundhog_control::store::Tx<'_>, user: &_| {
            groundhog_control::operations::follow::get(tx, user, &request)
        };
        site.world.by_user(user, get).map(|view| view.status()).ok()
    };
    assert_eq!((get("alice"), get("root")), (Some(v1::JobStatus::Running), Some(v1::JobStatus::Running)));
    assert_eq!((get("bob"), get("ahead")), (None, None));
    assert!(site.world.cancel_job("bob", job, v1::JobStatus::Unspecified).is_err());
    let canceling = site.world.cancel_job("root", job, v1::JobStatus::Running).expect("an administrator may");
    assert_eq!(canceling.status(), v1::JobStatus::Canceling);
}
