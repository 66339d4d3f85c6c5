//! The index of calls, as a batch changes it: each call at most once.

use std::collections::BTreeMap;

use super::Parameters;
use super::session::Session;
use super::sql;
use crate::index::CallChange;

/// Tools of the calls that begin.
pub(super) const TOOLS: &str = "INSERT INTO tools (server, tool) SELECT DISTINCT n.server, n.tool \
    FROM unnest($1::text[], $2::text[]) AS n (server, tool) \
    WHERE NOT EXISTS (SELECT 1 FROM tools t WHERE t.server = n.server AND t.tool = n.tool)";
/// Calls that begin, or begin again.
pub(super) const BEGIN: &str = "INSERT INTO calls (run, call, tool, code, ms, error, cost) \
    SELECT n.run, n.call, t.id, n.code, n.ms, n.error, n.cost \
    FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::text[], $6::int8[], $7::text[], $8::int8[]) \
    AS n (server, tool, run, call, code, ms, error, cost) JOIN tools t ON t.server = n.server AND t.tool = n.tool \
    ON CONFLICT (run, call) DO UPDATE SET tool = excluded.tool, code = excluded.code, ms = excluded.ms, error = excluded.error, \
    cost = least(calls.cost, 9223372036854775807 - excluded.cost) + excluded.cost";
/// Calls that began before, and end.
pub(super) const END: &str = "UPDATE calls SET code = n.code, ms = n.ms, error = n.error \
    FROM unnest($1::int8[], $2::int8[], $3::text[], $4::int8[], $5::text[]) AS n (run, call, code, ms, error) \
    WHERE calls.run = n.run AND calls.call = n.call";

/// What a batch changes about calls, by run and call.
#[derive(Default)]
pub(super) struct Calls<'a>(BTreeMap<(i64, i64), Call<'a>>);

#[derive(Default)]
struct Call<'a> {
    /// Server and tool. None: it began in an earlier batch.
    begun: Option<(&'a str, &'a str)>,
    code: Option<&'a str>,
    ms: Option<i64>,
    error: Option<&'a str>,
    /// Of the attempts in this batch.
    cost: i64,
}

impl<'a> Calls<'a> {
    /// One more change, of a run that was erased or was not.
    pub(super) fn apply(&mut self, run: i64, change: &'a CallChange, is_erased: bool) {
        let error_of = |error: &'a Option<String>| error.as_deref().filter(|_| !is_erased);
        match change {
            CallChange::None => {}
            CallChange::Intended { call, server, tool, cost } => {
                let cost = self.cost_of(run, *call).saturating_add(sql(*cost));
                self.0.insert((run, sql(*call)), Call { begun: Some((server, tool)), cost, ..Call::default() });
            }
            CallChange::Decided { call, server, tool, code, error } => {
                let (cost, begun) = (self.cost_of(run, *call), Some((server.as_str(), tool.as_str())));
                let call_row = Call { begun, code: Some(code), ms: None, error: error_of(error), cost };
                self.0.insert((run, sql(*call)), call_row);
            }
            CallChange::Ended { call, code, ms, error } => {
                let row = self.0.entry((run, sql(*call))).or_default();
                (row.code, row.ms, row.error) = (Some(code.as_str()), Some(sql(*ms)), error_of(error));
            }
        }
    }

    fn cost_of(&self, run: i64, call: u64) -> i64 {
        self.0.get(&(run, sql(call))).map_or(0, |call| call.cost)
    }

    /// The values for [`TOOLS`] and [`BEGIN`], and those for [`END`].
    pub(super) fn columns(self) -> (Begun<'a>, Ended<'a>) {
        let (mut begun, mut ended) = (Begun::default(), Ended::default());
        for ((run, number), call) in self.0 {
            let into = match call.begun {
                Some((server, tool)) => {
                    begun.costs.push(call.cost);
                    begun.servers.push(server);
                    begun.tools.push(tool);
                    &mut begun.calls
                }
                None => &mut ended,
            };
            into.runs.push(run);
            into.numbers.push(number);
            into.codes.push(call.code);
            into.ms.push(call.ms);
            into.errors.push(call.error);
        }
        (begun, ended)
    }
}

/// Calls that begin.
#[derive(Default)]
pub(super) struct Begun<'a> {
    servers: Vec<&'a str>,
    tools: Vec<&'a str>,
    costs: Vec<i64>,
    calls: Ended<'a>,
}

/// What came of calls.
#[derive(Default)]
pub(super) struct Ended<'a> {
    runs: Vec<i64>,
    numbers: Vec<i64>,
    codes: Vec<Option<&'a str>>,
    ms: Vec<Option<i64>>,
    errors: Vec<Option<&'a str>>,
}

impl Begun<'_> {
    /// Inserts their tools, where these are new.
    pub(super) async fn insert_tools(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.servers.is_empty() {
            session.execute(TOOLS, &[&self.servers, &self.tools]).await?;
        }
        Ok(())
    }

    /// Inserts them. Their tools are there.
    pub(super) async fn insert(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        let (servers, tools, calls) = (&self.servers, &self.tools, &self.calls);
        if !servers.is_empty() {
            let (ended, errors) = (&calls.ms, &calls.errors);
            let values: Parameters<'_> =
                &[servers, tools, &calls.runs, &calls.numbers, &calls.codes, ended, errors, &self.costs];
            session.execute(BEGIN, values).await?;
        }
        Ok(())
    }
}

impl Ended<'_> {
    /// Updates them.
    pub(super) async fn update(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.runs.is_empty() {
            let values: Parameters<'_> = &[&self.runs, &self.numbers, &self.codes, &self.ms, &self.errors];
            session.execute(END, values).await?;
        }
        Ok(())
    }
}
