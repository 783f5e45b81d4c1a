//! What templates say to the scripted provisioner.

use std::num::NonZeroU32;
use std::time::Duration;

use groundhog_provisioner::scripted::{self, Script};
use groundhog_wire::v1;

use crate::scenario::{
    self, Agent, AgentApp, AgentMetadata, AgentScript, ExternalAuth, Misbehaviour, Parameter, Phases, Preset,
    Replacement, Schedule, Template, Variable,
};

/// A template's behaviour as the scripted provisioner reads it.
pub(super) fn script(template: &Template) -> Script {
    Script {
        parse: phase(&template.parse),
        plan: phase(&template.plan),
        apply: phase(&template.apply),
        stop: template.stop.as_ref().map(phases),
        destroy: template.destroy.as_ref().map(phases),
        variables: template.variables.iter().map(variable).collect(),
        readme: template.readme.clone(),
        parameters: template.parameters.iter().map(parameter).collect(),
        presets: template.presets.iter().map(preset).collect(),
        external_auth: template.external_auth.iter().map(service).collect(),
        agents: template.agents.iter().map(agent).collect(),
        // What builds ask of a daemon is said where the version is made.
        ..Script::default()
    }
}

fn phases(phases: &Phases) -> scripted::Phases {
    scripted::Phases { plan: phase(&phases.plan), apply: phase(&phases.apply) }
}

fn variable(variable: &Variable) -> scripted::Variable {
    scripted::Variable {
        name: variable.name.clone(),
        kind: variable.kind.clone(),
        default: variable.default.clone(),
        required: variable.required,
        sensitive: variable.sensitive,
    }
}

fn parameter(parameter: &Parameter) -> scripted::Parameter {
    scripted::Parameter {
        name: parameter.name.clone(),
        kind: parameter.kind.clone(),
        form_type: parameter.form_type.clone(),
        default: parameter.default.clone(),
        required: parameter.required,
        mutable: parameter.mutable,
    }
}

fn preset(preset: &Preset) -> scripted::Preset {
    let schedule = |one: &Schedule| scripted::Schedule { cron: one.cron.clone(), instances: credits(one.instances) };
    scripted::Preset {
        name: preset.name.clone(),
        parameters: preset.parameters.clone(),
        default: preset.default,
        prebuilds: preset.prebuilds.as_ref().map(|ahead| scripted::Prebuilds {
            instances: credits(ahead.instances),
            expires_after_s: ahead.expires_after.map_or(0, |after| i32::try_from(after.as_secs()).unwrap_or(i32::MAX)),
            timezone: ahead.timezone.clone(),
            schedules: ahead.schedules.iter().map(schedule).collect(),
        }),
    }
}

/// What an import of the template would find of presets.
pub(super) fn presets(template: &Template) -> Vec<v1::Preset> {
    template.presets.iter().map(|one| v1::Preset::from(&preset(one))).collect()
}

fn service(service: &ExternalAuth) -> scripted::ExternalAuth {
    scripted::ExternalAuth { id: service.id.clone(), optional: service.optional }
}

fn agent(agent: &Agent) -> scripted::Agent {
    scripted::Agent {
        name: agent.name.clone(),
        count: agent.count.and_then(NonZeroU32::new),
        renews_token: !agent.keeps_token,
        directory: agent.directory.clone(),
        environment: agent.environment.clone(),
        scripts: agent.scripts.iter().map(agent_script).collect(),
        metadata: agent.metadata.iter().map(metadata).collect(),
        apps: agent.apps.iter().map(app).collect(),
        connection_timeout_s: agent.connection_timeout.map_or(0, seconds),
        display_order: agent.display_order,
        external: agent.external,
    }
}

fn agent_script(script: &AgentScript) -> scripted::AgentScript {
    scripted::AgentScript {
        name: script.name.clone(),
        script: script.runs.clone(),
        run_on_start: script.on_start,
        run_on_stop: script.on_stop,
        cron: script.cron.clone().unwrap_or_default(),
        timeout_ms: script.timeout.map_or(0, |timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
        after: script.after.clone(),
        after_completion: script.after_completion.clone(),
    }
}

fn metadata(metadata: &AgentMetadata) -> scripted::Metadata {
    scripted::Metadata {
        key: metadata.key.clone(),
        script: metadata.runs.clone(),
        interval_s: seconds(metadata.interval),
        timeout_s: metadata.timeout.map_or(0, seconds),
    }
}

fn app(app: &AgentApp) -> scripted::App {
    scripted::App {
        slug: app.slug.clone(),
        url: format!("http://localhost:{}/", app.port),
        check_interval_s: app.interval.map_or(0, seconds),
        check_threshold: app.threshold,
    }
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// What the protocol carries; the check of a file allows no more.
fn credits(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn phase(phase: &scenario::Phase) -> scripted::Phase {
    let resource = scripted::Resource {
        name: "workspace".to_owned(),
        kind: "vm".to_owned(),
        daily_cost: credits(phase.daily_cost),
    };
    scripted::Phase {
        takes_ms: millis(phase.takes),
        on_cancel: match phase.on_cancel {
            scenario::OnCancel::Obey { takes } => scripted::OnCancel::Obey { after_ms: millis(takes) },
            scenario::OnCancel::Ignore => scripted::OnCancel::Ignore,
        },
        logs: phase.logs.as_ref().map(logs),
        fails: phase.fails.clone(),
        hangs: phase.hangs,
        resources: if phase.daily_cost > 0 { vec![resource] } else { Vec::new() },
        state: phase.state.clone(),
        finds: phase.finds.clone(),
        replacements: phase.replacements.iter().map(replacement).collect(),
        misbehaves: phase.misbehaves.map(|misbehaves| match misbehaves {
            Misbehaviour::Closes => scripted::Misbehaviour::Closes,
            Misbehaviour::WrongAnswer => scripted::Misbehaviour::WrongAnswer,
            Misbehaviour::AnswersTwice => scripted::Misbehaviour::AnswersTwice,
            Misbehaviour::AnswersEarly => scripted::Misbehaviour::AnswersEarly,
        }),
    }
}

fn replacement(replacement: &Replacement) -> scripted::Replacement {
    scripted::Replacement { resource: replacement.resource.clone(), paths: replacement.paths.clone() }
}

fn logs(logs: &scenario::Logs) -> scripted::Logs {
    scripted::Logs {
        every_ms: millis(logs.every).try_into().unwrap_or(std::num::NonZeroU64::MIN),
        line: logs.line.clone(),
        level: match logs.level {
            scenario::LogLevel::Trace => scripted::LogLevel::Trace,
            scenario::LogLevel::Debug => scripted::LogLevel::Debug,
            scenario::LogLevel::Info => scripted::LogLevel::Info,
            scenario::LogLevel::Warn => scripted::LogLevel::Warn,
            scenario::LogLevel::Error => scripted::LogLevel::Error,
        },
        count: logs.count,
    }
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
