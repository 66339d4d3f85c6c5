//! The index of runs and direct calls, as a batch changes it: each at most once.

use std::collections::BTreeMap;

use tokio_postgres::types::ToSql;

use super::Parameters;
use super::session::Session;
use super::sql;
use crate::index::{Change, State};

/// Those that begin.
pub(super) const BEGIN: &str = "INSERT INTO runs (first, id, is_direct, principal, profile, started_ms, ended_ms, outcome, fuel, error) \
    SELECT n.first, id, is_direct, principal, profile, started_ms, ended_ms, outcome, coalesce(fuel, 0), error FROM \
    unnest($1::int8[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::int8[]) AS n (first, id, is_direct, principal, profile, started_ms) JOIN \
    unnest($7::int8[], $8::int8[], $9::text[], $10::int8[], $11::text[]) AS e (first, ended_ms, outcome, fuel, error) USING (first)";
/// Those that began before, and end or begin again.
pub(super) const END: &str = "UPDATE runs SET ended_ms = n.ended_ms, outcome = n.outcome, fuel = coalesce(n.fuel, runs.fuel), error = n.error \
    FROM unnest($1::int8[], $2::int8[], $3::text[], $4::int8[], $5::text[]) AS n (first, ended_ms, outcome, fuel, error) \
    WHERE runs.first = n.first AND (n.outcome IS NOT NULL OR runs.outcome IS NOT NULL)";

/// What a batch changes about runs and direct calls, by their first places.
#[derive(Default)]
pub(super) struct Runs<'a>(BTreeMap<i64, Run<'a>>);

#[derive(Default)]
struct Run<'a> {
    /// None: it began in an earlier batch.
    begun: Option<(&'a str, &'a Change)>,
    is_changed: bool,
    ended_ms: Option<i64>,
    outcome: Option<&'a str>,
    fuel: Option<i64>,
    error: Option<&'a str>,
}

impl<'a> Runs<'a> {
    /// One begins, with this change.
    pub(super) fn begin(&mut self, run: i64, id: &'a str, change: &'a Change) {
        self.0.insert(run, Run { begun: Some((id, change)), ..Run::default() });
    }

    /// One more change, of a run that was erased or was not.
    pub(super) fn apply(&mut self, run: i64, change: &'a Change, is_erased: bool) {
        let row = self.0.entry(run).or_default();
        match &change.state {
            State::Unchanged => {}
            State::Open => {
                row.is_changed = true;
                (row.ended_ms, row.outcome, row.error) = (None, None, None);
            }
            State::Ended { outcome, fuel, error } => {
                row.is_changed = true;
                (row.ended_ms, row.outcome, row.fuel) =
                    (Some(sql(change.at_ms)), Some(outcome.as_str()), Some(sql(*fuel)));
                row.error = error.as_deref().filter(|_| !is_erased);
            }
        }
    }

    /// The values for [`BEGIN`], and those for [`END`].
    pub(super) fn columns(self) -> (Begun<'a>, Ended<'a>) {
        let (mut begun, mut ended) = (Begun::default(), Ended::default());
        for (first, run) in self.0 {
            match run.begun {
                Some((id, change)) => {
                    begun.ids.push(id);
                    begun.are_direct.push(change.is_direct);
                    begun.principals.push(&change.principal);
                    begun.profiles.push(change.profile.as_deref());
                    begun.started_ms.push(sql(change.at_ms));
                    begun.runs.push(first, &run);
                }
                None if run.is_changed => ended.push(first, &run),
                None => {}
            }
        }
        (begun, ended)
    }
}

/// Runs and direct calls that begin.
#[derive(Default)]
pub(super) struct Begun<'a> {
    ids: Vec<&'a str>,
    are_direct: Vec<bool>,
    principals: Vec<&'a str>,
    profiles: Vec<Option<&'a str>>,
    started_ms: Vec<i64>,
    runs: Ended<'a>,
}

/// What came of runs and direct calls.
#[derive(Default)]
pub(super) struct Ended<'a> {
    firsts: Vec<i64>,
    ended_ms: Vec<Option<i64>>,
    outcomes: Vec<Option<&'a str>>,
    fuel: Vec<Option<i64>>,
    errors: Vec<Option<&'a str>>,
}

impl<'a> Ended<'a> {
    fn push(&mut self, first: i64, run: &Run<'a>) {
        self.firsts.push(first);
        self.ended_ms.push(run.ended_ms);
        self.outcomes.push(run.outcome);
        self.fuel.push(run.fuel);
        self.errors.push(run.error);
    }
}

impl Begun<'_> {
    /// Inserts them.
    pub(super) async fn insert(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        let runs = &self.runs;
        if !runs.firsts.is_empty() {
            let begun: Parameters<'_> =
                &[&runs.firsts, &self.ids, &self.are_direct, &self.principals, &self.profiles, &self.started_ms];
            session.execute(BEGIN, &[begun, &runs.values()].concat()).await?;
        }
        Ok(())
    }
}

impl Ended<'_> {
    /// Updates them.
    pub(super) async fn update(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.firsts.is_empty() {
            session.execute(END, &self.values()).await?;
        }
        Ok(())
    }

    fn values(&self) -> [&(dyn ToSql + Sync); 5] {
        [&self.firsts, &self.ended_ms, &self.outcomes, &self.fuel, &self.errors]
    }
}
