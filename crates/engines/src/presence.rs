//! Whether a host is there and up: what makes and deletes machines on one side, faults on the other.

/// What is to be done to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its software starts.
    Start,
    /// Its software ends where it is.
    Stop,
}

/// What is known of one host. The same rules as the simulator's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Presence {
    exists: bool,
    is_up: bool,
    /// How many faults keep it down.
    downs: u32,
}

impl Presence {
    /// A host that has not started. `exists`: its machine is there from the beginning.
    pub(crate) fn new(exists: bool) -> Self {
        Self { exists, is_up: false, downs: 0 }
    }

    /// Whether its machine exists.
    pub(crate) fn exists(&self) -> bool {
        self.exists
    }

    /// Whether its software runs.
    pub(crate) fn is_up(&self) -> bool {
        self.is_up
    }

    /// It starts, whatever kept it down.
    pub(crate) fn start(&mut self) -> Option<Change> {
        self.downs = 0;
        (!std::mem::replace(&mut self.is_up, true)).then_some(Change::Start)
    }

    /// A fault takes it down.
    pub(crate) fn go_down(&mut self) -> Option<Change> {
        self.downs += 1;
        std::mem::replace(&mut self.is_up, false).then_some(Change::Stop)
    }

    /// A fault that kept it down ends.
    pub(crate) fn come_back(&mut self) -> Option<Change> {
        self.downs = self.downs.saturating_sub(1);
        (self.downs == 0 && self.exists).then(|| self.start()).flatten()
    }

    /// Its machine is made.
    pub(crate) fn create(&mut self) -> Option<Change> {
        self.exists = true;
        (self.downs == 0).then(|| self.start()).flatten()
    }

    /// Its machine is deleted: whether there was one, and what is to be done.
    pub(crate) fn remove(&mut self) -> (bool, Option<Change>) {
        let existed = std::mem::replace(&mut self.exists, false);
        (existed, std::mem::replace(&mut self.is_up, false).then_some(Change::Stop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_back_when_the_last_fault_has_ended() {
        let mut host = Presence::new(true);
        assert_eq!(host.start(), Some(Change::Start));
        assert_eq!(host.start(), None);
        assert_eq!((host.go_down(), host.go_down()), (Some(Change::Stop), None));
        assert_eq!((host.come_back(), host.come_back()), (None, Some(Change::Start)));
        assert!(host.is_up());
    }

    #[test]
    fn a_machine_that_was_deleted_does_not_come_back() {
        let mut host = Presence::new(false);
        assert_eq!(host.come_back(), None);
        assert_eq!(host.create(), Some(Change::Start));
        assert_eq!(host.go_down(), Some(Change::Stop));
        assert_eq!(host.remove(), (true, None));
        assert_eq!((host.come_back(), host.exists()), (None, false));
        assert_eq!(host.remove(), (false, None));
        host.go_down();
        assert_eq!((host.create(), host.come_back()), (None, Some(Change::Start)));
    }
}
