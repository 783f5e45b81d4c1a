//! What a model may say to a tool.

use std::collections::BTreeMap;

use groundhog_chattool::{
    arguments::{ARGUMENTS_BYTES_MAX, Call, CreateWorkspace},
    tool::Tool,
};
use proptest::{prelude::*, test_runner::RngSeed};

pub(super) const ID: &str = "018f3c3e-2f7b-7c4e-8d52-6a1f0b9c4d21";

fn create(arguments: &str) -> CreateWorkspace {
    match Call::read(Tool::CreateWorkspace, arguments) {
        Ok(Call::CreateWorkspace(create)) => create,
        other => panic!("{arguments}: {other:?}"),
    }
}

fn refused(tool: Tool, arguments: &str) -> String {
    Call::read(tool, arguments).expect_err(arguments).to_string()
}

#[test]
fn all_that_create_workspace_takes_is_read() {
    let read = create(
        r#"{ "template_id": " 018f3c3e-2f7b-7c4e-8d52-6a1f0b9c4d21 ", "name": " dev\n", "preset_id": "\t",
             "parameters": { "region": " eu ", "": "" } }"#,
    );
    assert_eq!(read.template().map(|id| id.to_string()), Ok(ID.to_owned()));
    assert_eq!(read.name.as_deref(), Some("dev"));
    // A value is handed on as it is: blanks may be part of it.
    let parameters = [("", ""), ("region", " eu ")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(read.parameters, BTreeMap::from(parameters));
    assert_eq!(read.preset(), Ok(None));
    let both = create(&format!(r#"{{ "template_id": "{ID}", "preset_id": " {ID} ", "parameters": {{ "a": "b" }} }}"#));
    assert_eq!(both.preset().map(|id| id.map(|id| id.to_string())), Ok(Some(ID.to_owned())));
    assert_eq!(both.parameters.len(), 1, "a preset and parameters go together");
}

#[test]
fn what_is_null_blank_or_missing_was_left_out() {
    for nothing in ["", "  ", "{}", r#"{"template_id":null,"name":null,"parameters":null,"preset_id":null}"#] {
        assert_eq!(create(nothing), CreateWorkspace::default(), "{nothing:?}");
    }
    assert_eq!(create(r#"{"name":"  "}"#).name, None);
    for tool in [Tool::StartWorkspace, Tool::StopWorkspace, Tool::ListTemplates] {
        assert_eq!(Call::read(tool, "").map(|call| call.tool()), Ok(tool));
        assert_eq!(Call::read(tool, " {} ").map(|call| call.tool()), Ok(tool));
    }
}

#[test]
fn ids_are_refused_in_the_words_that_a_model_can_act_on() {
    let template = |text: &str| create(&format!(r#"{{"template_id":{text:?}}}"#)).template().map_err(|e| e.to_string());
    let required = "template_id is required; use list_templates to find one";
    assert_eq!(template(""), Err(required.to_owned()));
    assert_eq!(template("   "), Err(required.to_owned()));
    assert_eq!(template("docker"), Err("invalid template_id: \"docker\" is not a UUID".to_owned()));
    let preset = create(r#"{"preset_id":"big"}"#).preset().map_err(|error| error.to_string());
    assert_eq!(preset, Err("invalid preset_id: \"big\" is not a UUID".to_owned()));
    let long = template(&"é".repeat(10_000)).expect_err("no id");
    assert!(long.chars().count() < 120, "{long}");
    let Ok(Call::ReadTemplate(read)) = Call::read(Tool::ReadTemplate, "{}") else { panic!("an empty object is read") };
    assert_eq!(read.template().map_err(|error| error.to_string()), Err(required.to_owned()));
}

#[test]
fn slips_are_told() {
    for (tool, arguments, part) in [
        (Tool::CreateWorkspace, "nonsense", "expected"),
        (Tool::CreateWorkspace, "7", "invalid type"),
        (Tool::CreateWorkspace, "null", "invalid type"),
        (Tool::CreateWorkspace, "{", "EOF"),
        (Tool::CreateWorkspace, "{} {}", "trailing characters"),
        (Tool::CreateWorkspace, r#"["a"]"#, "expected a JSON object, and got a list"),
        (
            Tool::CreateWorkspace,
            r#"{"template":"x"}"#,
            "unknown field `template`, expected one of `template_id`, `name`",
        ),
        (Tool::CreateWorkspace, r#"{"template_id":7}"#, "invalid type: integer `7`, expected a string"),
        (Tool::CreateWorkspace, r#"{"parameters":{"size":3}}"#, "invalid type: integer `3`, expected a string"),
        (Tool::CreateWorkspace, r#"{"parameters":["a"]}"#, "expected a map"),
        (Tool::CreateWorkspace, r#"{"name":"a","name":"b"}"#, "duplicate field `name`"),
        (Tool::StartWorkspace, r#"{"workspace":"dev"}"#, "unknown field `workspace`, there are no fields"),
        (Tool::StopWorkspace, "[]", "expected a JSON object, and got a list"),
        (Tool::ReadTemplate, r#"{"name":"dev"}"#, "unknown field `name`, expected `template_id`"),
    ] {
        let error = refused(tool, arguments);
        let named = format!("invalid arguments of {}: ", tool.name());
        assert!(error.starts_with(&named) && error.contains(part), "{arguments}: {error}");
    }
}

#[test]
fn arguments_are_bounded() {
    let of_length = |length: usize| {
        let frame = r#"{"name":""}"#.len();
        format!(r#"{{"name":"{}"}}"#, "a".repeat(length - frame))
    };
    assert!(Call::read(Tool::CreateWorkspace, &of_length(ARGUMENTS_BYTES_MAX)).is_ok());
    let error = refused(Tool::CreateWorkspace, &of_length(ARGUMENTS_BYTES_MAX + 1));
    assert_eq!(error, "the arguments of create_workspace are too long: expected at most 65536 bytes, and got 65537");
    let deep = refused(Tool::StartWorkspace, &r#"{"a":"#.repeat(10_000));
    assert!(deep.len() < 1_000, "{deep}");
    // What was given is quoted in part only.
    let unknown = refused(Tool::StartWorkspace, &format!(r#"{{"{}":1}}"#, "x".repeat(60_000)));
    assert!(unknown.len() < 1_000, "{unknown}");
}

#[test]
fn a_tool_is_found_by_its_name_alone() {
    for tool in Tool::ALL {
        assert_eq!(Tool::named(tool.name()), Ok(tool));
    }
    let error = Tool::named("rm -rf").expect_err("no tool").to_string();
    assert_eq!(
        error,
        "there is no tool \"rm -rf\": expected create_workspace, start_workspace, stop_workspace, list_templates or \
         read_template"
    );
    for tool in Tool::ALL {
        assert!(error.contains(tool.name()), "{error}");
    }
    assert!(Tool::named(&"x".repeat(100_000)).expect_err("no tool").to_string().len() < 250);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        rng_seed: RngSeed::Fixed(8),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_text_is_too_strange(text in r#"[\[\]{}":,a-z0-9 \\\u{0}é]{0,60}|\PC{0,40}"#) {
        for tool in Tool::ALL {
            match Call::read(tool, &text) {
                Ok(call) => prop_assert_eq!(call.tool(), tool),
                Err(error) => prop_assert!(error.to_string().contains(tool.name())),
            }
        }
    }

    #[test]
    fn what_a_model_says_of_a_workspace_arrives(
        name in "[^ \\t\\n]{1,20}",
        parameters in proptest::collection::btree_map("\\PC{0,10}", "\\PC{0,10}", 0..5),
    ) {
        let arguments = serde_json::json!({ "template_id": ID, "name": name, "parameters": parameters }).to_string();
        let read = create(&arguments);
        prop_assert_eq!(read.name.unwrap_or_default(), name.trim());
        prop_assert_eq!(read.parameters, parameters);
    }
}
