//! The book that every engine keeps of a run: what happened, and what of it must not.
//!
//! Whatever an engine simulates, and whether it simulates at all, components speak in the same way, ids get their
//! readable names in the same way, and the same checks look on. So that part is not an engine's but is handed to it: an
//! engine opens a [`Journal`] on the thread of its run and says, as a [`Narrator`], what time it is and whose code runs.

use std::{cell::RefCell, fmt, rc::Rc, time::Duration};

use tracing_subscriber::layer::SubscriberExt;

use crate::{
    log::{
        Log, Loudness, Record, WORLD,
        layer::{self, EventLayer},
    },
    panics,
    trace::Digest,
    violation::{Violation, Violations},
};

/// What only the engine of a run can say.
pub trait Narrator: 'static {
    /// Time since the run began.
    fn now(&self) -> Duration;

    /// The host whose code runs on this thread at the moment; none for the world's own.
    fn host(&self) -> Option<String>;

    /// The record `ordinal` was made, whose text is `line`.
    fn noted(&self, ordinal: u64, line: &str) {
        let _ = (ordinal, line);
    }
}

/// What happened in a run.
pub struct Journal {
    log: Log,
    violations: Violations,
    narrator: Box<dyn Narrator>,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Journal>>> = const { RefCell::new(None) };
}

/// Calls `f` with the journal of the run on this thread. None if there is no run.
pub(crate) fn with<T>(f: impl FnOnce(&Journal) -> T) -> Option<T> {
    // Out of the cell first: what is written down may be seen by an observer that speaks itself.
    Journal::current().map(|journal| f(&journal))
}

/// Keeps a journal open. What components tell on this thread goes into it until this is dropped.
pub struct OpenJournal {
    journal: Rc<Journal>,
    _subscriber: tracing::subscriber::DefaultGuard,
}

impl OpenJournal {
    /// The journal, to be kept by parts of the engine.
    pub fn share(&self) -> Rc<Journal> {
        self.journal.clone()
    }
}

impl std::ops::Deref for OpenJournal {
    type Target = Journal;

    fn deref(&self) -> &Journal {
        &self.journal
    }
}

impl Drop for OpenJournal {
    fn drop(&mut self) {
        let journal = CURRENT.with(|current| current.borrow_mut().take());
        drop(journal);
    }
}

impl Journal {
    /// The journal of the run on this thread.
    pub fn current() -> Option<Rc<Self>> {
        // A thread that is being torn down has no run any more.
        CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
    }

    /// Opens the journal of a run on this thread.
    ///
    /// # Panics
    ///
    /// When a run goes on on this thread already.
    pub fn open(narrator: impl Narrator) -> OpenJournal {
        panics::install_hook();
        // Before the run begins, because making a subscriber is the process's business, not the run's.
        layer::be_asked();
        let subscriber = tracing::subscriber::set_default(tracing_subscriber::registry().with(EventLayer));
        let journal =
            Rc::new(Self { log: Log::new(), violations: Violations::default(), narrator: Box::new(narrator) });
        CURRENT.with(|current| {
            let mut current = current.borrow_mut();
            assert!(current.is_none(), "a run goes on on this thread already: end it before another begins");
            *current = Some(journal.clone());
        });
        OpenJournal { journal, _subscriber: subscriber }
    }

    /// Adds something that the world did.
    pub fn world(&self, event: &str, fields: Vec<(&'static str, String)>) {
        self.add(WORLD.to_owned(), Loudness::Logged, event.to_owned(), fields);
    }

    /// Adds what the code that runs at the moment tells.
    pub(crate) fn told(&self, loudness: Loudness, event: &str, fields: Vec<(&'static str, String)>) {
        let host = self.narrator.host().unwrap_or_else(|| WORLD.to_owned());
        self.add(host, loudness, event.to_owned(), fields);
    }

    fn add(&self, host: String, loudness: Loudness, event: String, fields: Vec<(&'static str, String)>) {
        self.log.add(&*self.narrator, &self.violations, host, loudness, event, fields);
    }

    /// Whether code of a host runs on this thread at the moment.
    pub(crate) fn runs_a_host(&self) -> bool {
        self.narrator.host().is_some()
    }

    /// Notes that `rule` was broken, at the record that was made last.
    pub fn violate(&self, rule: &str, message: String) {
        let record = (self.log.len() as u64).checked_sub(1);
        self.violations.add(Violation { rule: rule.to_owned(), message, at: self.narrator.now(), record });
    }

    /// Notes that the task `task` of `host`, spawned at `site`, panicked on this thread a moment ago.
    pub fn task_panicked(&self, host: &str, task: &str, site: &std::panic::Location<'_>) {
        let (file, line, said) = (site.file(), site.line(), panics::take_last());
        self.violate(
            "task-panicked",
            format!("task {task:?} of host {host}, spawned at {file}:{line}, panicked {said}"),
        );
    }

    /// Shows every record to `check` as it is made, quiet ones too. What it returns makes the run fail.
    pub fn observe(&self, check: impl FnMut(&Record) -> Option<Violation> + 'static) {
        self.log.observe(Box::new(check));
    }

    /// An error-level event that contains `part` does not make the run fail.
    pub fn expect_error(&self, part: impl Into<String>) {
        self.log.expect_error(part.into());
    }

    /// The id that records call `name`, such as `job#1`, in its usual form of 36 characters; none if nothing is called so
    /// yet. It is how a story that goes by the log can talk about something to whoever knows it by its id.
    pub fn id(&self, name: &str) -> Option<String> {
        self.log.id(name)
    }

    /// All records so far, quiet ones too.
    pub fn records(&self) -> Vec<Record> {
        self.log.records()
    }

    /// The same at the end of a run, without a second copy of what may be millions: the journal has none of them any
    /// more.
    pub fn take_records(&self) -> Vec<Record> {
        self.log.take_records()
    }

    /// What has gone wrong so far.
    pub fn violations(&self) -> Vec<Violation> {
        self.violations.all()
    }

    /// Whether anything has gone wrong so far.
    pub fn failed(&self) -> bool {
        self.violations.any()
    }

    /// The digest of the log's text: equal for equal logs.
    pub fn digest(&self) -> Digest {
        self.log.digest()
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("records", &self.log.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.journal.fmt(f)
    }
}
