//! People's chats with assistants, and the workspace that each of them has.

mod interleavings;
mod life;
mod making;
mod race;
mod refusals;
mod rules;
mod views;
