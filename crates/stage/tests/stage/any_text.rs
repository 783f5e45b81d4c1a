//! Whatever a file says, it is read or refused; nothing panics, neither while it is read nor while the mistake is
//! shown.

use groundhog_stage::scenario::{FILE_BYTES_MAX, Scenario};
use proptest::prelude::*;

use crate::catalogue;

fn read_and_show(text: &str) {
    if let Err(diagnostics) = Scenario::parse("any.toml", text, catalogue::ALL) {
        assert!(!diagnostics.list.is_empty());
        diagnostics.render(false);
        diagnostics.render(true);
        diagnostics.to_json();
    }
}

/// Texts that look like the real thing: right keys with odd values, in odd places.
fn lookalike() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        "[network]",
        "[control]",
        "[[link]]",
        "[[organization]]",
        "[[group]]",
        "[[user]]",
        "[[template]]",
        "[[program]]",
        "[[provisioner]]",
        "[[step]]",
        "[[fault]]",
        "[[expect]]",
        "[swarm]",
        "[workload]",
        "[case]",
    ]);
    let key = prop::sample::select(vec![
        "about",
        "duration",
        "seed",
        "at",
        "for",
        "name",
        "cut",
        "kill",
        "slow",
        "suspend",
        "step_clock",
        "event",
        "with",
        "between",
        "times",
        "never",
        "before",
        "latency",
        "loss",
        "budget",
        "members",
        "plan",
        "create_workspace",
        "cancel_build",
        "drift",
        "count",
        "always",
        "faults",
        "kinds",
        "lasts",
        "builds",
        "replicas",
        "notices",
        "slots",
        "control",
        "key",
        "role",
        "parse",
        "stop",
        "variables",
        "presets",
        "import_template",
        "cancel_import",
        "dry_run",
        "cancel_dry_run",
        "follow_logs",
        "delete_key",
        "agents",
        "prints",
        "prints_bytes",
        "on_signal",
        "open_terminal",
        "app_outage",
        "claim_workspace",
        "list_agents",
        "starts_at",
        "prebuilds",
        "autobuild",
        "organization",
        "default_ttl",
        "set_lifecycle",
        "activate_version",
        "deprecate_template",
        "pause_prebuilds",
        "list_presets",
    ]);
    let value = prop::sample::select(vec![
        "\"1s\"",
        "\"-1m\"",
        "\"1ms..2s\"",
        "\"1..3\"",
        "{ kill = 1, cut = nan }",
        "\"control\"",
        "\"prov-1\"",
        "\"job.failed\"",
        "\"é🦫\"",
        "0",
        "-1",
        "99999999999999999999999999999999999999999999",
        "0.5",
        "inf",
        "true",
        "1979-05-27T07:32:00Z",
        "[]",
        "[\"control\", \"prov-1\"]",
        "[\"1m\", \"2m\"]",
        "{}",
        "{ host = \"control\", by = \"-1s\" }",
        "{ host = \"prov-1\", clock = \"stops\" }",
        "{ name = \"dev\", owner = \"a\", template = \"t\" }",
        "{ workspace = \"dev\" }",
        "{ template = \"t\", version = \"v\" }",
        "{ key = \"provisioners\", by = \"a\" }",
        "{ latency = \"1ms..2s\", loss = 0.5 }",
        "{ plan = { misbehaves = \"closes\" } }",
        "[{ name = \"n\", required = true, default = 1 }]",
        "[{ name = \"n\", prebuilds = { instances = -1 } }]",
        "\"admin\"",
        "[{ name = \"n\", count = 2, scripts = [{ name = \"s\", runs = \";\", after = [\"s\"] }] }]",
        "[{ name = \"n\", apps = [{ slug = \"a\", port = -1 }] }]",
        "{ ends_after = \"1s..2s\" }",
        "{ every = \"0s\", count = 3 }",
        "{ workspace = \"dev\", for = \"a\" }",
        "{ workspace = \"dev\", app = \"a\", for = \"1s\", how = \"500\" }",
        "[0, 300]",
        "\"2026-03-23T09:00:00+01:00\"",
        "\"prebuild-1\"",
        "{ workspace = \"prebuild-1\", ttl = \"1s..2s\", dormant = true, by = \"a\" }",
        "{ interval = \"0s\", machines = -1, failure_hard_limit = \"1..0\" }",
        "[{ name = \"p{n}\", count = \"0..9999999\", default = true, prebuilds = { instances = \"1..2\" } }]",
        "{ event = \"job.failed\", with = { error = \"x\", job = 1 } }",
        "{ between = [\"a\", \"b\"], factor = 1e300 }",
    ]);
    let line = prop_oneof![
        2 => header.prop_map(str::to_owned),
        5 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        read_and_show(&text);
    }

    #[test]
    fn no_toml_like_text_panics(text in "[\\[\\]{}=\"'.,#\\n\\r\\t a-z0-9é-]{0,120}") {
        read_and_show(&text);
    }

    #[test]
    fn no_lookalike_panics(text in lookalike()) {
        read_and_show(&text);
        read_and_show(&format!("about = \"x\"\nduration = \"1h\"\n[[provisioner]]\nname = \"prov-1\"\n{text}"));
    }
}

#[test]
fn no_depth_and_no_length_is_too_much() {
    // An eighth of what a file may hold: deep enough to overflow a stack, and quick in a debug build.
    let limit = usize::try_from(FILE_BYTES_MAX / 8).expect("the limit is small");
    for part in ["[", "a.", "{a=", "x=[", "[[step]]\n", "[[step]]\nat=5\n", "\u{0}", "\"", "é = ", "\n", "a"] {
        read_and_show(&part.repeat(limit / part.len()));
        read_and_show(&format!("about = {}", part.repeat(limit / part.len() - 10)));
    }
}
