//! Which engines there are.

use std::{fmt, io, str::FromStr};

use groundhog_sim::{Config, Engine, simulate};

use crate::{live, turmoil};

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The simulator's own: virtual time, from event to event.
    Leap,
    /// The reference: the crate turmoil.
    Turmoil,
    /// The real thing.
    Live,
}

impl Kind {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 3] = [Self::Leap, Self::Turmoil, Self::Live];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Leap => "leap",
            Self::Turmoil => "turmoil",
            Self::Live => "live",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// There is no such engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownKind(String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no engine {:?}: expected leap, turmoil or live", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

/// Plays `story` on an engine of this kind, on a fresh thread, and returns what it returns.
///
/// Fails when the machine can't provide what a live run needs.
///
/// # Panics
///
/// When `story` panics, with its payload.
pub fn play<T: Send>(kind: Kind, config: Config, story: impl FnOnce(&mut dyn Engine) -> T + Send) -> io::Result<T> {
    match kind {
        Kind::Leap => Ok(simulate(config, |world| story(world))),
        Kind::Turmoil => Ok(turmoil::simulate(config, story)),
        Kind::Live => live::perform(config, story),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_called_by_its_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let error = "quick".parse::<Kind>().expect_err("there is none");
        assert_eq!(error.to_string(), "there is no engine \"quick\": expected leap, turmoil or live");
    }
}
