//! What a model is told of the tools, and that it is so.

use groundhog_chattool::{DEFINITIONS, arguments::Call, tool::Tool};
use serde_json::{Value, json};
use uuid::Uuid;

use super::arguments::ID;

#[test]
fn each_tool_is_defined() {
    let names: Vec<_> = DEFINITIONS.iter().map(|definition| definition.name).collect();
    assert_eq!(names, Tool::ALL.map(Tool::name));
    for definition in DEFINITIONS {
        assert!(definition.description.len() < 1_000 && !definition.description.contains("  "), "{}", definition.name);
        let schema = (definition.input_schema)();
        assert_eq!(schema["type"], "object");
        for (name, argument) in schema["properties"].as_object().expect("an object") {
            let about = argument["description"].as_str().expect("a description");
            assert!(about.ends_with('.') && !about.contains("  "), "{name}: {about}");
        }
    }
}

/// A model that creates a workspace at once, for whatever is asked, spends minutes and quota on it.
#[test]
fn create_workspace_description_delays_workspace_creation() {
    let description = DEFINITIONS[0].description;
    assert_eq!(DEFINITIONS[0].name, "create_workspace");
    let early = description.find("Do not create a workspace early").expect("it says not to");
    let until = description.find("Wait until you know what the user wants").expect("it says until when");
    let how = description.find("Needs a template_id").expect("it says how");
    assert!(early < until && until < how, "what comes first is read first");
    assert!(description.contains("sure that it takes a workspace"));
}

#[test]
fn what_the_texts_send_a_model_to_is_there() {
    for tool in ["list_templates", "read_template", "start_workspace", "create_workspace"] {
        assert!(DEFINITIONS.iter().any(|definition| definition.name == tool), "{tool}");
    }
    for definition in DEFINITIONS {
        for word in definition.description.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_')) {
            let known = word == "template_id" || Tool::named(word).is_ok();
            assert!(!word.contains('_') || known, "{} speaks of {word}", definition.name);
        }
    }
}

/// As much of JSON Schema as the definitions use; what else one has is a mistake of the test's.
fn allows(schema: &Value, value: &Value) -> bool {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        let allowed = match keyword.as_str() {
            "description" => true,
            "type" => match rule.as_str() {
                Some("object") => value.is_object(),
                Some("string") => value.is_string(),
                other => panic!("the test does not know the type {other:?}"),
            },
            "format" => {
                assert_eq!(rule, "uuid");
                value.as_str().is_none_or(|text| Uuid::parse_str(text).is_ok())
            }
            "required" => {
                let required = rule.as_array().expect("a list").iter().filter_map(Value::as_str);
                value.as_object().is_none_or(|fields| required.into_iter().all(|name| fields.contains_key(name)))
            }
            "properties" => value.as_object().is_none_or(|fields| {
                fields.iter().all(|(name, value)| rule.get(name).is_none_or(|schema| allows(schema, value)))
            }),
            "additionalProperties" => {
                let known = schema.get("properties");
                let mut others = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(name, _)| known.is_none_or(|known| known.get(name.as_str()).is_none()));
                others.all(|(_, value)| if rule == false { false } else { allows(rule, value) })
            }
            other => panic!("the test does not know the keyword {other}"),
        };
        if !allowed {
            return false;
        }
    }
    true
}

/// Whether the tool takes the arguments, ids and all.
fn takes(tool: Tool, arguments: &Value) -> bool {
    match Call::read(tool, &arguments.to_string()) {
        Ok(Call::CreateWorkspace(create)) => create.template().is_ok() && create.preset().is_ok(),
        Ok(Call::ReadTemplate(read)) => read.template().is_ok(),
        Ok(_) => true,
        Err(_) => false,
    }
}

#[test]
fn a_tool_takes_what_its_schema_allows_and_nothing_else() {
    let values = [
        json!(ID),
        json!("docker"),
        json!(7),
        json!(true),
        json!([]),
        json!([ID]),
        json!({}),
        json!({ "region": "eu" }),
        json!({ "region": 7 }),
        json!({ "region": { "name": "eu" } }),
    ];
    let names = ["template_id", "name", "parameters", "preset_id", "template", "id"];
    let mut allowed_count = 0;
    for (tool, definition) in Tool::ALL.into_iter().zip(DEFINITIONS) {
        let schema = (definition.input_schema)();
        let mut check = |arguments: &Value| {
            let allowed = allows(&schema, arguments);
            assert_eq!(takes(tool, arguments), allowed, "{}: {arguments}", tool.name());
            allowed_count += u32::from(allowed);
        };
        check(&json!({}));
        values.iter().for_each(&mut check);
        // Each pair of fields with each pair of values.
        for (n, one) in names.iter().enumerate() {
            for a in &values {
                check(&json!({ *one: a }));
                for other in &names[n + 1..] {
                    for b in &values {
                        check(&json!({ *one: a, *other: b }));
                    }
                }
            }
        }
    }
    // Six for create_workspace, one for read_template; `{}`, which comes twice, for each of the others.
    assert_eq!(allowed_count, 6 + 1 + 3 * 2);
    let all = json!({ "template_id": ID, "name": "dev", "parameters": { "a": "b" }, "preset_id": ID });
    assert!(allows(&(DEFINITIONS[0].input_schema)(), &all) && takes(Tool::CreateWorkspace, &all));
}
