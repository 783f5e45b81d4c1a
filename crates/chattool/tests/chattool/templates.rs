//! list_templates and read_template.

use groundhog_chattool::{Answer, texts};
use groundhog_wire::v1;
use serde_json::json;
use tonic::Status;

use crate::world::{fields, id, play, template_id};

#[test]
fn the_templates_that_can_be_used_are_listed() {
    play(|play| {
        {
            let mut state = play.control.state();
            state.add_template(2, "another's", "another");
            state.add_template(3, "old", "default");
            state.templates.get_mut(&template_id(3)).expect("just added").0.deprecated = "use docker".to_owned();
            state.add_template(4, "kubernetes", "default");
        }
        let names = |answer: Answer| {
            let listed = fields(answer)["templates"].as_array().expect("a list").clone();
            listed.iter().map(|template| template["name"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(play.call("list_templates", "{}")), ["docker", "kubernetes"]);
        let mut config = play.config();
        config.allowed_templates = [template_id(4).parse().expect("an id")].into();
        play.equip("runtime", config);
        assert_eq!(names(play.call("list_templates", "")), ["kubernetes"]);
        assert_eq!(play.fields("tool.answered", "outcome"), ["listed", "listed"]);
    });
}

#[test]
fn what_can_be_chosen_is_shown() {
    play(|play| {
        {
            let mut state = play.control.state();
            let choices = &mut state.templates.get_mut(&template_id(1)).expect("it is there").1;
            choices.version = "v1".to_owned();
            let preset = v1::Preset { name: "small".to_owned(), ..v1::Preset::default() };
            choices.presets =
                vec![v1::PresetView { preset_id: id(9), preset: Some(preset), ..v1::PresetView::default() }];
        }
        let arguments = json!({ "template_id": template_id(1) }).to_string();
        let answer = fields(play.call("read_template", &arguments));
        assert_eq!((&answer["name"], &answer["version"]), (&json!("docker"), &json!("v1")));
        let expected = json!([{ "preset_id": id(9), "name": "small", "default": false, "parameters": {} }]);
        assert_eq!(answer["presets"], expected);
        assert_eq!(play.fields("tool.answered", "outcome"), ["read"]);
    });
}

#[test]
fn what_can_not_be_used_is_not_shown() {
    play(|play| {
        play.control.state().add_template(2, "another's", "another");
        let arguments = |number| json!({ "template_id": template_id(number) }).to_string();
        let other = play.call("read_template", &arguments(2));
        assert_eq!(other, Answer::Error(texts::OTHER_ORGANIZATION.to_owned()));
        assert_eq!(play.call("read_template", "{}"), Answer::Error(texts::TEMPLATE_REQUIRED.to_owned()));
        let Answer::Error(unknown) = play.call("read_template", &arguments(3)) else { panic!("no error") };
        assert!(unknown.starts_with("look up template: there is no template"), "{unknown}");
        let mut config = play.config();
        config.allowed_templates = [template_id(2).parse().expect("an id")].into();
        play.equip("runtime", config);
        assert_eq!(play.call("read_template", &arguments(1)), Answer::Error(texts::TEMPLATE_NOT_ALLOWED.to_owned()));
        play.control.state().refuses.insert("list_templates", Status::unavailable("no database"));
        assert_eq!(play.call("list_templates", "{}"), Answer::Error("list templates: no database".to_owned()));
    });
}
