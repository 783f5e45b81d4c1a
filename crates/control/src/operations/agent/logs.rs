//! An agent's log lines are kept, each number of a source and process once (A8).

use groundhog_host::event::Id;
use groundhog_wire::v1;
use uuid::Uuid;

use crate::{
    config::LogConfig,
    events,
    log_limit::Admission,
    refusal::{CallError, Refusal},
    store::{
        Tx,
        agent_logs::{self, Counter},
        agents::Agent,
        logs::SEQUENCE_MAX,
        notices::Notice,
    },
};

/// Counters that are kept of an agent: its sources, times the starts of its process. Beyond them nothing more is kept,
/// as beyond any other limit of its logs.
const COUNTERS_MAX: u32 = 10_000;

/// How much output one page carries, in bytes, its first line aside: as with builds' logs.
const PAGE_BYTES_MAX: usize = groundhog_wire::MESSAGE_BYTES_MAX / 2;

/// Stores the lines of a report whose numbers come after the last one that is there, until the limit is met. The answer
/// says whether it has been, be it by this report or an earlier one: then the agent need send no more.
///
/// An agent sends one report of a source at a time and repeats it until it is answered. So a number that is not above
/// the last one was told twice, and one that skips some is a loss of the agent's, which a refusal would not mend.
pub fn store(
    tx: &Tx<'_>,
    agent: &Agent,
    request: v1::CreateLogsRequest,
    limits: &LogConfig,
) -> Result<v1::CreateLogsResponse, CallError> {
    let counter = Counter { source: id("source", &request.source_id)?, process: id("process", &request.process_id)? };
    check_lines(&request.lines)?;
    let mut log_use = agent.log_use;
    if log_use.overflowed {
        return Ok(v1::CreateLogsResponse { limit_exceeded: true });
    }
    let known = agent_logs::last(tx, agent.number, counter)?;
    log_use.overflowed = known.is_none() && agent_logs::counters(tx, agent.number)? >= COUNTERS_MAX;
    let mut stored = Vec::new();
    for line in request.lines.into_iter().filter(|line| line.sequence > known.unwrap_or(0)) {
        match log_use.admit(line.output.len() as u64, limits) {
            Admission::Store => stored.push(v1::StoredAgentLogLine {
                id: log_use.lines,
                source_id: counter.source.to_string(),
                line: Some(line),
            }),
            Admission::Overflow | Admission::Drop => break,
        }
    }
    let numbers = |line: &v1::StoredAgentLogLine| line.line.as_ref().map_or(0, |line| line.sequence);
    if let (Some(first), Some(last)) = (stored.first().map(numbers), stored.last().map(numbers)) {
        let (id, lines) = (agent.id, stored.len() as u64);
        agent_logs::insert(tx, agent.number, counter, last, &v1::ListAgentLogsResponse { lines: stored })?;
        let Counter { source, process } = counter;
        tx.after_commit(move || {
            let process = Id { kind: "process", uuid: process };
            events::agent_logs_stored(id.event(), process, &source.to_string(), first, last, lines);
        });
        tx.notify(Notice::AgentLogs { agent: id });
    }
    if log_use != agent.log_use {
        agent_logs::set_use(tx, agent.number, log_use)?;
    }
    if log_use.overflowed {
        let id = agent.id.event();
        tx.after_commit(move || events::agent_logs_overflowed(id));
    }
    Ok(v1::CreateLogsResponse { limit_exceeded: log_use.overflowed })
}

/// The lines of an agent's logs after the one with the id `after_id`, in the order in which they were stored: at most a
/// page, and none only if there are none.
pub fn page(
    tx: &Tx<'_>,
    agent: i64,
    after_id: u64,
    limits: &LogConfig,
) -> Result<v1::ListAgentLogsResponse, CallError> {
    let mut lines = Vec::new();
    let mut bytes = 0_usize;
    let stored = agent_logs::after(tx, agent, after_id)?;
    for line in stored.into_iter().flat_map(|report| report.lines).filter(|line| line.id > after_id) {
        bytes = bytes.saturating_add(line.line.as_ref().map_or(0, |line| line.output.len()));
        if !lines.is_empty() && (bytes > PAGE_BYTES_MAX || lines.len() >= limits.page_lines_max as usize) {
            break;
        }
        lines.push(line);
    }
    Ok(v1::ListAgentLogsResponse { lines })
}

fn check_lines(lines: &[v1::AgentLogLine]) -> Result<(), Refusal> {
    let mut last = 0;
    for line in lines {
        let number = line.sequence;
        if !(1..=SEQUENCE_MAX).contains(&number) || number <= last {
            let text =
                format!("log line number {number} after {last}: expected growing ones, from 1 to {SEQUENCE_MAX}");
            return Err(Refusal::Invalid(text));
        }
        if line.output.contains('\0') {
            // Not every database keeps one in a text.
            return Err(Refusal::Invalid(format!("log line number {number} has a NUL in it: replace it")));
        }
        last = number;
    }
    Ok(())
}

fn id(what: &str, text: &str) -> Result<Uuid, Refusal> {
    Uuid::parse_str(text).map_err(|_| Refusal::Invalid(format!("the log's {what} id is not one: expected a UUID")))
}
