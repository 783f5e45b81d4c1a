//! What programs are told of a request for a workspace that is refused: the field that is wrong.

use groundhog_control::{operations::template, refusal::Refusal, store::templates};
use groundhog_wire::v1;
use tonic::{Code, Status};

use crate::support::{
    chats::for_chat,
    pools::{Site, preset},
    world::new_workspace,
};

const NOWHERE: &str = "00000000-0000-4000-8000-00000000000c";

fn parameter(name: &str, value: &str) -> v1::ParameterValue {
    v1::ParameterValue { name: name.to_owned(), value: value.to_owned() }
}

struct Case {
    request: v1::CreateWorkspaceRequest,
    code: Code,
    text: &'static str,
    /// None: it is about the request as a whole.
    field: Option<&'static str>,
    /// Empty: it is the text.
    detail: &'static str,
}

const RULE: &str =
    "Expected 1 to 32 letters, digits and single hyphens, beginning and ending with a letter or a digit.";

fn cases(chat: &str) -> Vec<Case> {
    let plain = new_workspace("free", "plain");
    let of = |template: &str| new_workspace("free", template);
    let (invalid, missing) = (Code::InvalidArgument, Code::NotFound);
    let case = |request, code, text, field| Case { request, code, text, field, detail: "" };
    let with = |parameters: Vec<v1::ParameterValue>| v1::CreateWorkspaceRequest { parameters, ..plain.clone() };
    let preset = |preset: &str| v1::CreateWorkspaceRequest { preset: preset.to_owned(), ..of("pool") };
    let preset_id = |id: &str| v1::CreateWorkspaceRequest { preset_id: id.to_owned(), ..of("pool") };
    let template_id = |id: &str| v1::CreateWorkspaceRequest { template_id: id.to_owned(), ..of("") };
    vec![
        Case {
            detail: "It is taken: choose another one.",
            ..case(
                new_workspace("Dev", "plain"),
                Code::AlreadyExists,
                "A workspace named \"Dev\" already exists.",
                Some("name"),
            )
        },
        Case {
            detail: RULE,
            ..case(
                new_workspace("no good", "plain"),
                invalid,
                "\"no good\" can't be a workspace's name: expected 1 to 32 letters, digits and single hyphens, \
                 beginning and ending with a letter or a digit",
                Some("name"),
            )
        },
        case(
            with(vec![parameter("size", "l"), parameter("", "x")]),
            invalid,
            "parameter \"\": expected a name of 1 to 256 bytes",
            Some(""),
        ),
        case(
            with(vec![parameter("size", "l"), parameter("zone", "x"), parameter("size", "s")]),
            invalid,
            "parameter \"size\": there are two of this name",
            Some("size"),
        ),
        case(
            with(vec![parameter("zone", "x"), parameter("size", &"l".repeat(65_537))]),
            invalid,
            "parameter \"size\": its value has 65537 bytes, and at most 65536 fit",
            Some("size"),
        ),
        case(
            with((0..1_001).map(|number| parameter(&number.to_string(), "")).collect()),
            invalid,
            "1001 parameters: at most 1000 are taken",
            Some("parameters"),
        ),
        case(of("nothing"), missing, "Template \"nothing\" doesn't exist.", Some("template")),
        case(of(""), missing, "Template \"\" doesn't exist.", Some("template")),
        case(
            v1::CreateWorkspaceRequest { version: "v9".to_owned(), ..plain.clone() },
            missing,
            "Template \"plain\" has no version \"v9\".",
            Some("template"),
        ),
        case(
            template_id(NOWHERE),
            missing,
            "Template \"00000000-0000-4000-8000-00000000000c\" doesn't exist.",
            Some("template_id"),
        ),
        case(template_id("t1"), invalid, "\"t1\" is not a template id: expected a UUID", Some("template_id")),
        case(
            v1::CreateWorkspaceRequest { template_id: NOWHERE.to_owned(), ..plain.clone() },
            invalid,
            "expected a template's name or its id, and got both",
            Some("template_id"),
        ),
        case(
            preset("small"),
            missing,
            "The version \"v1\" of the template \"pool\" has no preset \"small\".",
            Some("preset"),
        ),
        case(
            preset_id(NOWHERE),
            missing,
            "The version \"v1\" of the template \"pool\" has no preset \"00000000-0000-4000-8000-00000000000c\".",
            Some("preset_id"),
        ),
        case(preset_id("p1"), invalid, "\"p1\" is not a preset id: expected a UUID", Some("preset_id")),
        case(
            v1::CreateWorkspaceRequest { preset: "one".to_owned(), ..preset_id(NOWHERE) },
            invalid,
            "expected a preset's name or its id, and got both",
            Some("preset_id"),
        ),
        case(of("gpu"), Code::FailedPrecondition, "Template \"gpu\" is deprecated: use plain", Some("template")),
        case(
            v1::CreateWorkspaceRequest { template: "other".to_owned(), ..for_chat(chat, "free", 1, None) },
            Code::PermissionDenied,
            "template belongs to a different organization than this chat; use list_templates to find templates in the \
             correct organization",
            Some("template"),
        ),
        case(
            of("other"),
            Code::PermissionDenied,
            "You are no member of the organization of the template \"other\": ask for membership.",
            Some("template"),
        ),
        case(v1::CreateWorkspaceRequest { log_level: 77, ..plain.clone() }, invalid, "there is no log level 77", None),
        case(
            for_chat(NOWHERE, "free", 1, None),
            missing,
            "there is no chat 00000000-0000-4000-8000-00000000000c",
            None,
        ),
    ]
}

#[test]
fn each_refusal_says_which_field_is_wrong() {
    let site = Site::new();
    site.organization("second", false);
    site.publish_in("second", "other", "v1", Vec::new());
    site.publish("pool", "v1", vec![preset("one", 0)], true);
    let world = &site.world;
    // tess sees all templates, and is a member of the default organisation only.
    world.create("tess", "dev", "plain").expect("free");
    let chat = world.chat("tess");
    let deprecated = v1::DeprecateTemplateRequest { template: "gpu".to_owned(), message: "use plain".to_owned() };
    world.tx(|tx| template::deprecate(tx, &deprecated)).expect("it is there");
    for Case { request, code, text, field, detail } in cases(&chat) {
        let error = world.create_with("tess", &request).expect_err(text);
        let status = Status::from(error);
        assert_eq!((status.code(), status.message()), (code, text));
        let violation = field.map(|field| v1::FieldViolation {
            field: field.to_owned(),
            detail: if detail.is_empty() { text } else { detail }.to_owned(),
        });
        let expected =
            violation.map(|violation| v1::RefusalDetails { detail: String::new(), validations: vec![violation] });
        assert_eq!(v1::RefusalDetails::of(&status), expected, "{text}");
    }
    let gone = world.tx(|tx| Ok(templates::by_name(tx, "pool")?)).expect("works");
    assert!(gone.is_some(), "and a template that is there is found");
}

#[test]
fn the_field_that_was_named_first_stays() {
    let refusal = Refusal::Invalid("bad".to_owned()).about("name", "too long").about_itself("template");
    let details = refusal.details().expect("it is because of a field");
    assert_eq!((details.validations[0].field.as_str(), refusal.to_string().as_str()), ("name", "bad"));
    assert_eq!(refusal.code(), Code::InvalidArgument);
    assert_eq!(Refusal::Invalid("bad".to_owned()).details(), None);
}

#[test]
fn details_that_are_too_large_are_left_out() {
    let violation = |bytes: usize| v1::FieldViolation { field: "name".to_owned(), detail: "x".repeat(bytes) };
    let status = |bytes| {
        let details = v1::RefusalDetails { detail: String::new(), validations: vec![violation(bytes)] };
        details.status(Code::InvalidArgument, "bad")
    };
    assert!(v1::RefusalDetails::of(&status(4_000)).is_some());
    let large = status(5_000);
    assert_eq!((v1::RefusalDetails::of(&large), large.message()), (None, "bad"));
    // What no server of ours sends, and what tonic itself would not survive in gRPC's own header.
    let mut headers = http::HeaderMap::new();
    headers.insert("refusal-details-bin", http::HeaderValue::from_static("!!!"));
    let metadata = tonic::metadata::MetadataMap::from_headers(headers);
    let garbled = Status::with_metadata(Code::InvalidArgument, "bad", metadata);
    assert_eq!(v1::RefusalDetails::of(&garbled), None);
    let odd = Status::with_metadata(Code::InvalidArgument, "bad", {
        let mut metadata = tonic::metadata::MetadataMap::new();
        metadata.insert_bin("refusal-details-bin", tonic::metadata::MetadataValue::from_bytes(&[0xff; 8]));
        metadata
    });
    assert_eq!(v1::RefusalDetails::of(&odd), None, "what can't be read is passed over");
    let strange = Status::with_details(Code::InvalidArgument, "bad", vec![0xff; 8].into());
    assert_eq!(v1::RefusalDetails::of(&strange), None, "wherever it is");
}
