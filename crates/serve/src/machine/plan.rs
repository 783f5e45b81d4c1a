//! What is to be done so that there is the machine that is wanted: a pure function of what is there.

use groundhog_wire::Secret;

use super::{folder::Folder, name::MachineName};

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub enum Wanted<'a> {
    /// A machine whose agent has a token, and that is called so.
    Machine {
        /// Its name.
        name: &'a MachineName,
        /// The token.
        token: &'a Secret,
    },
    /// No machine that is called so.
    None {
        /// The name.
        name: &'a MachineName,
    },
}

impl Wanted<'_> {
    /// The name that it is about.
    pub(super) fn name(&self) -> &MachineName {
        match self {
            Self::Machine { name, .. } | Self::None { name } => name,
        }
    }
}

/// What is to be done next. A number is of one of the machines that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// All is as it is wanted.
    Nothing,
    /// It is noted of the machine that it goes, so that nobody starts it any more.
    Dismiss(usize),
    /// The machine's agent is ended, and its folder deleted.
    End(usize),
    /// The machine gets the wanted name.
    Rename(usize),
    /// The folder of a machine is made, without an agent.
    Make,
    /// The machine's agent is started.
    Start(usize),
}

/// What is to be done next, where these machines are there.
pub fn next_step(there: &[Folder], wanted: &Wanted<'_>) -> Step {
    let name = wanted.name();
    let token = match wanted {
        Wanted::Machine { token, .. } => Some(*token),
        Wanted::None { .. } => None,
    };
    let is_wanted = |folder: &Folder| !folder.dismissed && token.is_some_and(|token| folder.token == *token);
    let position = |test: &dyn Fn(&Folder) -> bool| there.iter().position(test);
    // First what is in the way: a machine is made anew, not beside the one before.
    if let Some(number) = position(&|folder| folder.name == *name && !folder.dismissed && !is_wanted(folder)) {
        return Step::Dismiss(number);
    }
    if let Some(number) = position(&|folder| folder.name == *name && folder.dismissed) {
        return Step::End(number);
    }
    if token.is_none() {
        return Step::Nothing;
    }
    match position(&is_wanted) {
        None => Step::Make,
        Some(number) if there[number].name != *name => Step::Rename(number),
        Some(number) if !there[number].running => Step::Start(number),
        Some(_) => Step::Nothing,
    }
}
