//! An assistant's host with a toolbox, a control plane, agents that can be dialled or not, and what happens to them.

mod control;
mod play;
mod services;
mod state;

pub(crate) use self::{
    control::{Control, TOKEN},
    play::{FAILS_TWICE, Manner, Play, create_arguments, fields, play, play_seeded},
    state::{AgentPlan, Plan, chat_id, id, refusal, template_id},
};
