//! Every unary call, by who makes it. (AcquireJob streams, so it is in `rpc`.)

use std::sync::Arc;

use groundhog_control::{AcquireConfig, Config, daemons::DaemonsService, workspaces::WorkspacesService};
use groundhog_wire::{
    id::JobId,
    v1::{self, provisioner_daemons_server::ProvisionerDaemons as _, workspaces_server::Workspaces as _},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use uuid::Uuid;

use crate::support::{
    World,
    world::{by_name, failure, success},
};

#[derive(Clone, Copy)]
struct Who {
    about: &'static str,
    token: Option<&'static str>,
    daemon: Option<&'static str>,
    code: Code,
}

fn request<T>(message: T, who: Who) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = who.token {
        request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().expect("plain"));
    }
    if let Some(daemon) = who.daemon {
        request.metadata_mut().insert("x-daemon-name", daemon.parse().expect("plain"));
    }
    request
}

#[track_caller]
fn check<T>(world: &World, method: &str, who: Who, result: Result<T, Status>) {
    let status = result.err().expect("nobody here owns what is asked for");
    assert_eq!(status.code(), who.code, "{method} by {}: {}", who.about, status.message());
    let told = world.record.take();
    assert_eq!(told.len(), 1, "{method} by {}: {told:?}", who.about);
    assert!(told[0].starts_with(&format!("rpc.refused method={method} caller=")), "{told:?}");
}

#[test]
fn daemons_calls_are_for_daemons() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let config = Arc::new(Config::default());
    let service = DaemonsService::new(&world.host, world.store.clone(), acquirer, config, CancellationToken::new());
    let job = JobId(Uuid::from_u128(7));
    let job_id = job.to_string();
    let name = Some("prov-1");
    for who in [
        Who { about: "nobody", token: None, daemon: name, code: Code::Unauthenticated },
        Who { about: "a stranger", token: Some("unknown"), daemon: name, code: Code::Unauthenticated },
        Who { about: "a person", token: Some("alice-token"), daemon: None, code: Code::PermissionDenied },
        Who { about: "a person in disguise", token: Some("alice-token"), daemon: name, code: Code::PermissionDenied },
        Who { about: "a nameless daemon", token: Some("daemon-key"), daemon: None, code: Code::Unauthenticated },
        Who { about: "a daemon", token: Some("daemon-key"), daemon: name, code: Code::NotFound },
    ] {
        let update = v1::UpdateJobRequest { job_id: job_id.clone(), logs: vec![] };
        check(&world, "UpdateJob", who, world.machine.block_on(service.update_job(request(update, who))));
        let quota = v1::CommitQuotaRequest { job_id: job_id.clone(), daily_cost: 1 };
        check(&world, "CommitQuota", who, world.machine.block_on(service.commit_quota(request(quota, who))));
        let fail = failure(job, "x", None);
        check(&world, "FailJob", who, world.machine.block_on(service.fail_job(request(fail, who))));
        let complete = success(job, b"");
        check(&world, "CompleteJob", who, world.machine.block_on(service.complete_job(request(complete, who))));
    }
}

#[test]
fn peoples_calls_are_for_people() {
    let world = World::new();
    world.create("alice", "dev", "plain").expect("free");
    world.record.take();
    let acquirer = world.acquirer(AcquireConfig::default());
    let service = WorkspacesService::new(world.store.clone(), acquirer, Arc::new(Config::default()));
    for who in [
        Who { about: "nobody", token: None, daemon: None, code: Code::Unauthenticated },
        Who { about: "a stranger", token: Some("unknown"), daemon: None, code: Code::Unauthenticated },
        Who { about: "a daemon", token: Some("daemon-key"), daemon: Some("prov-1"), code: Code::PermissionDenied },
        Who { about: "a key", token: Some("daemon-key"), daemon: None, code: Code::PermissionDenied },
        Who { about: "another person", token: Some("bob-token"), daemon: None, code: Code::NotFound },
    ] {
        let create = v1::CreateWorkspaceRequest { name: "x".to_owned(), template: "unknown".to_owned() };
        let create = world.machine.block_on(service.create_workspace(request(create, who)));
        check(&world, "CreateWorkspace", who, create);
        let build = v1::CreateBuildRequest { workspace: "dev".to_owned(), transition: 2 };
        check(&world, "CreateBuild", who, world.machine.block_on(service.create_build(request(build, who))));
        let cancel = v1::CancelBuildRequest { build: by_name("dev"), expect_status: 0 };
        check(&world, "CancelBuild", who, world.machine.block_on(service.cancel_build(request(cancel, who))));
        let get = v1::GetBuildRequest { build: by_name("dev") };
        check(&world, "GetBuild", who, world.machine.block_on(service.get_build(request(get, who))));
        let logs = v1::ListBuildLogsRequest { build: by_name("dev"), after_id: 0, limit: 0 };
        check(&world, "ListBuildLogs", who, world.machine.block_on(service.list_build_logs(request(logs, who))));
    }
}

#[test]
fn a_refusal_says_who_was_refused() {
    let world = World::new();
    let acquirer = world.acquirer(AcquireConfig::default());
    let service = WorkspacesService::new(world.store.clone(), acquirer, Arc::new(Config::default()));
    let bob = Who { about: "bob", token: Some("bob-token"), daemon: None, code: Code::NotFound };
    let get = v1::GetBuildRequest { build: by_name("dev") };
    let refused = world.machine.block_on(service.get_build(request(get, bob)));
    assert_eq!(refused.err().map(|status| status.code()), Some(bob.code));
    let expected = "rpc.refused method=GetBuild caller=bob reason=there is no workspace \"dev\"";
    assert_eq!(world.record.take(), [expected]);
}
