//! What a phase reports at its end.

use std::collections::BTreeMap;

use groundhog_wire::v1::{Resource, Timing, Transition};

use super::{
    agent, machines,
    script::{Misbehaviour, Phase, Script},
};
use crate::session::{Applied, Parsed, Planned, Response};

/// The phases of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Parse,
    Plan(Transition),
    Apply(Transition),
}

/// How a phase came out.
#[derive(Clone, Debug, Default)]
pub(super) struct Ended {
    pub(super) error: Option<String>,
    pub(super) started_at_ms: i64,
    pub(super) ended_at_ms: i64,
    /// What an apply leaves for the next build, if that is not what the script says: its agents' part of it too.
    pub(super) state: Option<machines::State>,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Parse => "parse",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
        }
    }

    pub(super) fn phase(self, script: &Script) -> &Phase {
        match self {
            Self::Parse => &script.parse,
            Self::Plan(transition) => script.plan_of(transition),
            Self::Apply(transition) => script.apply_of(transition),
        }
    }

    /// The part whose kind of answer a phase gives that answers wrongly.
    fn mistaken(self) -> Self {
        match self {
            Self::Plan(transition) => Self::Apply(transition),
            Self::Parse => Self::Plan(Transition::Start),
            Self::Apply(transition) => Self::Plan(transition),
        }
    }

    /// What this part answers. `planned`: what the last plan has reported.
    pub(super) fn answer(self, script: &Script, ended: Ended, planned: &[Resource]) -> Response {
        let phase = self.phase(script);
        let error = ended.error.clone();
        let timing = Timing {
            stage: self.name().to_owned(),
            resource: String::new(),
            action: String::new(),
            started_at_ms: ended.started_at_ms,
            ended_at_ms: ended.ended_at_ms,
        };
        let timings = vec![timing];
        match self {
            Self::Parse if error.is_some() => Response::Parsed(Parsed { error, ..Parsed::default() }),
            Self::Parse => Response::Parsed(Parsed { error, declarations: script.declarations() }),
            Self::Plan(_) if error.is_some() => Response::Planned(Planned { error, timings, ..Planned::default() }),
            Self::Plan(transition) => Response::Planned(Planned {
                error,
                resources: planned_resources(script, transition),
                parameters: script.parameters.iter().map(Into::into).collect(),
                presets: script.presets.iter().map(Into::into).collect(),
                external_auth_providers: script.external_auth.iter().map(Into::into).collect(),
                replacements: phase.replacements.iter().map(Into::into).collect(),
                timings,
            }),
            Self::Apply(transition) => {
                let left = phase.state.as_ref().map(|state| state.clone().into_bytes());
                let left = ended.state.as_ref().map_or(left, |state| Some(state.write()));
                let (state, mut resources) = match (&error, transition) {
                    (None, Transition::Destroy) => (Some(Vec::new()), Vec::new()),
                    (None, _) if phase.resources.is_empty() => (left, planned.to_vec()),
                    _ => (left, resources(phase)),
                };
                if error.is_none() && transition == Transition::Start {
                    add_agents(script, &ended.state.unwrap_or_default().tokens, &mut resources);
                }
                Response::Applied(Applied { error, state, resources, timings })
            }
        }
    }

    /// What this part answers in the way in which it misbehaves; none if it ends the session instead.
    pub(super) fn given(self, script: &Script, ended: Ended, planned: &[Resource]) -> Option<Response> {
        match self.phase(script).misbehaves {
            Some(Misbehaviour::Closes) => None,
            Some(Misbehaviour::WrongAnswer) => Some(self.mistaken().answer(script, ended, planned)),
            Some(Misbehaviour::AnswersTwice | Misbehaviour::AnswersEarly) | None => {
                Some(self.answer(script, ended, planned))
            }
        }
    }
}

/// What a plan says would exist.
pub(super) fn planned_resources(script: &Script, transition: Transition) -> Vec<Resource> {
    match transition {
        Transition::Destroy => Vec::new(),
        Transition::Stop => resources(script.plan_of(transition)),
        Transition::Start | Transition::Unspecified => {
            let mut planned = resources(script.plan_of(transition));
            add_agents(script, &BTreeMap::new(), &mut planned);
            planned
        }
    }
}

/// Adds the script's agents to the first of `resources`, or to one that is made up for them.
fn add_agents(script: &Script, tokens: &BTreeMap<String, String>, resources: &mut Vec<Resource>) {
    if script.agents.is_empty() {
        return;
    }
    if resources.is_empty() {
        resources.push(Resource { name: "workspace".to_owned(), r#type: "vm".to_owned(), ..Resource::default() });
    }
    resources[0].agents = agent::reported(&script.agents, tokens);
}

fn resources(phase: &Phase) -> Vec<Resource> {
    phase.resources.iter().map(Resource::from).collect()
}
