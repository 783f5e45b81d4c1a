//! Templates by themselves, for platforms that run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use groundhog_stage::{
    cast::source,
    diagnostic::Diagnostics,
    scenario::{Template, load_template},
};

fn load(file: &str, text: &str) -> Result<Template, Diagnostics> {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("stage-template-{file}"));
    fs::write(&path, text).expect("the target folder can be written");
    load_template(&path, "hello")
}

#[track_caller]
fn refused(file: &str, text: &str, code: &str, position: (usize, usize)) {
    let found = load(file, text).expect_err("there is a mistake in it");
    let [only] = found.list.as_slice() else { panic!("more than one mistake:\n{}", found.render(false)) };
    assert_eq!((only.code, found.position(only)), (code, Some(position)), "\n{}", found.render(false));
}

#[test]
fn the_example_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/hello.toml");
    let template = load_template(&path, "hello").expect("it has no mistake");
    let script = String::from_utf8(source(&template).expect("it can be written").text).expect("JSON is text");
    // What a real shell runs goes there as it stands.
    assert!(script.contains(r#"echo \"$GREETING from $HOME\"\ndate > started-at\n"#), "{script}");
}

#[test]
fn a_name_may_be_left_out_or_said() {
    let named = |text: &str| load("name.toml", text).map(|template| template.name);
    assert_eq!(named(""), Ok("hello".to_owned()));
    assert_eq!(named("name = \"hello\"\n"), Ok("hello".to_owned()));
    refused("other-name.toml", "\nname = \"other\"\n", "another-name", (2, 8));
    refused("no-name.toml", "name = 3\n", "another-name", (1, 8));
}

#[test]
fn the_keys_are_those_of_a_template() {
    refused("brackets.toml", "[[template]]\nname = \"hello\"\n", "unknown-key", (1, 3));
    refused("syntax.toml", "plan = {\n", "syntax", (1, 9));
    refused("time.toml", "plan = { takes = \"long\" }\n", "bad-duration", (1, 18));
    let script =
        |runs: &str| format!("[[agents]]\nname = \"main\"\nscripts = [{{ name = \"a\", runs = \"{runs}\" }}]\n");
    refused("never.toml", &script("uptime"), "nothing-to-do", (3, 21));
    refused("nothing.toml", &script(" ").replace("a\", runs", "a\", on = [\"start\"], runs"), "empty-text", (3, 49));
}

#[test]
fn nobody_knows_here_what_a_real_machine_has() {
    let text = "organization = \"research\"\nagents = [{ name = \"main\", scripts = [{ name = \"a\", on = [\"start\"], runs = \"make all\" }] }]\n";
    let template = load("real.toml", text).expect("it has no mistake");
    assert_eq!(template.agents[0].scripts[0].runs, "make all");
    assert_eq!(source(&template).expect("it can be written").organization, "research");
}
