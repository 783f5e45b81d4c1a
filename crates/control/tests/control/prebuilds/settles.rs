//! From any state that the database can come to, the pools settle once daemons do their work, and stay as they are.

use std::{cell::RefCell, collections::BTreeMap, time::Duration};

use groundhog_control::{
    PrebuildsConfig, Store, StoreConfig,
    job_status::JobStatus,
    metrics::Metrics,
    prebuilds::Reconciler,
    store::{pools::Unclaimed, presets},
    transition::Transition,
};
use proptest::{prelude::*, test_runner::RngSeed};
use tokio_util::sync::CancellationToken;

use crate::support::{
    World,
    pools::{Site, preset},
};

const TEMPLATES: [&str; 2] = ["pool", "lake"];

#[derive(Clone, Debug)]
enum Op {
    /// A version with presets that want so many, active at once or not.
    Publish(usize, Vec<i32>, bool),
    /// A version becomes the active one.
    Promote(usize, usize),
    Deprecate(usize, bool),
    /// An unclaimed workspace that runs becomes a person's.
    Claim(usize),
    /// A daemon takes a job that waits.
    Take(usize),
    /// A job that a daemon has ends: well, or not.
    End(usize, bool),
    /// A job's end is asked for.
    Cancel(usize),
    /// A workspace is stopped or destroyed although nobody has claimed it.
    Build(usize, Transition),
    Invalidate(usize),
    Delete(usize),
    Pause(bool),
    /// One of two replicas looks at the pools.
    Cycle(bool),
    /// A replica begins to look, a second for each statement; others may come between.
    SlowCycle,
    /// Time goes by, and slow replicas go on.
    Pass(u64),
    /// Time goes by at once, as for one that was suspended.
    Jump(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let place = || any::<u8>().prop_map(usize::from);
    prop_oneof![
        2 => (place(), prop::collection::vec(0..4, 0..3), any::<bool>())
            .prop_map(|(template, presets, activate)| Op::Publish(template, presets, activate)),
        1 => (place(), place()).prop_map(|(template, version)| Op::Promote(template, version)),
        1 => (place(), any::<bool>()).prop_map(|(template, deprecated)| Op::Deprecate(template, deprecated)),
        3 => place().prop_map(Op::Claim),
        6 => place().prop_map(Op::Take),
        6 => (place(), prop::bool::weighted(0.6)).prop_map(|(job, well)| Op::End(job, well)),
        1 => place().prop_map(Op::Cancel),
        1 => (place(), prop_oneof![Just(Transition::Stop), Just(Transition::Destroy), Just(Transition::Start)])
            .prop_map(|(workspace, transition)| Op::Build(workspace, transition)),
        1 => place().prop_map(Op::Invalidate),
        1 => prop::bool::weighted(0.2).prop_flat_map(move |all| (Just(all), any::<u8>()))
            .prop_map(|(all, place)| if all { Op::Delete(place.into()) } else { Op::Pass(1) }),
        1 => any::<bool>().prop_map(Op::Pause),
        6 => any::<bool>().prop_map(Op::Cycle),
        2 => Just(Op::SlowCycle),
        2 => (1..20_u64).prop_map(Op::Pass),
        1 => prop_oneof![Just(60), Just(600), Just(4_000)].prop_map(Op::Jump),
    ]
}

struct Model {
    site: Site,
    other: RefCell<Reconciler>,
    /// The versions of each template, in the order in which they were published.
    versions: BTreeMap<usize, Vec<String>>,
    deleted: [bool; 2],
    claims: usize,
}

impl Model {
    fn new(failure_hard_limit: u32) -> Self {
        let config = PrebuildsConfig { failure_hard_limit, ..PrebuildsConfig::default() };
        let site = Site::over(World::new(), config);
        let other = RefCell::new(site.another());
        Self { site, other, versions: BTreeMap::new(), deleted: [false; 2], claims: 0 }
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Publish(template, presets, activate) => self.publish(template % 2, presets, *activate),
            Op::Promote(template, version) => {
                let template = template % 2;
                let Some(versions) = self.versions.get(&template).filter(|_| !self.deleted[template]) else { return };
                self.site.activate(TEMPLATES[template], &versions[version % versions.len()]);
            }
            Op::Deprecate(template, deprecated) => {
                if self.is_there(template % 2) {
                    self.site.deprecate(TEMPLATES[template % 2], if *deprecated { "old" } else { "" });
                }
            }
            Op::Invalidate(template) => {
                if self.is_there(template % 2) {
                    let version = self.site.world.version(TEMPLATES[template % 2], "");
                    let version = version.version_id.parse().expect("an id");
                    self.site.world.tx(|tx| Ok(presets::invalidate(tx, version)?)).expect("works");
                }
            }
            Op::Delete(template) => {
                if self.is_there(template % 2) {
                    self.site.delete_template(TEMPLATES[template % 2]);
                    self.deleted[template % 2] = true;
                }
            }
            Op::Claim(at) => {
                let runs =
                    self.standing(|one| one.status == JobStatus::Succeeded && one.transition == Transition::Start);
                let Some(workspace) = nth(&runs, *at) else { return };
                self.site.claim(["alice", "bob", "root"][self.claims % 3], workspace.id).expect("it runs");
                self.claims += 1;
            }
            Op::Take(at) => {
                let waiting = self.standing(|one| one.status == JobStatus::Pending);
                if let Some(workspace) = nth(&waiting, *at) {
                    self.site.take(workspace.job);
                }
            }
            Op::End(at, well) => {
                let taken =
                    self.standing(|one| one.taken && matches!(one.status, JobStatus::Running | JobStatus::Canceling));
                let Some(workspace) = nth(&taken, *at) else { return };
                if *well { self.site.succeed(workspace.job) } else { self.site.fail(workspace.job) }
            }
            Op::Cancel(at) => {
                let running = self.standing(|one| one.status == JobStatus::Running);
                if let Some(workspace) = nth(&running, *at) {
                    self.site.cancel(workspace.job);
                }
            }
            Op::Build(at, transition) => {
                let ended = self.standing(|one| one.ended_at.is_some());
                if let Some(workspace) = nth(&ended, *at) {
                    self.site.rebuild(workspace.id, *transition);
                }
            }
            Op::Pause(paused) => self.site.pause(*paused),
            Op::Cycle(first) => self.cycle(*first),
            Op::SlowCycle => {
                let mut reconciler = self.slow();
                let cycle = async move {
                    let _ = reconciler.reconcile_all(&CancellationToken::new()).await;
                };
                self.site.world.host.spawn("slow", cycle).detach();
            }
            Op::Pass(seconds) => self.site.world.advance(Duration::from_secs(*seconds)),
            Op::Jump(seconds) => self.site.world.machine.jump(Duration::from_secs(*seconds)),
        }
    }

    fn publish(&mut self, template: usize, presets: &[i32], activate: bool) {
        if self.deleted[template] {
            return;
        }
        let versions = self.versions.entry(template).or_default();
        let name = format!("v{}", versions.len());
        let presets = presets.iter().enumerate().map(|(at, instances)| preset(&format!("p{at}"), *instances));
        self.site.publish(TEMPLATES[template], &name, presets.collect(), activate);
        versions.push(name);
    }

    fn is_there(&self, template: usize) -> bool {
        self.versions.contains_key(&template) && !self.deleted[template]
    }

    fn slow(&self) -> Reconciler {
        let second = Duration::from_secs(1);
        let config = StoreConfig { connections: 4, latency_min: second, latency_max: second };
        let Site { world, config: prebuilds, .. } = &self.site;
        let store = Store::new(&world.host, world.database.clone(), config);
        Reconciler::new(&world.host, store, *prebuilds, world.config.daemons.clone(), Metrics::default())
    }

    fn standing(&self, which: impl Fn(&Unclaimed) -> bool) -> Vec<Unclaimed> {
        self.site.unclaimed().into_iter().filter(|one| which(one)).collect()
    }

    fn cycle(&self, first: bool) {
        if first {
            self.site.reconcile();
        } else {
            let mut other = self.other.borrow_mut();
            self.site.world.machine.block_on(other.reconcile_all(&CancellationToken::new()));
        }
    }

    /// Daemons do their work, replicas take turns, nobody does anything else.
    fn quiet(&self, rounds: u32) {
        for round in 0..rounds {
            self.cycle(round % 2 == 0);
            for one in self.standing(|one| one.taken && one.ended_at.is_none()) {
                self.site.succeed(one.job);
            }
            let started = |one: &Unclaimed| one.transition == Transition::Start && one.status == JobStatus::Succeeded;
            self.standing(started).iter().for_each(|one| self.site.ready(one.id));
            self.site.work(|_| false);
            self.site.world.machine.jump(Duration::from_secs(300));
        }
    }

    /// What was told last of each preset of a version: what is wanted, what there is to give, why it is not more.
    fn told(&self, lines: &[String]) -> BTreeMap<String, (usize, usize, String)> {
        let mut told = BTreeMap::new();
        for line in lines.iter().filter(|line| line.starts_with("prebuild.pool ")) {
            let field = |name: &str| {
                let (_, rest) = line.split_once(&format!(" {name}=")).expect("it has it");
                rest.split(' ').next().unwrap_or_default().to_owned()
            };
            let number = |name| field(name).parse().expect("a number");
            let key = format!("{} {}", field("preset"), field("version"));
            told.insert(key, (number("desired"), number("eligible"), field("limited")));
        }
        told
    }
}

fn nth(all: &[Unclaimed], at: usize) -> Option<Unclaimed> {
    (!all.is_empty()).then(|| all[at % all.len()].clone())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    /// Versions are published, promoted, deprecated, deleted; workspaces claimed, stopped, destroyed; builds fail, are
    /// cancelled, hang; building ahead is paused; replicas look at the same time, are late, are suspended. Then it is quiet
    /// for two hours and a half, and daemons do their work: each active preset's pool has what is wanted, unless so many builds
    /// failed that it is limited; nothing is left of others; and from then on nothing is built.
    #[test]
    fn in_quiet_the_pools_settle_and_stay(
        ops in prop::collection::vec(op(), 0..80),
        failure_hard_limit in prop_oneof![Just(0_u32), Just(3)],
    ) {
        let mut model = Model::new(failure_hard_limit);
        for op in &ops {
            model.apply(op);
        }
        model.apply(&Op::Pause(false));
        model.apply(&Op::Pass(400));
        model.quiet(30);
        let settled = model.site.unclaimed();
        model.site.world.record.take_all();
        // A replica's first word after another one's turn is all that there is to say.
        model.quiet(2);
        let lines = model.site.world.record.take_all();
        let told = model.told(&lines);
        for (preset, (desired, eligible, limited)) in &told {
            if limited.is_empty() {
                prop_assert_eq!(desired, eligible, "{} {:#?}", preset, &settled);
            } else {
                prop_assert!(limited == "hard_limited" && failure_hard_limit > 0, "{}: {}", preset, limited);
                prop_assert!(eligible <= desired);
            }
        }
        let eligible: usize = told.values().map(|(_, eligible, _)| eligible).sum();
        prop_assert_eq!(settled.len(), eligible, "something is left that belongs to no pool: {:#?}", &settled);
        model.quiet(4);
        prop_assert_eq!(model.site.unclaimed(), settled, "it was at rest");
        let built = lines.iter().find(|line| line.starts_with("build.queued") || line.starts_with("prebuild.dec"));
        prop_assert_eq!(built, None);
    }
}
