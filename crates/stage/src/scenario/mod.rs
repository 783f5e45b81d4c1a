//! The scenario file: a story that a person writes and the simulator plays.
//!
//! It is TOML. Spans of time are text such as `"250ms"`, `"1m30s"`, `"1.5s"` (units `us ms s m h d`, the longest
//! first), a range of them is `"1ms..5ms"`. Names are 1 to 32 letters, digits and single hyphens. Times count from
//! the run's beginning. An unknown key is a mistake everywhere.
//!
//! # The file itself
//!
//! | key | what it says |
//! |---|---|
//! | `about` | what the scenario shows, in a sentence (required) |
//! | `duration` | how long the story lasts (required) |
//! | `starts_at` | what clocks show when it begins, such as `"2026-03-23T09:00:00+01:00"`; nine o'clock UTC on a Monday, the 5th of January 2026 |
//! | `settle` | how long the world may take to come to rest after the last fault has healed; `"20m"` |
//! | `ends_at_rest` | `true`: the run is over once the world has been at rest for three minutes after the last step and the last fault, if that is before `duration` |
//! | `live` | `true`: it can be played on a real machine too, with `--engine live`; it lasts `"2m"` at most then, and has neither `starts_at` nor links, losses or faults that only a simulator can cause |
//! | `seed` | the seed that is run unless another is asked for; `0` |
//! | `issue`, `version` | which bug report it comes from, and which version that was about |
//! | `allow_errors` | a list of texts; an error-level message that contains one of them does not fail the run |
//!
//! # The machines and what is between them
//!
//! There is one host `control` (the control plane), or several (`control`, `control-2`, and so on) over one database,
//! one host `users` (from which the people act), one per provisioner, called as it is, one per tunnel, the laptop from
//! which it is opened, called as it is, one per assistant, called as it is, and one per agent of each workspace, called
//! `workspace.agent`, which is off until a build makes it.
//!
//! | table | keys |
//! |---|---|
//! | `[network]` | `latency` one way (`"1ms..5ms"`); `loss` 0 to 1 (`0`); `bandwidth` in bytes per second (no limit) |
//! | `[[link]]` | `between = ["a", "b"]`; `latency`, `loss`, `bandwidth` as above, where it differs from `[network]` |
//! | `[control]` | `connections` to the database (`10`); `statement_latency` (`"0ms..2ms"`); `log_bytes_max` (1 MiB); `job_bytes_max`, the largest job that is handed out (4 MiB); `replicas`, up to 8 (`1`); `notices = { latency, loss }` between replicas (`"0ms..5ms"`, `0`); `external_auth`, ids of the services that are set up (none); `relays = true`: where a client and an agent cannot reach each other, the replicas pass on what they say (`false`); `beat_interval`, how often connected agents are told to beat (`"15s"`), of which three in a row may be missed; `hung_after`, how long a running job may be silent before it is ended (`"5m"`), and `reaper_interval`, how often it is looked for such jobs (`"1m"`); `prebuilds` and `autobuild`, see below |
//! | `[[provisioner]]` | `name`; `start`, when it boots (`"0s"`); `tags = { key = "value" }`; `slots`, how many jobs it runs at once (`1`); `control`, the replica that it tries first; `key`, the name of what admits it (`"provisioners"`); `refuses_sessions`, why it opens none; and two intervals |
//!
//! A latency is one span of time or a range of them. A provisioner's `update_interval` (`"5s"`) is the time between
//! two heartbeats, its `force_cancel_interval` (`"10m"`) the time after which a cancelled job is ended by force.
//! Provisioners and people take the replicas in turn, and the others when theirs is gone.
//!
//! # People and templates
//!
//! | table | keys |
//! |---|---|
//! | `[[user]]` | `name`; `role`, `"member"`, `"template_admin"`, `"admin"` or `"prebuilds"`, an account that builds ahead as steps say (`"member"`); `token_expires`, when the session ends (never). Whoever is named elsewhere exists without it |
//! | `[[organization]]` | `name`; `members`, names of users (none); `closed = true`: its members and groups are looked after elsewhere, and the platform can add none |
//! | `[[group]]` | `name`; `budget` in credits a day; `members`, names of users; `organization`, whose it is (`"default"`) |
//! | `[[template]]` | `name`; `tags = { key = "value" }`, which a provisioner must have to build it; `parse`, `plan` and `apply`, each a phase; `stop` and `destroy`, each `{ plan, apply }`, where they differ; `set_up = false`: it is not there until it is imported; `organization`, whose it is (`"default"`); `default_ttl`, `dormant_after` and `deleted_after`, see below; and what it declares |
//!
//! Whoever is in no organisation is in `default`. To whoever is not in a template's organisation it does not exist.
//!
//! A template declares `readme`; `variables`, each `{ name, type, default, required, sensitive }`; `parameters`, each
//! `{ name, type, form_type, default, required, mutable }`; `presets`, each
//! `{ name, count, parameters = { name = "value" }, default, prebuilds = { instances, expires_after, timezone,
//! schedules } }`, a schedule being `{ cron, instances }`, and `count` making it as many, each with its number for `{n}` in
//! its name and values (or behind its name); and `external_auth`, each `{ id, optional }`. A type is `"string"` unless
//! said.
//!
//! A phase says how provisioning behaves: `takes` (`"0s"`); `on_cancel`, `"obey"` or `"ignore"` (`"obey"`);
//! `cancel_takes`, how long obeying takes (`"0s"`); `logs = { every, line, count, level }`, a line (`"line {n}"`)
//! again and again, `count` times or until the end; `fails`, the error with which it ends; `hangs = true`, it never
//! ends by itself; `daily_cost` in credits (`0`); `state`, what it leaves behind; `finds`, the state that a plan must find, or it
//! fails; `replacements`, each
//! `{ resource, paths }`, what a plan makes anew; `misbehaves`, which is one of `"closes"` (the session ends instead of
//! an answer), `"wrong_answer"`, `"answers_twice"`, and `"answers_early"` (before it was asked).
//!
//! # What the platform does by itself
//!
//! Where a template of the file has a preset with `prebuilds`, the platform builds workspaces ahead for it, which whoever
//! creates a workspace of that preset is given. Those workspaces are called `prebuild-1`, `prebuild-2`, and so on, as the
//! run goes on: a step may call them so, too, which then means the one that was built ahead as the first, the second, whose
//! ever it is by then. Their machines' hosts are called `prebuild-1.AGENT`, and are for as long as the workspace is there.
//!
//! `[control]` has `prebuilds = { enabled, interval, backoff_interval, backoff_lookback, failure_hard_limit,
//! concurrency_max, lingering_kept, lease, machines }`: how often the pools are looked at (`"1m"`); by how much each failure
//! of a preset puts off its next build (`"1m"`), and how long one counts (`"1h"`); after how many in a row nothing more is
//! built, 0 for never (`3`); how many presets are worked on at once (`5`); how long one is kept that neither runs nor is
//! built (`"1h"`); how long a replica has the pools to itself after its last doing (`"1m"`); and for how many workspaces
//! that are built ahead there are machines at once (`20`). `prebuilds = false` builds nothing ahead.
//!
//! Workspaces start by themselves if they have an `autostart`: five cron fields, after `CRON_TZ=ZONE ` if they are not in
//! UTC. They stop by themselves once they have run for their `ttl`, or their template's `default_ttl` (never); are laid
//! aside when nobody has used them for their template's `dormant_after` (never); and are deleted after a further
//! `deleted_after` (never). Where anything of that is said, `[control]` has `autobuild = { enabled, interval }`, the time
//! between two looks (`"1m"`); with `autobuild = false` nothing of it happens.
//!
//! # Agents and what their machines run
//!
//! A template has `agents`, which a start's apply makes with their machines, and a stop's takes away. Each is
//! `{ name, count, directory, environment, boots, connection_timeout, keeps_token, display_order, external, scripts,
//! metadata, apps }`: `count`
//! makes it as many (up to 1000), called by its name and a number: `main-1`, `main-2`; `boots` is how long the machine
//! takes from its beginning, or from a crash's end, to the agent's start (`"1s"`); unless `keeps_token` is false, a
//! start over a running workspace leaves the machine as it is; the `display_order` (`0`) says which agent is shown, and
//! chosen, first; one that is `external = true` has a machine that is somebody else's, which there is none of. And:
//!
//! | list | each entry |
//! |---|---|
//! | `scripts` | `name`; `runs`; `on = ["start", "stop"]`, one or both, or `cron` with six fields, or both; `timeout` (none); `after` and `after_completion`, names of others that must have ended well, or at all |
//! | `metadata` | `key`; `runs`; `interval` in whole seconds (once if left out); `timeout` (the interval) |
//! | `apps` | `slug`; `port`; `interval` in whole seconds between two looks at its health (none); `threshold`, how many failures in a row are still well (`3`) |
//!
//! What `runs` is a text for a shell: commands one after another, each on a line of its own or after `;`, each a
//! program and its arguments. Shells know `true`, `false`, `echo TEXT`, `exit N`, `env`, `sleep 5s`, and every
//! `[[program]]`: its `name`; `takes`, how long (`"0s"`); `exit`, its status (`0`); `prints = { every, line, count,
//! to }`, a line (`"line {n}"`) again and again to its `"output"` (or `"error"`), `count` times before it ends, or as
//! long as it takes; `prints_bytes`, what it writes first, `[104, 105]` or `"6869"`; `hangs = true`, it never ends by
//! itself; `on_signal`, `"ends"` at once, `"ignores"`, or `{ ends_after = "2s" }` (`"ends"`); `leaves_pipe_open`, how
//! long something that it has started keeps its output open after its end; and `fails_first`, how many runs on each
//! machine end at once with a status that is not 0. On a real machine the shell is the machine's own, which reads more than
//! this, and each program a script that is found by its name; `sleep` takes whole or broken seconds there, as in `"0.5s"`.
//!
//! # Chats, and the assistants that they are had with
//!
//! | table | keys |
//! |---|---|
//! | `[[chat]]` | `name`; `owner`, whose it is; `organization`, of whose templates its workspace is to be (`"default"`); `workspaces`, up to 100: for how many that its tools make there are machines (`3`) |
//! | `[[assistant]]` | `name`; `control`, the replica that it tries first; `allowed_templates`, the names of those that its chats may use (all); `dials = false`: it never finds out whether it can reach an agent (`true`) |
//!
//! An assistant is a runtime of the chat tools, on a host of its own. A file with chats that names none has one, called
//! `assistant`. What a killed one was doing is gone with it. At the beginning `user.chat` tells which chat is which.
//!
//! A workspace that a chat's tools make has a name that is drawn, or that the step gives it. The story calls it by its
//! chat and its number: `c1-1` is the first one that the tools made for the chat `c1`, or were given of what was built
//! ahead; one that somebody attached does not count. A step may name it so, from the first `create_workspace` of the chat
//! on, and its machines' hosts are `c1-1.AGENT`, for each agent of a template of the chat's organisation; what was built
//! ahead stays on the hosts that it has. When a chat comes to have more than there are machines for, the next one is on the
//! hosts of the first of which nothing is left.
//!
//! # The story
//!
//! `[[step]]` has `at` and exactly one of:
//!
//! | key | what happens |
//! |---|---|
//! | `create_workspace` | `{ name, owner, template, parameters = { name = "value" }, log_level, preset, version, autostart, ttl }`: of the template's active version unless `version` is said, one that was built ahead if there is one for the `preset` |
//! | `build_workspace` | `{ workspace, owner, by, transition, update, orphan }`, the transition being `"start"`, `"stop"` or `"destroy"`; with `update = true` of the template's active version; with `orphan = true` a destroy leaves behind what there is |
//! | `cancel_build` | `{ workspace, owner, by, expect_status }`: cancels the workspace's latest build |
//! | `shutdown_provisioner` | `{ name, job }`: its job `"finishes"` first (what is meant if left out), `"is_canceled"`, or `"is_dropped"`: then the daemon ends within about a second |
//!
//! | `import_template` | `{ template, version, by, like, variables = { name = "value" }, activate }`: a version is imported, and is active once it is, unless `activate` is false; it behaves like the file's template `like`, or like `template` itself |
//! | `cancel_import` | `{ template, version, by }` |
//! | `dry_run` | `{ template, by, parameters = { name = "value" } }`: what a workspace would consist of |
//! | `cancel_dry_run` | `{ template, by }`: cancels the template's latest dry run |
//! | `follow_logs` | `{ workspace, owner, by }`: reads the log of the workspace's latest build until it ends |
//! | `delete_key` | `{ key, by }`: takes back what admits provisioners |
//! | `open_terminal` | `{ workspace, owner, agent, by, session, command, sends, stays, reads, in_pieces }`: opens the terminal `session` (`"terminal"`) on the agent's machine, running `command` or else a shell, or joins it if it is there; types each line of `sends`, `stays` (`"10s"`), and leaves. Who does not read says `reads = false`; whose frames arrive in pieces of a few bytes, `in_pieces = true` |
//! | `app_outage` | `{ workspace, agent, app, for, how }`: the app `"refuses"` connections (what is meant if left out), `"hangs"`, or answers `"500"` |
//! | `claim_workspace` | `{ workspace, owner, by, for }`: what was built ahead, by the `"prebuilds"` account `owner`, is handed over to the person `for` |
//! | `list_agents` | `{ workspace, owner, by }`: looks at how the workspace's agents are |
//! | `open_tunnel` | `{ name, workspace, owner, by, agent, app, port, every, session, sends, autostart, wait_for_scripts, stays }`: see below |
//! | `activate_version` | `{ template, version, by }`: new workspaces are made from it, the version that is there from the first being called `v1` |
//! | `deprecate_template` | `{ template, message, by }`: nothing new is to be made of it, with the reason; an empty one takes that back |
//! | `delete_template` | `{ template, by }` |
//! | `invalidate_prebuilds` | `{ template, by }`: what was built ahead of its active version is made anew |
//! | `pause_prebuilds`, `resume_prebuilds` | `{ by }`: nothing is built ahead, or deleted for want of use, in between |
//! | `set_lifecycle` | `{ workspace, owner, by, autostart, ttl, dormant, extend }`: one call for each of the last four that is said; an `autostart` of `""` and a `ttl` of `"0s"` are never, `extend` is how far from now the running build's deadline is put |
//! | `read_metrics` | `{ by, prefix }`: what the control plane counts, where the name begins with `prefix` |
//! | `list_presets` | `{ template, version, by }`: looks at the presets of a version, the active one unless it is said |
//! | `call_tool` | `{ tool, chat, on, template, template_id, name, preset, preset_id, parameters = { name = "value" }, arguments }`: the assistant `on`, which may be left out where there is one alone, calls `"create_workspace"`, `"start_workspace"`, `"stop_workspace"`, `"list_templates"` or `"read_template"`: see below |
//! | `attach_workspace` | `{ chat, workspace, owner, by }`: the workspace is to be the chat's; the chat's owner asks unless somebody is to be refused |
//! | `set_chat_ttl` | `{ ttl, by }`: after how long chats' workspaces are stopped by themselves, as administrators have it: `"2h"`, `""` for the platform's own choice, or what is no length of time |
//! | `interrupt_tunnel` | `{ name }`: the tunnel's user has had enough, and gives it a minute to end; nothing happens to one that has |
//!
//! `agent` may be left out where there is one alone. `owner` may be left out where one person alone has created a workspace of that name in earlier steps. `by` asks
//! for the cancel; it is the owner unless somebody is to be refused. `expect_status` is `"pending"` or `"running"`.
//! With templates and keys, and what the platform does by itself, `by` is the administrator if there is one and no other
//! (with templates, where there is none, the one who looks after templates alone); whoever else asks is refused. With what
//! was built ahead, `prebuild-1`, `by` is the administrator, too, and `owner` is left out.
//!
//! A tunnel is opened from a laptop of its own, a host called by the tunnel's `name`, to the workspace's `agent` (its only
//! one if that is left out). With `app = "forward"` (what is meant if left out) a port of the laptop leads to the agent's
//! `port`, that of its only app if left out, and the user asks for a page over it `every` ten seconds. With
//! `app = "terminal"` the user has a terminal `session` (`"terminal"`), and types the lines of `sends`. It starts a
//! stopped workspace unless `autostart` is false, and waits for the agent's start scripts unless `wait_for_scripts` is
//! false. The user has enough of it after `stays`, if that is said. A laptop that is killed takes its tunnel with it.
//!
//! Of the keys of `call_tool` the last seven are the tool's arguments, of which `create_workspace` takes all but
//! `arguments`, `read_template` the first two, the others none. An assistant knows a `template` by its name, and finds out
//! its id by `list_templates`, once a chat; it finds out that of a `preset` by `read_template`. It tries three times, and
//! what it does not find it sends as it is. `template_id` and `preset_id` are sent as they are; `arguments` is the text of
//! all arguments, be it JSON or not, in place of the others. The story tells nothing of what came of it: that is
//! `tool.answered`.
//!
//! `[[fault]]` has `at`, mostly `for` (how long it lasts; to the end of the run if left out), and exactly one of:
//!
//! | key | what happens |
//! |---|---|
//! | `cut`, `cut_one_way` | `["a", "b"]`: nothing passes, either way or from the first to the second |
//! | `hold` | `["a", "b"]`: what is sent waits, and arrives when the fault is over |
//! | `slow` | `{ between = ["a", "b"], factor }`: latency is multiplied |
//! | `lossy` | `{ between = ["a", "b"], probability }`: packets are lost |
//! | `reset` | `["a", "b"]`: their connections break at once; an instant, without `for` |
//! | `kill` | `"host"`: its processes die, its connections reset; started again after `for`, else down for good |
//! | `power_loss` | `"host"`: it goes dark without a word and loses what was not synced; `for` as with `kill` |
//! | `suspend` | `{ host, clock }`: it runs nothing `for` a while (required); its clock `"stops"` or `"runs"` |
//! | `step_clock` | `{ host, by }`: its wall clock jumps by `"5m"` or `"-5m"`, and back after `for`, if there is one |
//! | `drift` | `{ host, ppm }`: its clocks run fast (or, below zero, slow) by so many parts per million |
//! | `database` | `"unavailable"`: the control plane's database is away, for all replicas |
//!
//! # What is expected
//!
//! `[[expect]]` looks for records of the event log; `groundhog events` lists them:
//!
//! | key | what it says |
//! |---|---|
//! | `event` | the event's name (required) |
//! | `with` | `{ field = value }`: fields that must have this value |
//! | `host` | where it happened; `"-"` is the world, which causes faults |
//! | `between` | `["11m", "13m"]`: when, both ends included |
//! | `times` | how often: `2` or `"1..3"`; at least once if left out |
//! | `never` | `true`: not once |
//! | `before`, `after` | `{ event, with, host }`: see [`crate::expect`] for what order means |
//! | `always` | `true`: it holds whatever else happens, so a campaign judges it too |
//!
//! # Campaigns
//!
//! `groundhog fuzz` makes many stories of one file: its family. Where a file gives a range, each story draws from it,
//! while the file itself stands for the story with the least of each: `at = "1m..3m"` and `for` of steps and faults,
//! `takes` and `cancel_takes` of phases, `takes` of programs, `boots` and `count` of agents, a provisioner's `start`, intervals and `slots`, the control plane's
//! `replicas`, `connections` and what `prebuilds` says, `instances`, `expires_after` and `count` of presets. A provisioner with `count`, a number or a range `"1..4"`, stands for so many, called by its name and a
//! number: `prov-1`, `prov-2`.
//!
//! To the file's own story a campaign adds people's doings and faults; in half of its stories the file's own faults
//! are left out. Expectations are not judged unless they hold `always`; invariants are.
//!
//! | table | keys |
//! |---|---|
//! | `[swarm]` | `faults`, how many (`"0..5"`); `kinds = { kill = 2, cut = 1 }`, which ones, by weight (all but `database`, alike; that, too, where the file has chats); `lasts`, how long each (`"100ms..12m"`); `within`, how long things go wrong (the story's length, and ten minutes at least); `settings`, whether latencies and the database vary too (`true`) |
//! | `[workload]` | what is added: `workspaces` (`"0..2"`), `builds` (`"0..3"`), `cancels` (`"0..2"`), `shutdowns` of daemons (`"0..1"`); and, unless asked for, none of `imports`, `dry_runs`, `follows` of logs, `terminals`, `outages` of apps, `claims` (where the platform builds ahead: workspaces of a preset), `tunnels`, `promotions` of versions, `invalidations`, `pauses` and `retirements` of templates, `lifecycles`, `tool_calls` in chats, `attaches` of workspaces to them, and `interventions` of people with the workspaces that their chats' tools have made |
//!
//! Each story leaves some kinds of faults out altogether and draws how frequent the others are: what happens all the
//! time hides what it hides. A fault that never ends in the file ends in a campaign, because after the last one the
//! world must come to rest.
//!
//! # Templates by themselves
//!
//! A file with the keys of one `[[template]]`, without the brackets, is what `groundhog user template push` makes a template
//! of on a platform that runs. The name may be left out, as the command says it; what agents' scripts run is a text for a
//! real shell there, and no program has to be known. See [`load_template`].
//!
//! # Cases
//!
//! A file with a table `[case]` holds a failure that was found. It is a scenario like any other, with what happened
//! beside it: `signature`, `message`, `version`, `log_digest`, `trace_digest`, and `found`, the campaign and run. The
//! program writes it; see [`Case`].

mod agents;
mod case;
mod chat;
mod check;
mod choice;
mod document;
mod family;
mod file;
mod lifecycle;
mod machines;
mod raw;
mod scalars;
mod story;
mod template;
mod template_file;
mod text;
mod tunnel;
pub mod units;
mod world;
mod write;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use groundhog_host::event::EventSpec;
pub use groundhog_sim::WORLD;
use jiff::Timestamp;

pub(crate) use self::check::defaults;

use crate::diagnostic::Diagnostics;
use crate::expect::Expectation;

pub use self::agents::{
    Agent, AgentApp, AgentMetadata, AgentScript, AppFailure, BUILTINS, OnSignal, Pipe, Prints, Program,
};
pub use self::case::Case;
pub use self::chat::{
    ASSISTANT, Assistant, Chat, ChatTool, Said, ToolArguments, ToolCall, chat_and_number, chat_workspace,
};
pub use self::family::{CountRange, FaultName, Swarm, Workload};
pub use self::file::ScenarioFile;
pub use self::lifecycle::{AHEAD, Lifecycle, ahead, ahead_number};
pub use self::machines::{Machine, machine};
pub use self::story::{
    Action, ClockStep, ExpectStatus, Fault, FaultKind, JobAtShutdown, Step, SuspendedClock, Transition,
};
pub use self::template::{
    ExternalAuth, LogLevel, Logs, Misbehaviour, OnCancel, Parameter, Phase, Phases, Prebuilds, Preset, Replacement,
    Schedule, Template, Variable,
};
pub use self::template_file::load_template;
pub use self::tunnel::{Tunnel, TunnelApplication};
pub use self::world::{Control, Group, Link, Notices, Organization, Path as NetworkPath, Provisioner, Role, User};

/// The host of the control plane, or of its first replica.
pub const CONTROL: &str = "control";

/// The host from which people act.
pub const USERS: &str = "users";

/// The name under which the control plane's reaper ends jobs in a log; no host.
pub const REAPER: &str = "reaper";

/// The key that admits provisioners, unless one is named.
pub const DAEMON_KEY: &str = "provisioners";

/// The organisation in which everybody is who is in no other.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// The version that a template has from the first.
pub const FIRST_VERSION: &str = "v1";

/// The host of a replica of the control plane, counted from 0.
pub fn replica(number: u32) -> String {
    if number == 0 { CONTROL.to_owned() } else { format!("{CONTROL}-{}", u64::from(number) + 1) }
}

/// Whether a host is the control plane's, or one of its replicas'.
pub fn is_control(host: &str) -> bool {
    let number = host.strip_prefix(CONTROL).map(|rest| rest.strip_prefix('-').unwrap_or(rest));
    number.is_some_and(|number| host == CONTROL || number.parse::<u32>().is_ok())
}

/// The largest scenario file, in bytes. The longest story that a person wrote is a hundredth of it.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// A story that has been checked: every name in it exists, every time lies within the run.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// What it shows.
    pub about: String,
    /// Which bug report it comes from.
    pub issue: Option<String>,
    /// Which version the report was about.
    pub version: Option<String>,
    /// The seed that is run unless another is asked for.
    pub seed: u64,
    /// What clocks show when the story begins.
    pub starts_at: Timestamp,
    /// How long the story lasts.
    pub duration: Duration,
    /// How long the world may take to come to rest after the last fault has healed.
    pub settle: Duration,
    /// The run is over once the world has been at rest for a while after the last step and fault.
    pub ends_at_rest: bool,
    /// Whether it can be played on a real machine too: it is short, and nothing goes wrong in it that only a simulator can
    /// cause.
    pub live: bool,
    /// Error-level messages that contain one of these are expected.
    pub allow_errors: Vec<String>,
    /// How two hosts reach each other unless a link says otherwise.
    pub network: NetworkPath,
    /// Where the network differs. No pair of hosts stands here twice.
    pub links: Vec<Link>,
    /// The control plane's settings.
    pub control: Control,
    /// To whom templates belong. Whoever is in none is in the default one.
    pub organizations: Vec<Organization>,
    /// Groups of people, each with a budget.
    pub groups: Vec<Group>,
    /// Everybody who is named anywhere.
    pub users: BTreeMap<String, User>,
    /// What workspaces are made from.
    pub templates: Vec<Template>,
    /// What the machines of workspaces can run.
    pub programs: Vec<Program>,
    /// The daemons that build them.
    pub provisioners: Vec<Provisioner>,
    /// The chats that people have.
    pub chats: Vec<Chat>,
    /// The runtimes of the tools that are used in them.
    pub assistants: Vec<Assistant>,
    /// What people do, in the order of time; at one instant, in the order of the file.
    pub steps: Vec<Step>,
    /// What goes wrong, in the order of time; at one instant, in the order of the file.
    pub faults: Vec<Fault>,
    /// What must, or must not, be seen, in the order of the file.
    pub expectations: Vec<Expectation>,
}

impl Scenario {
    /// Reads and checks a scenario file. `catalogues` are the events that can happen, one list per component.
    pub fn load(path: &Path, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        ScenarioFile::load(path, catalogues).map(|file| file.scenario)
    }

    /// Checks a scenario's text; `file` is what the text is called in diagnostics.
    pub fn parse(file: &str, text: &str, catalogues: &[&[EventSpec]]) -> Result<Self, Diagnostics> {
        ScenarioFile::parse(file, text, catalogues).map(|file| file.scenario)
    }

    /// The scenario as a file that says the same, ranges and comments aside.
    pub fn to_toml(&self) -> String {
        write::document(self).to_string()
    }

    /// The names of all hosts, the control plane's and the users' first, the agents' last.
    pub fn hosts(&self) -> impl Iterator<Item = String> {
        let provisioners = self.provisioners.iter().map(|provisioner| provisioner.name.clone());
        let laptops = self.tunnels().map(|tunnel| tunnel.name.clone());
        let machines = self.machines().into_keys().chain(self.ahead_machines().map(|(host, _)| host));
        let assistants = self.assistants.iter().map(|assistant| assistant.name.clone());
        let of_chats = self.chat_machines().map(|(host, _, _)| host);
        let people = [USERS.to_owned()].into_iter().chain(provisioners).chain(laptops).chain(assistants);
        self.replicas().chain(people).chain(machines).chain(of_chats)
    }

    /// The tunnels that are opened, in the order of time.
    pub fn tunnels(&self) -> impl Iterator<Item = &Tunnel> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::OpenTunnel(tunnel) => Some(tunnel),
            _ => None,
        })
    }

    /// The hosts of the control plane's replicas.
    pub fn replicas(&self) -> impl Iterator<Item = String> + use<> {
        (0..self.control.replicas).map(replica)
    }
}
