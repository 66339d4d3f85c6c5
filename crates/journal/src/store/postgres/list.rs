//! Lists of runs and direct calls.

use exuvia_tool::{Cost, DirectCallId, Origin, RunId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::session::Session;
use super::{sql, unreadable, unsigned};
use crate::archive::{MAX_SUMMARY_TOOLS, tools_of};
use crate::index::{AWAITING, REUSED, text};
use crate::wire::malformed;
use crate::{Filter, JournalError, RecordKind, Seq, Summary};

/// Conditions of a query, and the values of its parameters.
#[derive(Default)]
pub(super) struct Conditions {
    conditions: Vec<String>,
    values: Vec<Box<dyn ToSql + Send + Sync>>,
}

impl Conditions {
    /// Those runs that fit, in a query of the table `runs`.
    pub(super) fn of(filter: &Filter) -> Self {
        let mut all = Self::default();
        all.add("started_ms >= $?", filter.since_ms.map(sql));
        all.add("started_ms < $?", filter.until_ms.map(sql));
        all.add("first < $?", filter.before.map(|before| sql(before.0)));
        all.add("principal = $?", filter.principal.as_ref().map(|principal| text(&principal.to_string())));
        all.add("outcome = $?", filter.outcome.as_deref().map(text));
        all.add(
            "first IN (SELECT first FROM runs WHERE error IS NOT NULL AND error ILIKE $? UNION ALL \
             SELECT run FROM calls WHERE error IS NOT NULL AND error ILIKE $?)",
            filter.error.as_deref().map(like),
        );
        if let Some(text) = &filter.text {
            let values = [like(text), self::text(text), self::text(&text.to_uppercase())];
            let after = all.values.len();
            all.values.extend(values.map(|value| Box::new(value) as Box<dyn ToSql + Send + Sync>));
            let [pattern, id, upper] = [after + 1, after + 2, after + 3];
            // Each is found by an index. An id that begins with a text is between it and the text with the last of all characters behind it.
            all.conditions.push(format!(
                "first IN (SELECT first FROM runs WHERE error IS NOT NULL AND error ILIKE ${pattern} \
                 UNION ALL SELECT run FROM calls WHERE error IS NOT NULL AND error ILIKE ${pattern} \
                 UNION ALL SELECT first FROM runs WHERE id >= ${id} AND id < ${id} || chr(1114111) \
                 UNION ALL SELECT first FROM runs WHERE id >= ${upper} AND id < ${upper} || chr(1114111) \
                 UNION ALL SELECT run FROM calls WHERE tool IN (SELECT id FROM tools WHERE server || '.' || tool ILIKE ${pattern}))"
            ));
        }
        if let Some(kind) = filter.kind {
            all.conditions.push(match kind {
                RecordKind::Run => "NOT is_direct".to_owned(),
                RecordKind::Direct => "is_direct AND NOT starts_with(id, 'admin-')".to_owned(),
                RecordKind::Work => "NOT starts_with(id, 'admin-')".to_owned(),
                // The index of ids has them by range.
                RecordKind::Action => "(id >= 'admin-' AND id < 'admin.')".to_owned(),
            });
        }
        if let Some(failed) = filter.failed {
            // As the index `runs_failed` has it.
            all.conditions.push(match failed {
                true => "outcome NOT IN ('returned', 'ok', 'awaiting-approval')".to_owned(),
                false => "(outcome IS NULL OR outcome IN ('returned', 'ok', 'awaiting-approval'))".to_owned(),
            });
        }
        all.add("ended_ms - started_ms >= $?", filter.slow_ms.map(sql));
        if let Some(tools) = all.tools(filter) {
            all.conditions.push(format!("EXISTS (SELECT 1 FROM calls WHERE run = first AND tool IN ({tools}))"));
        }
        all
    }

    /// A query of the tools of a filter. None: all fit.
    pub(super) fn tools(&mut self, filter: &Filter) -> Option<String> {
        let server = filter.server.as_deref().map(|server| self.parameter("server = $?", text(server)));
        let tool = filter.tool.as_deref().map(|tool| self.parameter("tool = $?", text(tool)));
        let conditions: Vec<_> = server.into_iter().chain(tool).collect();
        (!conditions.is_empty()).then(|| format!("SELECT id FROM tools WHERE {}", conditions.join(" AND ")))
    }

    /// One more condition, if there is a value for it.
    fn add(&mut self, condition: &str, value: Option<impl ToSql + Send + Sync + 'static>) {
        if let Some(value) = value {
            let condition = self.parameter(condition, value);
            self.conditions.push(condition);
        }
    }

    /// The condition with a number for its parameter, which is written `$?`.
    pub(super) fn parameter(&mut self, condition: &str, value: impl ToSql + Send + Sync + 'static) -> String {
        self.values.push(Box::new(value));
        condition.replace("$?", &format!("${}", self.values.len()))
    }

    /// The text of the conditions: all must hold.
    pub(super) fn text(&self) -> String {
        if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") }
    }

    /// The rows of a query with these parameters.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub(super) async fn query(&self, session: &Session, query: &str) -> Result<Vec<Row>, JournalError> {
        let values: Vec<&(dyn ToSql + Sync)> = self.values.iter().map(|value| &**value as _).collect();
        session.client.query(query, &values).await.map_err(unreadable)
    }
}

fn like(error: &str) -> String {
    format!("%{}%", text(error).replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

pub(super) async fn list(session: &Session, filter: &Filter) -> Result<Vec<Summary>, JournalError> {
    let mut conditions = Conditions::of(filter);
    let mut query = format!(
        "SELECT first, id, is_direct, principal, started_ms, ended_ms, outcome, fuel, error, erased_by IS NOT NULL, \
         (SELECT count(*) FROM calls WHERE run = first), \
         (SELECT count(*) FROM calls WHERE run = first AND code NOT IN ('ok', '{REUSED}', '{AWAITING}')), \
         (SELECT least(coalesce(sum(cost), 0), 9223372036854775807)::int8 FROM calls WHERE run = first), \
         (SELECT coalesce(json_agg(json_build_array(chosen.server, chosen.tool))::text, '[]') FROM (SELECT DISTINCT tools.server, tools.tool \
          FROM calls JOIN tools ON tools.id = calls.tool WHERE run = first LIMIT {MAX_SUMMARY_TOOLS}) AS chosen), profile \
         FROM runs WHERE {} ORDER BY first DESC",
        conditions.text()
    );
    if filter.limit > 0 {
        query += &conditions.parameter(" LIMIT $?", sql(filter.limit as u64));
    }
    conditions.query(session, &query).await?.iter().map(summary).collect()
}

fn summary(row: &Row) -> Result<Summary, JournalError> {
    let number = |column| row.try_get::<_, i64>(column).map(unsigned).map_err(unreadable);
    let (id, principal): (String, &str) = (row.try_get(1).map_err(unreadable)?, row.try_get(3).map_err(unreadable)?);
    let is_direct = row.try_get(2).map_err(unreadable)?;
    Ok(Summary {
        first: Seq(number(0)?),
        principal: principal.parse().map_err(malformed)?,
        profile: row.try_get(14).map_err(unreadable)?,
        origin: if is_direct { Origin::Direct(DirectCallId::new(id)) } else { Origin::Run(RunId::new(id)) },
        started_ms: number(4)?,
        ended_ms: row.try_get::<_, Option<i64>>(5).map_err(unreadable)?.map(unsigned),
        outcome: row.try_get(6).map_err(unreadable)?,
        calls: number(10)?,
        failed_calls: number(11)?,
        fuel: number(7)?,
        cost: Cost::from_micros(number(12)?),
        error: row.try_get(8).map_err(unreadable)?,
        tools: tools_of(row.try_get(13).map_err(unreadable)?).map_err(malformed)?,
        is_erased: row.try_get(9).map_err(unreadable)?,
    })
}
