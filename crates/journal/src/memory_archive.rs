//! Reading a journal in memory.

use std::collections::BTreeMap;
use std::future::ready;

use exuvia_tool::{BoxFuture, Cost};

use crate::archive::{ACTION_PREFIX, MAX_SUMMARY_TOOLS, NOT_FAILED, RecordKind};
use crate::index::AWAITING;
use crate::{Archive, Entry, Event, Filter, JournalError, MemoryJournal, Object, Record, Stamped, Summary};

impl Archive for MemoryJournal {
    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>, JournalError>> {
        let own = self.entries().into_iter().filter(|stamped| id_of(&stamped.entry) == id).collect();
        Box::pin(ready(Ok(Record::of(own))))
    }

    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>> {
        let mut records: BTreeMap<String, Vec<Stamped>> = BTreeMap::new();
        for stamped in self.entries() {
            records.entry(id_of(&stamped.entry).to_owned()).or_default().push(stamped);
        }
        let fitting = records.into_values().filter(|entries| fits(entries, filter)).filter_map(Record::of);
        let mut summaries: Vec<Summary> = fitting.filter_map(|record| summary(&record)).collect();
        summaries.retain(|summary| summary_fits(summary, filter));
        summaries.sort_by_key(|summary| std::cmp::Reverse(summary.first));
        if filter.limit > 0 {
            summaries.truncate(filter.limit);
        }
        Box::pin(ready(Ok(summaries)))
    }

    fn object<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>> {
        Box::pin(ready(Ok(None)))
    }
}

fn id_of(entry: &Entry) -> &str {
    let run = entry.origin.run().map(exuvia_tool::RunId::as_str);
    run.or_else(|| entry.origin.direct().map(exuvia_tool::DirectCallId::as_str)).unwrap_or_default()
}

/// Whether one call is of the server and of the tool that are asked for.
fn fits(entries: &[Stamped], filter: &Filter) -> bool {
    let is_wanted = |event: &Event| match event {
        Event::CallIntended { call, .. } | Event::CallRefused { call, .. } | Event::CallReused { call, .. } => {
            filter.server.as_ref().is_none_or(|server| *server == call.name.server)
                && filter.tool.as_ref().is_none_or(|tool| *tool == call.name.tool)
        }
        _ => false,
    };
    (filter.server.is_none() && filter.tool.is_none()) || entries.iter().any(|stamped| is_wanted(&stamped.entry.event))
}

fn summary_fits(summary: &Summary, filter: &Filter) -> bool {
    let has_text = |text: &String| {
        let error = summary.error.as_deref().unwrap_or_default().to_lowercase();
        error.contains(&text.to_lowercase())
    };
    let is_kind = |kind| match (kind, summary.origin.direct()) {
        (RecordKind::Run, call) => call.is_none(),
        (RecordKind::Work, call) => call.is_none_or(|call| !call.as_str().starts_with(ACTION_PREFIX)),
        (kind, call) => {
            call.is_some_and(|call| (kind == RecordKind::Action) == call.as_str().starts_with(ACTION_PREFIX))
        }
    };
    let has_failed = summary.outcome.as_deref().is_some_and(|outcome| !NOT_FAILED.contains(&outcome));
    let wall_ms = summary.ended_ms.map(|ended| ended.saturating_sub(summary.started_ms));
    let is_named = |text: &String| {
        let is_in = |name: String| name.to_lowercase().contains(&text.to_lowercase());
        summary.tools.iter().any(|tool| is_in(tool.to_string()))
            || [&text.to_uppercase(), text].iter().any(|text| id_text(summary).starts_with(text.as_str()))
    };
    filter.principal.as_ref().is_none_or(|principal| *principal == summary.principal)
        && filter.outcome.as_ref().is_none_or(|outcome| Some(outcome) == summary.outcome.as_ref())
        && filter.since_ms.is_none_or(|since| summary.started_ms >= since)
        && filter.until_ms.is_none_or(|until| summary.started_ms < until)
        && filter.before.is_none_or(|before| summary.first < before)
        && filter.error.as_ref().is_none_or(has_text)
        && filter.text.as_ref().is_none_or(|text| has_text(text) || is_named(text))
        && filter.kind.is_none_or(is_kind)
        && filter.failed.is_none_or(|failed| failed == has_failed)
        && filter.slow_ms.is_none_or(|least| wall_ms.is_some_and(|ms| ms >= least))
}

fn id_text(summary: &Summary) -> &str {
    let run = summary.origin.run().map(exuvia_tool::RunId::as_str);
    run.or_else(|| summary.origin.direct().map(exuvia_tool::DirectCallId::as_str)).unwrap_or_default()
}

fn summary(record: &Record) -> Option<Summary> {
    let first = record.entries.first()?;
    let (principal, origin) = (record.principal.clone(), record.origin.clone());
    let mut summary = Summary {
        first: first.seq,
        principal,
        profile: record.start().and_then(|start| start.profile.clone()),
        origin,
        started_ms: first.at_ms,
        ended_ms: None,
        outcome: None,
        calls: 0,
        failed_calls: 0,
        fuel: 0,
        cost: Cost::ZERO,
        error: None,
        tools: Vec::new(),
        is_erased: record.is_erased,
    };
    record.entries.iter().for_each(|stamped| summary.count(stamped));
    Some(summary)
}

impl Summary {
    fn count(&mut self, stamped: &Stamped) {
        if let Event::CallIntended { call, .. } | Event::CallRefused { call, .. } | Event::CallReused { call, .. } =
            &stamped.entry.event
            && self.tools.len() < MAX_SUMMARY_TOOLS
            && !self.tools.contains(&call.name)
        {
            self.tools.push(call.name.clone());
        }
        match &stamped.entry.event {
            Event::CallIntended { cost, .. } => {
                self.calls += 1;
                self.cost = self.cost + *cost;
            }
            Event::CallReused { .. } => self.calls += 1,
            Event::CallRefused { error, code, .. } => {
                self.calls += 1;
                self.failed_calls += 1;
                self.error = error.as_ref().map(ToString::to_string).or(self.error.take());
                self.direct_end(stamped, code);
            }
            Event::CallEnded { code, outcome, .. } => {
                self.failed_calls += u64::from(code != "ok");
                self.error = outcome
                    .as_ref()
                    .and_then(|outcome| Some(outcome.as_ref().err()?.to_string()))
                    .or(self.error.take());
                self.direct_end(stamped, code);
            }
            Event::RunRefused { outcome, reason, .. } => {
                (self.ended_ms, self.outcome, self.error) =
                    (Some(stamped.at_ms), Some(outcome.clone()), Some(reason.clone()));
            }
            Event::RunEnded(end) => {
                (self.ended_ms, self.outcome, self.fuel) =
                    (Some(stamped.at_ms), Some(end.outcome.clone()), end.usage.fuel);
                let error = end.error.as_ref().map(|error| format!("{}: {}", error.kind, error.message));
                self.error = error.or(self.error.take());
            }
            Event::RunParked { usage, .. } => {
                (self.ended_ms, self.outcome, self.fuel) = (Some(stamped.at_ms), Some(AWAITING.to_owned()), usage.fuel);
            }
            Event::RunResumed { .. } => (self.ended_ms, self.outcome) = (None, None),
            _ => {}
        }
    }

    /// The end of a client's own call is that of its record.
    fn direct_end(&mut self, stamped: &Stamped, code: &str) {
        if self.origin.direct().is_some() {
            (self.ended_ms, self.outcome) = (Some(stamped.at_ms), Some(code.to_owned()));
        }
    }
}
