//! list_templates and read_template: what create_workspace can be told.

use groundhog_wire::{id::TemplateId, v1};

use crate::{Answer, answers, arguments::ReadTemplate, create, errand::Errand, look, refusal};

/// Carries out list_templates.
pub(crate) async fn list_templates(errand: &Errand<'_>) -> Answer {
    // Either is an answer; an error is one that ended the call early.
    list(errand).await.unwrap_or_else(|answer| answer)
}

/// Carries out read_template.
pub(crate) async fn read_template(errand: &Errand<'_>, arguments: &ReadTemplate) -> Answer {
    read(errand, arguments).await.unwrap_or_else(|answer| answer)
}

async fn list(errand: &Errand<'_>) -> Result<Answer, Answer> {
    let until = errand.decide_until();
    let chat = look::chat(errand, until).await?;
    let listed = errand.control.templates(&chat.organization, until).await;
    let listed = listed.map_err(|status| Answer::Error(refusal::read_failed("list templates", &status)))?;
    let usable = |template: &&v1::Template| {
        let id: Result<TemplateId, _> = template.template_id.parse();
        template.deprecated.is_empty() && id.is_ok_and(|id| create::check_allowed(errand, id).is_ok())
    };
    Ok(answers::templates(&listed.iter().filter(usable).collect::<Vec<_>>()))
}

async fn read(errand: &Errand<'_>, arguments: &ReadTemplate) -> Result<Answer, Answer> {
    let until = errand.decide_until();
    let id = arguments.template().map_err(|error| Answer::Error(error.to_string()))?;
    create::check_allowed(errand, id)?;
    let chat = look::chat(errand, until).await?;
    let (template, choices) = look::template(errand, &chat, id, until).await?;
    Ok(answers::template(&template, &choices))
}
