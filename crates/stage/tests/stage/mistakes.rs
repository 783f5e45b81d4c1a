//! Every mistake is told where it is, by name, and with what was expected.

use groundhog_stage::diagnostic::Diagnostics;
use groundhog_stage::scenario::Scenario;

use crate::catalogue;

/// What every file begins with; its two lines and the machines are right.
pub(crate) const HEAD: &str = "about = \"a test\"\nduration = \"30m\"\n\
                    [[template]]\nname = \"vm\"\n\
                    [[provisioner]]\nname = \"prov-1\"\n\
                    [[provisioner]]\nname = \"late\"\nstart = \"5m\"\n\
                    [[step]]\nat = \"1s\"\n\
                    create_workspace = { name = \"dev\", owner = \"alice\", template = \"vm\" }\n";

/// The line on which what follows [`HEAD`] begins.
pub(crate) const BODY: usize = 13;

fn diagnostics(text: &str) -> Diagnostics {
    match Scenario::parse("bad.toml", text, catalogue::ALL) {
        Ok(_) => panic!("this was taken for right:\n{text}"),
        Err(diagnostics) => diagnostics,
    }
}

/// The text has one mistake, with this code, on this line and column, and its help contains this.
#[track_caller]
pub(crate) fn check(text: &str, code: &str, line: usize, column: usize, help: &str) {
    let diagnostics = diagnostics(text);
    let shown = diagnostics.render(false);
    let [diagnostic] = diagnostics.list.as_slice() else { panic!("more than one mistake:\n{shown}") };
    assert_eq!(diagnostic.code, code, "\n{shown}");
    assert_eq!(diagnostics.position(diagnostic), Some((line, column)), "\n{shown}");
    assert!(diagnostic.help.as_deref().unwrap_or_default().contains(help), "\n{shown}");
    assert!(shown.contains(&format!("bad.toml:{line}:{column}")), "\n{shown}");
    let json = &diagnostics.to_json()[0];
    assert_eq!((json["line"].as_u64(), json["column"].as_u64()), (Some(line as u64), Some(column as u64)));
    assert_eq!((json["file"].as_str(), json["code"].as_str()), (Some("bad.toml"), Some(code)));
}

/// As [`check`], for what follows a right beginning; the line counts from there.
#[track_caller]
pub(crate) fn body(text: &str, code: &str, line: usize, column: usize, help: &str) {
    check(&format!("{HEAD}{text}"), code, BODY + line - 1, column, help);
}

#[test]
fn keys() {
    check("abuot = \"x\"\nduration = \"1m\"", "unknown-key", 1, 1, "did you mean `about`?");
    check("about = \"x\"\nduration = \"1m\"\n[[templates]]", "unknown-key", 3, 3, "did you mean `template`?");
    check("about = \"x\"\nduration = \"1m\"\nzzz = 1", "unknown-key", 3, 1, "expected one of `about`, `issue`");
    check("duration = \"1m\"", "missing-key", 1, 1, "what the scenario shows");
    check("about = \"x\"", "missing-key", 1, 1, "duration = \"30m\"");
    check("about = \" \"\nduration = \"1m\"", "empty-text", 1, 9, "in a sentence");
    body("[network]\nlatancy = \"1ms\"", "unknown-key", 2, 1, "did you mean `latency`?");
    body("[[fault]]\nat = \"1s\"\nkil = \"control\"", "unknown-key", 3, 1, "did you mean `kill`?");
    body(
        "[[step]]\nat = \"1m\"\ncancel_build = { workspac = \"dev\" }",
        "unknown-key",
        3,
        18,
        "did you mean `workspace`?",
    );
    body("[[user]]", "missing-key", 1, 1, "");
    body("[[user]]\nname = \"bob\"\nname = \"bob\"", "syntax", 3, 1, "");
    body("[[step]\nat = \"1s\"", "syntax", 1, 8, "");
    body("[user]\nname = \"bob\"", "wrong-type", 1, 1, "`[[user]]`, in double brackets");
    check("about = \"x\"\nduration = \"1m\"\nuser = 5", "wrong-type", 3, 8, "in double brackets");
}

#[test]
fn types_and_values() {
    check("about = 5\nduration = \"1m\"", "wrong-type", 1, 9, "expected a string");
    check("about = \"x\"\nduration = 60", "wrong-type", 2, 12, "such as \"90s\"");
    check("about = \"x\"\nduration = \"1m\"\nseed = -1", "out-of-range", 3, 8, "from 0");
    check("about = \"x\"\nduration = \"1m\"\nallow_errors = [\"\"]", "empty-text", 3, 17, "part of the message");
    body("[network]\nloss = 1.5", "out-of-range", 2, 8, "from 0 to 1");
    body("[network]\nloss = nan", "out-of-range", 2, 8, "from 0 to 1");
    body("[network]\nloss = \"much\"", "wrong-type", 2, 8, "expected a number");
    body("[network]\nbandwidth = 0", "out-of-range", 2, 13, "from 1");
    body("[control]\nconnections = 0", "out-of-range", 2, 15, "from 1 to 10000");
    body("[[group]]\nname = \"g\"\nbudget = -1\nmembers = []", "out-of-range", 3, 10, "from 0");
    body("[[template]]\nname = \"t\"\nplan = { on_cancel = \"obay\" }", "unknown-value", 3, 22, "did you mean `obey`?");
    body("[[template]]\nname = \"t\"\nplan = { hangs = true, fails = \"x\" }", "contradiction", 3, 32, "leave out");
    body("[[template]]\nname = \"t\"\nplan = { hangs = true, takes = \"1s\" }", "contradiction", 3, 32, "leave out");
    body(
        "[[template]]\nname = \"t\"\nplan = { on_cancel = \"ignore\", cancel_takes = \"1s\" }",
        "contradiction",
        3,
        47,
        "\"obey\"",
    );
    body("[[template]]\nname = \"t\"\nplan = { fails = \"\" }", "empty-text", 3, 18, "what went wrong");
    body(
        "[[template]]\nname = \"t\"\nplan = { logs = { every = \"1us\" } }",
        "out-of-range",
        3,
        27,
        "at least \"1ms\"",
    );
}

#[test]
fn times() {
    let duration = |text| format!("about = \"x\"\nduration = \"{text}\"");
    check(&duration("soon"), "bad-duration", 2, 12, "\"1m30s\"");
    check(&duration("90"), "bad-duration", 2, 12, "the units are us, ms, s, m, h, d");
    check(&duration("5min"), "bad-duration", 2, 12, "\"1m30s\"");
    check(&duration("-5m"), "negative-duration", 2, 12, "expected a span of time");
    check(&duration("400d"), "duration-too-long", 2, 12, "expected a span of time");
    check(&duration("0s"), "out-of-range", 2, 12, "expected a span of time");
    body("[network]\nlatency = \"5ms..1ms\"", "bad-range", 2, 11, "\"1ms..5ms\"");
    body("[network]\nlatency = \"1ms...5ms\"", "bad-duration", 2, 11, "a range \"1ms..5ms\"");
    body("[[step]]\nat = \"-1s\"\ncancel_build = { workspace = \"dev\" }", "negative-duration", 2, 6, "expected");
    body("[[step]]\nat = \"31m\"\ncancel_build = { workspace = \"dev\" }", "after-end", 2, 6, "from \"0s\" to \"30m\"");
    body("[[fault]]\nat = \"31m\"\nkill = \"control\"", "after-end", 2, 6, "\"30m\"");
    body("[[provisioner]]\nname = \"p\"\nstart = \"31m\"", "after-end", 3, 9, "\"30m\"");
}

#[test]
fn names() {
    body("[[user]]\nname = \"a--b\"", "bad-name", 2, 8, "single hyphens");
    body("[[user]]\nname = \"\"", "bad-name", 2, 8, "1 to 32");
    body("[[provisioner]]\nname = \"prov-1\"", "duplicate-name", 2, 8, "another name");
    body("[[provisioner]]\nname = \"control\"", "reserved-name", 2, 8, "another name");
    body("[[template]]\nname = \"vm\"", "duplicate-name", 2, 8, "another name");
    body("[[user]]\nname = \"bob\"\n[[user]]\nname = \"bob\"", "duplicate-name", 4, 8, "another name");
    body(
        "[[link]]\nbetween = [\"control\", \"prov-1\"]\n[[link]]\nbetween = [\"prov-1\", \"control\"]",
        "duplicate-link",
        4,
        11,
        "both directions",
    );
    body("[[link]]\nbetween = [\"control\", \"control\"]", "not-a-pair", 2, 11, "two different");
    body("[[fault]]\nat = \"1s\"\ncut = [\"control\"]", "not-a-pair", 3, 7, "expected two");
    body("[[fault]]\nat = \"1s\"\ncut = [\"prov-2\", \"control\"]", "unknown-host", 3, 8, "did you mean `prov-1`?");
    body("[[fault]]\nat = \"1s\"\nkill = \"database\"", "unknown-host", 3, 8, "expected one of `control`, `late`");
    body(
        "[[step]]\nat = \"1s\"\ncreate_workspace = { name = \"w\", owner = \"alice\", template = \"wm\" }",
        "unknown-template",
        3,
        62,
        "did you mean `vm`?",
    );
    check(
        "about = \"x\"\nduration = \"1m\"\n[[step]]\nat = \"1s\"\n\
         create_workspace = { name = \"w\", owner = \"alice\", template = \"vm\" }",
        "unknown-template",
        5,
        62,
        "the file has no `[[template]]`",
    );
    body(
        "[[step]]\nat = \"1s\"\nshutdown_provisioner = { name = \"control\" }",
        "unknown-provisioner",
        3,
        33,
        "expected one of `late`, `prov-1`",
    );
}

#[test]
fn workspaces() {
    let step = |at: &str, action: &str| format!("[[step]]\nat = \"{at}\"\n{action}\n");
    body(&step("1m", "cancel_build = { workspace = \"dav\" }"), "unknown-workspace", 3, 30, "did you mean `dev`?");
    body(&step("0s", "cancel_build = { workspace = \"dev\" }"), "unknown-workspace", 3, 30, "only at 1s");
    body(
        &step("1m", "cancel_build = { workspace = \"dev\", owner = \"alise\" }"),
        "unknown-workspace",
        3,
        45,
        "did you mean `alice`?",
    );
    let bobs = step("2s", "create_workspace = { name = \"dev\", owner = \"bob\", template = \"vm\" }");
    body(
        &format!("{bobs}{}", step("1m", "build_workspace = { workspace = \"dev\", transition = \"stop\" }")),
        "ambiguous-workspace",
        6,
        33,
        "alice, bob",
    );
}

#[test]
fn steps_and_faults() {
    body("[[step]]\nat = \"1m\"", "nothing-to-do", 2, 6, "`create_workspace`");
    body(
        "[[step]]\nat = \"1m\"\ncancel_build = { workspace = \"dev\" }\nshutdown_provisioner = { name = \"prov-1\" }",
        "two-at-once",
        4,
        24,
        "for each",
    );
    body("[[fault]]\nat = \"1m\"", "nothing-to-do", 2, 6, "`cut_one_way`");
    body("[[fault]]\nat = \"1m\"\nkill = \"control\"\npower_loss = \"control\"", "two-at-once", 4, 14, "for each");
    body("[[fault]]\nat = \"4m\"\nkill = \"late\"", "before-start", 3, 8, "it starts at 5m");
    body("[[step]]\nat = \"4m\"\nshutdown_provisioner = { name = \"late\" }", "before-start", 3, 33, "it starts at 5m");
    body(
        "[[fault]]\nat = \"1m\"\nsuspend = { host = \"prov-1\", clock = \"runs\" }",
        "missing-key",
        2,
        6,
        "for = \"30s\"",
    );
    body(
        "[[fault]]\nat = \"1m\"\nfor = \"1s\"\nreset = [\"prov-1\", \"control\"]",
        "instant-fault",
        3,
        7,
        "leave out `for`",
    );
    body("[[fault]]\nat = \"1m\"\ndatabase = \"down\"", "unknown-value", 3, 12, "unavailable");
    body("[[fault]]\nat = \"1m\"\nfor = \"0s\"\nkill = \"control\"", "out-of-range", 3, 7, "expected");
    body(
        "[[fault]]\nat = \"1m\"\nslow = { between = [\"prov-1\", \"control\"], factor = 0.5 }",
        "out-of-range",
        3,
        52,
        "from 1",
    );
    body("[[fault]]\nat = \"1m\"\ndrift = { host = \"control\", ppm = 2000000 }", "out-of-range", 3, 35, "100000");
    body(
        "[[fault]]\nat = \"1m\"\nstep_clock = { host = \"control\", by = \"--5m\" }",
        "negative-duration",
        3,
        39,
        "\"-5m\"",
    );
}

#[test]
fn expectations() {
    body("[[expect]]\nevent = \"job.faild\"", "unknown-event", 2, 9, "did you mean `job.failed`?");
    body("[[expect]]\nevent = \"agent.up\"", "unknown-event", 2, 9, "expected one of `control.started`");
    body("[[expect]]\nevent = \"job.failed\"\nwith = { eror = \"x\" }", "unknown-field", 3, 10, "`error`?");
    body("[[expect]]\nevent = \"control.started\"\nwith = { job = 1 }", "unknown-field", 3, 10, "no fields");
    body("[[expect]]\nevent = \"job.failed\"\nwith = { job = 1.5 }", "wrong-type", 3, 16, "true or false");
    body("[[expect]]\nevent = \"job.failed\"\nhost = \"prov-2\"", "unknown-host", 3, 8, "`prov-1`?");
    body("[[expect]]\nevent = \"job.failed\"\nbetween = [\"31m\", \"32m\"]", "unreachable-window", 3, 12, "\"30m\"");
    body("[[expect]]\nevent = \"job.failed\"\nbetween = [\"1m\", \"32m\"]", "unreachable-window", 3, 18, "\"30m\"");
    body("[[expect]]\nevent = \"job.failed\"\nbetween = [\"2m\", \"1m\"]", "bad-range", 3, 11, "earlier");
    body("[[expect]]\nevent = \"job.failed\"\nbetween = [\"2m\"]", "not-a-pair", 3, 11, "first and the last");
    body("[[expect]]\nevent = \"job.failed\"\ntimes = \"3..1\"", "bad-range", 3, 9, "\"1..3\"");
    body("[[expect]]\nevent = \"job.failed\"\ntimes = -1", "bad-range", 3, 9, "\"1..3\"");
    body("[[expect]]\nevent = \"job.failed\"\ntimes = 1\nnever = true", "contradiction", 3, 9, "leave out");
    body("[[expect]]\nevent = \"job.failed\"\nnever = false", "contradiction", 3, 9, "at least once");
    body(
        "[[expect]]\nevent = \"job.failed\"\nbefore = { event = \"runner.start\" }",
        "unknown-event",
        3,
        20,
        "did you mean `runner.started`?",
    );
}

#[test]
fn families() {
    body("[swarm]\nkinds = { kil = 1 }", "unknown-fault", 2, 11, "did you mean `kill`?");
    body("[swarm]\nkinds = { kill = -1 }", "out-of-range", 2, 18, "from 0");
    body("[swarm]\nfaults = \"5..2\"", "bad-range", 2, 10, "\"1..3\"");
    body("[swarm]\nfaults = 100000", "out-of-range", 2, 10, "at most 1000");
    body("[swarm]\nlasts = \"0s..1m\"", "out-of-range", 2, 9, "\"100ms..10m\"");
    body("[swarm]\nwithin = \"0s\"", "out-of-range", 2, 10, "such as");
    body("[swarm]\nkind = 1", "unknown-key", 2, 1, "did you mean `kinds`?");
    body("[workload]\nbuilds = -1", "bad-range", 2, 10, "\"1..3\"");
    body("[[provisioner]]\nname = \"more\"\ncount = \"1..1000\"", "out-of-range", 3, 9, "at most 100");
    body("[[provisioner]]\nname = \"prov\"\ncount = 2", "duplicate-name", 2, 8, "another name");
    body("[[fault]]\nat = \"5m..1m\"\nkill = \"control\"", "bad-range", 2, 6, "1m..5m");
    // The least of the range makes sense, the most does not.
    body("[[fault]]\nat = \"1m..40m\"\nkill = \"control\"", "after-end", 2, 6, "longer `duration`");
    body("[case]\nsignature = \"x\"", "missing-key", 1, 1, "");
}

#[test]
fn all_mistakes_are_told_in_the_order_of_the_file() {
    let schema = diagnostics("about = \"x\"\nduration = 5\n[[usr]]\n[[step]]\nwhen = \"1s\"\n[[fault]]\nat = 5\n");
    let found: Vec<_> = schema.list.iter().map(|diagnostic| (diagnostic.code, schema.position(diagnostic))).collect();
    assert_eq!(
        found,
        [
            ("wrong-type", Some((2, 12))),
            ("unknown-key", Some((3, 3))),
            ("unknown-key", Some((5, 1))),
            ("wrong-type", Some((7, 6)))
        ]
    );
    let meaning = diagnostics(&format!(
        "{HEAD}[[fault]]\nat = \"1x\"\nfor = \"0s\"\ncut = [\"a\", \"control\"]\n\
         [[expect]]\nevent = \"x\"\nhost = \"b\"\n"
    ));
    let codes: Vec<_> = meaning.list.iter().map(|diagnostic| diagnostic.code).collect();
    assert_eq!(codes, ["bad-duration", "out-of-range", "unknown-host", "unknown-event", "unknown-host"]);
}

#[test]
fn what_a_person_sees() {
    let shown = diagnostics(&format!("{HEAD}[[fault]]\nat = \"1s\"\nkill = \"contrl\"")).render(false);
    let expected = "\
error[unknown-host]: there is no host `contrl`
  --> bad.toml:15:8
   |
15 | kill = \"contrl\"
   |        ^^^^^^^^
   |
   = help: did you mean `control`?";
    assert_eq!(shown, expected);
    let coloured = diagnostics("about = 1").render(true);
    assert!(coloured.contains("\u{1b}["));
}

/// A right beginning with an administrator, in as many lines.
fn with_admin(text: &str) -> String {
    format!("{HEAD}[[user]]\nname = \"root\"\nrole = \"admin\"\n{text}")
}

#[track_caller]
pub(crate) fn admin(text: &str, code: &str, line: usize, column: usize, help: &str) {
    check(&with_admin(text), code, BODY + 3 + line - 1, column, help);
}

#[test]
fn replicas_slots_and_keys() {
    body("[control]\nreplicas = 0", "out-of-range", 2, 12, "from 1 to 8");
    body("[control]\nreplicas = 9", "out-of-range", 2, 12, "at most 8");
    body("[control]\nnotices = { los = 1 }", "unknown-key", 2, 13, "did you mean `loss`?");
    body("[control]\nnotices = { loss = 1.5 }", "out-of-range", 2, 20, "from 0 to 1");
    body("[control]\nexternal_auth = [\"a\", \"a\"]", "duplicate-name", 2, 23, "another name");
    body("[[provisioner]]\nname = \"control-2\"", "reserved-name", 2, 8, "another name");
    body("[[provisioner]]\nname = \"p\"\nslots = 0", "out-of-range", 3, 9, "from 1 to 100");
    body("[[provisioner]]\nname = \"p\"\ncontrol = \"control-2\"", "unknown-replica", 3, 11, "`control`");
    body("[[provisioner]]\nname = \"p\"\nrefuses_sessions = \"\"", "empty-text", 3, 20, "say what went wrong");
    body("[[fault]]\nat = \"1s\"\nkill = \"control-2\"", "unknown-host", 3, 8, "did you mean `control`?");
    body("[[user]]\nname = \"a\"\nrole = \"admn\"", "unknown-value", 3, 8, "did you mean `admin`?");
    admin(
        "[[step]]\nat = \"1m\"\ndelete_key = { key = \"provisoners\" }",
        "unknown-key-name",
        3,
        22,
        "`provisioners`?",
    );
}

#[test]
fn templates() {
    let template = |text: &str| format!("[[template]]\nname = \"t\"\n{text}");
    body(&template("plan = { misbehaves = \"close\" }"), "unknown-value", 3, 23, "did you mean `closes`?");
    body(&template("stop = { parse = {} }"), "unknown-key", 3, 10, "`plan`");
    body(&template("variables = [{ name = \"\" }]"), "bad-name", 3, 23, "give it a name");
    body(
        &template("variables = [{ name = \"a\", type = \"strng\" }]"),
        "unknown-type",
        3,
        35,
        "did you mean `string`?",
    );
    body(
        &template("parameters = [{ name = \"a\", default = 1, required = true }]"),
        "contradiction",
        3,
        39,
        "leave out `required` or `default`",
    );
    body(&template("presets = [{ name = \"a\" }, { name = \"a\" }]"), "duplicate-name", 3, 37, "another name");
}

#[test]
fn steps_with_templates() {
    let step = |text: &str| format!("[[step]]\nat = \"1m\"\n{text}");
    let import = "import_template = { template = \"vm\", version = \"v2\" }";
    body(&step(import), "unknown-administrator", 3, 19, "role = \"admin\"");
    let two = format!("[[user]]\nname = \"other\"\nrole = \"admin\"\n{}", step(import));
    admin(&two, "unknown-administrator", 6, 19, "`other`, `root`");
    admin(&step("import_template = { template = \"new\", version = \"v1\" }"), "unknown-template", 3, 32, "`vm`");
    admin(
        &step("import_template = { template = \"new\", version = \"v 1\", like = \"vm\" }"),
        "bad-name",
        3,
        49,
        "letters",
    );
    admin(&step("dry_run = { template = \"vn\" }"), "unknown-template", 3, 24, "did you mean `vm`?");
    admin(&step("cancel_dry_run = { template = \"vm\" }"), "unknown-dry-run", 3, 31, "`dry_run`");
    admin(
        &step("cancel_import = { template = \"vm\", version = \"v2\" }"),
        "unknown-import",
        3,
        30,
        "`import_template`",
    );
    let other = format!("{}\n{}", step(import), step("cancel_import = { template = \"vm\", version = \"v3\" }"));
    admin(&other, "unknown-import", 6, 46, "did you mean `v2`?");
    body(&step("follow_logs = { workspace = \"dv\" }"), "unknown-workspace", 3, 29, "did you mean `dev`?");
}

#[test]
fn agents_and_programs() {
    let agents = |text: &str| format!("[[template]]\nname = \"t\"\nagents = [{{ name = \"main\", {text} }}]");
    body("[[template]]\nname = \"t\"\nagents = [{ name = \"a b\" }]", "bad-name", 3, 20, "single hyphens");
    body(
        "[[template]]\nname = \"t\"\nagents = [{ name = \"a\" }, { name = \"A\" }]",
        "duplicate-name",
        3,
        36,
        "another",
    );
    body(&agents("count = 0"), "out-of-range", 3, 36, "from 1 to 1000");
    body(&agents("count = 1001"), "out-of-range", 3, 36, "at most 1000");
    body(&agents("boot = \"1s\""), "unknown-key", 3, 28, "did you mean `boots`?");
    body(&agents("connection_timeout = \"1.5s\""), "out-of-range", 3, 49, "\"1s\" or a second more");
    body(&agents("scripts = [{ name = \"a\", runs = \"true\" }]"), "nothing-to-do", 3, 48, "on = [\"start\"]");
    body(
        &agents("scripts = [{ name = \"a\", runs = \"true\", on = [\"strat\"] }]"),
        "unknown-value",
        3,
        74,
        "did you mean `start`?",
    );
    body(
        &agents("scripts = [{ name = \"a\", runs = \"true; instal\", on = [\"start\"] }]"),
        "unknown-program",
        3,
        60,
        "expected one of `true`",
    );
    body(
        &agents("scripts = [{ name = \"a\", runs = \"true\", on = [\"start\"], after = [\"b\"] }]"),
        "unknown-script",
        3,
        93,
        "`a`",
    );
    body(
        &agents("scripts = [{ name = \"a\", runs = \"true\", on = [\"start\"], after_completion = [\"a\"] }]"),
        "contradiction",
        3,
        104,
        "another script",
    );
    body(&agents("metadata = [{ key = \"a\", runs = \"\" }]"), "empty-text", 3, 60, "`true` does nothing");
    body(&agents("apps = [{ slug = \"a\", port = 0 }]"), "out-of-range", 3, 57, "from 1 to 65535");
    body(
        &agents("apps = [{ slug = \"a\", port = 1 }, { slug = \"b\", port = 1 }]"),
        "duplicate-port",
        3,
        83,
        "another port",
    );
    let program = |text: &str| format!("[[program]]\nname = \"p\"\n{text}");
    body("[[program]]\nname = \"echo\"", "reserved-name", 2, 8, "another name");
    body(&format!("{}\n{}", program(""), program("")), "duplicate-name", 5, 8, "another name");
    body(&program("hangs = true\ntakes = \"1s\""), "contradiction", 4, 9, "leave out `hangs` or `takes`");
    body(&program("exit = 256"), "out-of-range", 3, 8, "from 0 to 255");
    body(&program("prints = { every = \"0s\" }"), "out-of-range", 3, 20, "or a `count`");
    body(&program("prints_bytes = [256]"), "bad-bytes", 3, 16, "from 0 to 255");
    body(&program("prints_bytes = \"0g\""), "bad-bytes", 3, 16, "two hexadecimal digits");
    body(&program("prints_bytes = 5"), "wrong-type", 3, 16, "a list of numbers");
    body(&program("on_signal = \"ignore\""), "unknown-value", 3, 13, "did you mean `ignores`?");
    body(&program("on_signal = { ends_after = \"soon\" }"), "bad-duration", 3, 28, "such as");
}

/// A right beginning with two agents, one of which has an app, in as many lines.
#[track_caller]
fn agents(text: &str, code: &str, line: usize, column: usize, help: &str) {
    let head = "[[template]]\nname = \"a\"\n\
                agents = [{ name = \"main\", apps = [{ slug = \"web\", port = 8080 }] }, { name = \"more\", count = 2 }]\n\
                [[step]]\nat = \"2s\"\ncreate_workspace = { name = \"w\", owner = \"alice\", template = \"a\" }\n";
    check(&format!("{HEAD}{head}{text}"), code, BODY + 6 + line - 1, column, help);
}

#[test]
fn steps_with_agents() {
    let step = |text: &str| format!("[[step]]\nat = \"1m\"\n{text}");
    agents(&step("list_agents = { workspace = \"v\" }"), "unknown-workspace", 3, 29, "`w`");
    agents(&step("open_terminal = { workspace = \"w\" }"), "ambiguous-agent", 3, 31, "main, more-1, more-2");
    agents(&step("open_terminal = { workspace = \"w\", agent = \"more\" }"), "unknown-agent", 3, 44, "`more-1`");
    agents(&step("open_terminal = { workspace = \"dev\" }"), "unknown-agent", 3, 31, "has no `agents`");
    agents(
        &step("app_outage = { workspace = \"w\", agent = \"main\", app = \"wab\", for = \"1s\" }"),
        "unknown-app",
        3,
        55,
        "`web`",
    );
    agents(
        &step("app_outage = { workspace = \"w\", agent = \"main\", app = \"web\", for = \"1s\", how = \"503\" }"),
        "unknown-value",
        3,
        80,
        "`500`",
    );
    agents(&step("claim_workspace = { workspace = \"w\" }"), "missing-key", 3, 19, "");
    agents("[[fault]]\nat = \"1s\"\nkill = \"w.mein\"", "unknown-host", 3, 8, "did you mean `w.main`?");
    agents(
        &step("create_workspace = { name = \"w\", owner = \"bob\", template = \"a\" }"),
        "ambiguous-machine",
        3,
        29,
        "another name",
    );
}

#[test]
fn tunnels() {
    let open = |text: &str| format!("[[step]]\nat = \"1m\"\nopen_tunnel = {{ {text} }}");
    let first = "name = \"ssh\", workspace = \"w\"";
    agents(&open("workspace = \"w\""), "missing-key", 3, 15, "");
    agents(&open("name = \"s sh\", workspace = \"w\""), "bad-name", 3, 24, "hyphens");
    agents(&open("name = \"prov-1\", workspace = \"w\""), "reserved-name", 3, 24, "no other host");
    agents(&open("name = \"control\", workspace = \"w\""), "reserved-name", 3, 24, "no other host");
    agents(&open("name = \"ssh\", workspace = \"v\""), "unknown-workspace", 3, 43, "`w`");
    agents(&open(&format!("{first}, agent = \"mein\"")), "unknown-agent", 3, 56, "`main`");
    agents(&open(&format!("{first}, agent = \"more-1\"")), "missing-key", 3, 43, "no app listens");
    agents(&open(&format!("{first}, port = 65536")), "out-of-range", 3, 55, "from 1024 to 65535");
    agents(&open(&format!("{first}, every = \"0s\"")), "out-of-range", 3, 56, "");
    agents(&open(&format!("{first}, stays = \"0s\"")), "out-of-range", 3, 56, "");
    agents(&open(&format!("{first}, sends = []")), "contradiction", 3, 56, "`app = \"terminal\"`");
    agents(&open(&format!("{first}, app = \"terminal\", port = 8080")), "contradiction", 3, 73, "`app = \"forward\"`");
    agents(&open(&format!("{first}, app = \"ssh\"")), "unknown-value", 3, 54, "`forward`");
    let twice = format!("{}\n{}", open(first), open(first));
    agents(&twice, "duplicate-name", 6, 24, "another name");
    // A workspace whose template has no agents may have a tunnel, which will be told so.
    body(&open("name = \"ssh\", workspace = \"dev\""), "missing-key", 3, 43, "no app listens");

    let interrupt =
        |at: &str, name: &str| format!("[[step]]\nat = \"{at}\"\ninterrupt_tunnel = {{ name = \"{name}\" }}");
    agents(&interrupt("1m", "ssh"), "unknown-tunnel", 3, 29, "`open_tunnel`");
    agents(&format!("{}\n{}", open(first), interrupt("2m", "shh")), "unknown-tunnel", 6, 29, "did you mean `ssh`?");
    agents(&format!("{}\n{}", open(first), interrupt("30s", "ssh")), "unknown-tunnel", 6, 29, "only at 1m");
    agents(&format!("{}\n[[fault]]\nat = \"1m\"\nkill = \"shh\"", open(first)), "unknown-host", 6, 8, "`ssh`");
}

#[test]
fn live_stories() {
    let live = |text: &str| format!("about = \"x\"\nlive = true\nduration = \"2m\"\n{text}");
    check("about = \"x\"\nlive = true\nduration = \"121s\"", "not-live", 3, 12, "or leave out `live`");
    check(&live("starts_at = \"2026-03-29T00:00:00Z\""), "not-live", 4, 13, "`starts_at`");
    check(&live("network = { loss = 0.1 }"), "not-live", 4, 20, "`latency`");
    check(&live("[network]\nlatency = \"1ms\"\nbandwidth = 10000"), "not-live", 6, 13, "`latency`");
    check(&live("[[link]]\nbetween = [\"control\", \"users\"]"), "not-live", 4, 1, "`[[link]]`");
    let faults = [
        ("slow = { between = [\"control\", \"users\"], factor = 2 }", 8),
        ("lossy = { between = [\"control\", \"users\"], probability = 0.5 }", 9),
        ("power_loss = \"control\"", 14),
        ("for = \"1s\"\nsuspend = { host = \"control\", clock = \"runs\" }", 11),
        ("drift = { host = \"control\", ppm = 10 }", 9),
    ];
    for (fault, column) in faults {
        let line = 5 + fault.lines().count();
        check(&live(&format!("[[fault]]\nat = \"1s\"\n{fault}")), "not-live", line, column, "`step_clock`");
    }
}
