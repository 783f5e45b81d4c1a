//! What is wrong with hosts and the paths between them, as far as the log tells, and since when it is not.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Record;
use crate::scenario::is_control;

/// The state of all hosts and paths.
#[derive(Default)]
pub(super) struct Weather {
    hosts: BTreeMap<String, Trouble>,
    /// By the two ends in the order of their names: a fault one way stops a conversation both ways.
    paths: BTreeMap<(String, String), Trouble>,
    /// The database of the control plane, without which no replica of it can do anything.
    database: Trouble,
    /// How far the worst clock was ever off its speed.
    drift_ppm_max: u32,
    /// How the control plane's wall clocks differ.
    control_clocks: Clocks,
    /// A fault of a kind that is not known here has been seen. Whom it touches and when it ends cannot be told.
    unknown_fault: bool,
}

/// How far some wall clocks are from the true time, in seconds.
#[derive(Default)]
struct Clocks {
    clocks: BTreeMap<String, Clock>,
    /// The earliest and the latest that one of them ever showed at a change, compared with the true time.
    earliest_s: f64,
    latest_s: f64,
}

#[derive(Clone, Copy, Default)]
struct Clock {
    ahead_s: f64,
    ppm: i32,
    /// When these two were so.
    at: Duration,
}

impl Clock {
    fn ahead_at(&self, now: Duration) -> f64 {
        self.ahead_s + now.saturating_sub(self.at).as_secs_f64() * f64::from(self.ppm) / 1e6
    }
}

impl Clocks {
    fn change(&mut self, host: &str, at: Duration, change: impl FnOnce(&mut Clock)) {
        let clock = self.clocks.entry(host.to_owned()).or_default();
        *clock = Clock { ahead_s: clock.ahead_at(at), ppm: clock.ppm, at };
        let before_s = clock.ahead_s;
        change(clock);
        self.earliest_s = self.earliest_s.min(before_s).min(clock.ahead_s);
        self.latest_s = self.latest_s.max(before_s).max(clock.ahead_s);
    }

    fn step(&mut self, host: &str, at: Duration, by_s: f64) {
        self.change(host, at, |clock| clock.ahead_s += by_s);
    }

    fn drift(&mut self, host: &str, at: Duration, ppm: i32) {
        self.change(host, at, |clock| clock.ppm = ppm);
    }

    fn apart(&self, now: Duration) -> Duration {
        let (mut earliest, mut latest) = (self.earliest_s, self.latest_s);
        for clock in self.clocks.values() {
            earliest = earliest.min(clock.ahead_at(now));
            latest = latest.max(clock.ahead_at(now));
        }
        Duration::try_from_secs_f64(latest - earliest).unwrap_or_default()
    }
}

/// Since when all of these are over; none while one is not.
fn well_since<'a>(mut troubles: impl Iterator<Item = &'a Trouble>) -> Option<Duration> {
    troubles.try_fold(Duration::ZERO, |since, trouble| (trouble.now == 0).then(|| since.max(trouble.until)))
}

/// What is wrong with one host or path.
#[derive(Default)]
struct Trouble {
    /// How many faults are on it.
    now: u64,
    /// When the last one began or ended, or what it left behind is over.
    until: Duration,
}

impl Trouble {
    fn begin(&mut self, at: Duration) {
        self.now += 1;
        self.until = self.until.max(at);
    }

    fn end(&mut self, at: Duration) {
        self.now = self.now.saturating_sub(1);
        self.until = self.until.max(at);
    }

    fn happen(&mut self, until: Duration) {
        self.until = self.until.max(until);
    }
}

impl Weather {
    pub(super) fn observe(&mut self, record: &Record) {
        let at = record.at;
        match record.event.as_str() {
            "fault.cut" | "fault.held" | "fault.slowed" | "fault.lossy" => {
                if let Some(path) = self.path(record) {
                    path.begin(at);
                }
            }
            "fault.cut_healed" | "fault.released" | "fault.slow_healed" | "fault.lossy_healed" => {
                if let Some(path) = self.path(record) {
                    path.end(at);
                }
            }
            "fault.reset" => {
                if let Some(path) = self.path(record) {
                    path.happen(at);
                }
            }
            "fault.clock_stepped" => {
                // Until a clock that was set back shows again what it showed, what it stamped lies in its future.
                let by = record.field("by").and_then(|by| by.parse::<f64>().ok()).unwrap_or_default();
                let back = Duration::try_from_secs_f64(-by).unwrap_or_default();
                if let Some(host) = record.field("host").filter(|host| is_control(host)) {
                    self.control_clocks.step(host, at, by);
                }
                if let Some(host) = self.host(record) {
                    host.happen(at.saturating_add(back));
                }
            }
            "fault.clock_drifts" => {
                let ppm = record.field("ppm").and_then(|ppm| ppm.parse::<i32>().ok()).unwrap_or_default();
                self.drift_ppm_max = self.drift_ppm_max.max(ppm.unsigned_abs());
                if let Some(host) = record.field("host").filter(|host| is_control(host)) {
                    self.control_clocks.drift(host, at, ppm);
                }
                if let Some(host) = self.host(record) {
                    host.happen(at);
                }
            }
            // A host that is down or suspended is so once, however many faults keep it there, and it is one
            // record that says that it is back.
            "host.killed" | "host.power_lost" | "host.removed" | "host.suspended" => {
                if let Some(host) = self.host(record) {
                    host.now = 0;
                    host.begin(at);
                }
            }
            "host.started" | "host.resumed" => {
                if let Some(host) = self.host(record) {
                    host.end(at);
                }
            }
            "control.stopped" => self.host_named(&record.host).begin(at),
            "control.started" => {
                let control = self.host_named(&record.host);
                control.now = 0;
                control.happen(at);
            }
            // A daemon that has ended takes its runners with it.
            "daemon.stopped" => self.host_named(&record.host).happen(at),
            "fault.outage" => self.database.begin(at),
            "fault.outage_healed" => self.database.end(at),
            event if event.starts_with("fault.") => self.unknown_fault = true,
            _ => {}
        }
    }

    fn path(&mut self, record: &Record) -> Option<&mut Trouble> {
        let (from, to) = (record.field("from")?, record.field("to")?);
        Some(self.paths.entry(ends(from, to)).or_default())
    }

    fn host(&mut self, record: &Record) -> Option<&mut Trouble> {
        Some(self.host_named(record.field("host")?))
    }

    fn host_named(&mut self, name: &str) -> &mut Trouble {
        self.hosts.entry(name.to_owned()).or_default()
    }

    /// Whether a bound on what began at `since` is over: it counts anew from when all was well, and is not over while
    /// something is not.
    pub(super) fn has_passed(
        &self,
        bound: Duration,
        since: Duration,
        well_since: Option<Duration>,
        now: Duration,
    ) -> bool {
        well_since.is_some_and(|well_since| well_since.max(since).saturating_add(self.stretched(bound)) < now)
    }

    /// Since when a host has been well; none while it is not. The control plane's are not without their database.
    pub(super) fn host_well_since(&self, host: &str) -> Option<Duration> {
        if self.unknown_fault {
            return None;
        }
        let database = is_control(host).then_some(&self.database);
        well_since(self.hosts.get(host).into_iter().chain(database))
    }

    /// Since when the control plane has been well; none while it is not. All of its replicas have to be: which one
    /// does what is not always told.
    pub(super) fn control_well_since(&self) -> Option<Duration> {
        if self.unknown_fault {
            return None;
        }
        let replicas = self.hosts.iter().filter(|(host, _)| is_control(host)).map(|(_, trouble)| trouble);
        well_since(replicas.chain([&self.database]))
    }

    /// Since when a host and the control plane have been well and able to talk to each other, whichever replica it
    /// turns to; none while they are not.
    pub(super) fn well_with_control_since(&self, host: &str) -> Option<Duration> {
        let is_between =
            |(one, other): &(String, String)| (one == host && is_control(other)) || (other == host && is_control(one));
        let paths = self.paths.iter().filter(|(ends, _)| is_between(ends)).map(|(_, trouble)| trouble);
        Some(well_since(paths)?.max(self.host_well_since(host)?).max(self.control_well_since()?))
    }

    /// How far the wall clocks of the control plane's replicas have ever been apart, at most. What one of them has
    /// stamped may lie so far ahead of another's present, or behind it.
    pub(super) fn control_clocks_apart(&self, now: Duration) -> Duration {
        self.control_clocks.apart(now)
    }

    /// How long a span is at most that some host measures by its own clock.
    pub(super) fn stretched(&self, span: Duration) -> Duration {
        // A clock that loses p parts takes 1 / (1 - p) of the time, which is below 1 + 2p for every p that there is.
        let extra = span.as_micros() * u128::from(self.drift_ppm_max) * 2 / 1_000_000;
        span.saturating_add(Duration::from_micros(u64::try_from(extra).unwrap_or(u64::MAX)))
    }
}

fn ends(one: &str, other: &str) -> (String, String) {
    if one < other { (one.to_owned(), other.to_owned()) } else { (other.to_owned(), one.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Log, secs};

    fn after(log: Log) -> Weather {
        let mut weather = Weather::default();
        log.records.iter().for_each(|record| weather.observe(record));
        weather
    }

    #[test]
    fn a_path_is_well_when_its_last_fault_has_healed() {
        let path = [("from", "prov-1"), ("to", "control")];
        let log = Log::new().add(10, "-", "fault.cut", &path).add(20, "-", "fault.cut", &path);
        let log = log.add(30, "-", "fault.cut_healed", &path);
        assert_eq!(after(log).well_with_control_since("prov-1"), None);
        let log = Log::new().add(10, "-", "fault.lossy", &path).add(30, "-", "fault.lossy_healed", &path);
        let weather = after(log.add(31, "-", "fault.reset", &path));
        assert_eq!(weather.well_with_control_since("prov-1"), Some(secs(31)));
        assert_eq!(weather.well_with_control_since("prov-2"), Some(Duration::ZERO), "it is another path");
        assert_eq!(weather.host_well_since("control"), Some(Duration::ZERO), "a path's fault is not the host's");
    }

    #[test]
    fn a_host_that_was_killed_while_suspended_is_back_at_its_start() {
        let host = [("host", "control")];
        let log = Log::new().add(10, "-", "host.suspended", &host).add(20, "-", "host.killed", &host);
        assert_eq!(after(log).host_well_since("control"), None);
        let log = Log::new().add(10, "-", "host.suspended", &host).add(20, "-", "host.killed", &host);
        assert_eq!(after(log.add(30, "-", "host.started", &host)).host_well_since("control"), Some(secs(30)));
    }

    #[test]
    fn a_clock_set_back_counts_until_it_has_caught_up() {
        let stepped = |by| Log::new().add(10, "-", "fault.clock_stepped", &[("host", "control"), ("by", by)]);
        assert_eq!(after(stepped("-300")).host_well_since("control"), Some(secs(310)));
        assert_eq!(after(stepped("300")).host_well_since("control"), Some(secs(10)));
    }

    #[test]
    fn every_replica_of_the_control_plane_counts() {
        let host = [("host", "control-2")];
        let killed = || Log::new().add(10, "-", "host.killed", &host);
        assert_eq!(after(killed()).control_well_since(), None);
        assert_eq!(after(killed()).well_with_control_since("prov-1"), None);
        let back = || killed().add(30, "-", "host.started", &host);
        assert_eq!(after(back()).control_well_since(), Some(secs(30)));
        let cut = back().add(40, "-", "fault.reset", &[("from", "control-2"), ("to", "prov-1")]);
        let weather = after(cut);
        assert_eq!(weather.well_with_control_since("prov-1"), Some(secs(40)));
        assert_eq!(weather.well_with_control_since("prov-2"), Some(secs(30)));
        let stopped = Log::new().add(10, "control-2", "control.stopped", &[]);
        assert_eq!(after(stopped).control_well_since(), None);
    }

    #[test]
    fn the_control_plane_is_not_well_without_its_database() {
        let database = [("what", "database")];
        let away = || Log::new().add(10, "-", "fault.outage", &database).add(15, "-", "fault.outage", &database);
        let still_away = || away().add(20, "-", "fault.outage_healed", &database);
        assert_eq!(after(still_away()).control_well_since(), None, "the other fault keeps it away");
        assert_eq!(after(still_away()).host_well_since("control-2"), None);
        let weather = after(still_away().add(30, "-", "fault.outage_healed", &database));
        assert_eq!(weather.control_well_since(), Some(secs(30)));
        assert_eq!(weather.well_with_control_since("prov-1"), Some(secs(30)));
        assert_eq!(weather.host_well_since("prov-1"), Some(Duration::ZERO), "it has no database");
    }

    #[test]
    fn clocks_that_were_once_apart_count_for_ever() {
        let step = |host, by| [("host", host), ("by", by)];
        let log = Log::new().add(10, "-", "fault.clock_stepped", &step("control", "300"));
        let log = log.add(20, "-", "fault.clock_stepped", &step("control", "-300"));
        let log = log.add(30, "-", "fault.clock_stepped", &step("control-2", "-60"));
        let log = log.add(30, "-", "fault.clock_stepped", &step("prov-1", "-9000"));
        assert_eq!(after(log).control_clocks_apart(secs(40)), secs(360));
        let drift = Log::new().add(10, "-", "fault.clock_drifts", &[("host", "control-2"), ("ppm", "100000")]);
        assert_eq!(after(drift).control_clocks_apart(secs(110)), secs(10));
    }

    #[test]
    fn a_slow_clock_stretches_every_span() {
        let log = Log::new().add(10, "-", "fault.clock_drifts", &[("host", "prov-1"), ("ppm", "-100000")]);
        assert_eq!(after(log).stretched(secs(100)), secs(120));
    }

    #[test]
    fn every_fault_of_the_simulator_is_known() {
        for spec in groundhog_sim::FAULT_EVENTS {
            let fields: Vec<_> = spec.fields.iter().map(|field| (field.name, "1")).collect();
            let weather = after(Log::new().add(10, "-", spec.name, &fields));
            assert!(!weather.unknown_fault, "{}", spec.name);
            let on_the_database = usize::from(spec.name.starts_with("fault.outage"));
            assert!(weather.hosts.len() + weather.paths.len() + on_the_database == 1, "{}", spec.name);
        }
    }

    #[test]
    fn an_unknown_fault_makes_no_promise() {
        let log = Log::new().add(10, "-", "fault.earthquake", &[]);
        assert_eq!(after(log).host_well_since("control"), None);
    }
}
