//! Lists of runs and direct calls.

use exuvia_tool::{Cost, DirectCallId, Origin, RunId};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::{sql, unreadable, unsigned};
use crate::archive::{MAX_SUMMARY_TOOLS, tools_of};
use crate::index::{AWAITING, REUSED};
use crate::wire::malformed;
use crate::{Filter, JournalError, RecordKind, Seq, Summary};

/// So few calls are rare.
const RARE: i64 = 10_000;
/// The tools of a filter.
pub(super) const TOOLS: &str =
    concat!("SELECT id FROM tools WHERE ", "(? IS NULL OR server = ?) AND (? IS NULL OR tool = ?)");
const RARE_TOOL: &str = concat!(
    "first IN (SELECT run FROM calls WHERE tool IN (SELECT id FROM tools WHERE ",
    "(? IS NULL OR server = ?) AND (? IS NULL OR tool = ?)",
    "))"
);
const FREQUENT_TOOL: &str = concat!(
    "EXISTS (SELECT 1 FROM calls WHERE run = first AND tool IN (SELECT id FROM tools WHERE ",
    "(? IS NULL OR server = ?) AND (? IS NULL OR tool = ?)",
    "))"
);

/// The tools with a text in their names.
const NAMED: &str = "SELECT id FROM tools WHERE server || '.' || tool LIKE ? ESCAPE '\\'";
/// An id that begins with a text is between it and the text with the last of all characters behind it.
const RARE_TEXT: &str = "first IN (SELECT first FROM runs WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\' \
    UNION ALL SELECT run FROM calls WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\' \
    UNION ALL SELECT first FROM runs WHERE id >= ? AND id < ? || char(1114111) \
    UNION ALL SELECT first FROM runs WHERE id >= ? AND id < ? || char(1114111) \
    UNION ALL SELECT run FROM calls WHERE tool IN (SELECT id FROM tools WHERE server || '.' || tool LIKE ? ESCAPE '\\'))";
const FREQUENT_TEXT: &str = "(first IN (SELECT first FROM runs WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\' \
    UNION ALL SELECT run FROM calls WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\' \
    UNION ALL SELECT first FROM runs WHERE id >= ? AND id < ? || char(1114111) \
    UNION ALL SELECT first FROM runs WHERE id >= ? AND id < ? || char(1114111)) OR EXISTS (SELECT 1 FROM calls WHERE run = first \
    AND tool IN (SELECT id FROM tools WHERE server || '.' || tool LIKE ? ESCAPE '\\')))";

/// Conditions of a query, and the values of its parameters.
#[derive(Default)]
pub(super) struct Conditions {
    conditions: Vec<&'static str>,
    pub(super) values: Vec<Value>,
}

impl Conditions {
    fn add(&mut self, condition: &'static str, values: impl IntoIterator<Item = Value>) {
        self.conditions.push(condition);
        self.values.extend(values);
    }

    /// The text of the conditions: all must hold.
    pub(super) fn text(&self) -> String {
        if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") }
    }

    /// Those runs that fit, in a query of the table `runs`.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    pub(super) fn of(connection: &Connection, filter: &Filter) -> rusqlite::Result<Self> {
        let mut all = Self::default();
        if filter.since_ms.is_some() || filter.until_ms.is_some() {
            all.within(connection, filter)?;
        }
        if let Some(before) = filter.before {
            all.add("first < ?", [sql(before.0).into()]);
        }
        if let Some(principal) = &filter.principal {
            all.add("principal = ?", [principal.to_string().into()]);
        }
        if let Some(outcome) = &filter.outcome {
            all.add("outcome = ?", [outcome.clone().into()]);
        }
        if let Some(error) = &filter.error {
            let pattern = like(error);
            let condition = "first IN (SELECT first FROM runs WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\' UNION ALL \
                             SELECT run FROM calls WHERE error IS NOT NULL AND error LIKE ? ESCAPE '\\')";
            all.add(condition, [pattern.clone().into(), pattern.into()]);
        }
        if let Some(text) = &filter.text {
            all.with_text(connection, text)?;
        }
        if let Some(kind) = filter.kind {
            all.conditions.push(match kind {
                RecordKind::Run => "NOT is_direct",
                RecordKind::Direct => "is_direct AND NOT (id >= 'admin-' AND id < 'admin.')",
                RecordKind::Work => "NOT (id >= 'admin-' AND id < 'admin.')",
                RecordKind::Action => "(id >= 'admin-' AND id < 'admin.')",
            });
        }
        if let Some(failed) = filter.failed {
            // As the index `runs_failed` has it.
            all.conditions.push(match failed {
                true => "outcome NOT IN ('returned', 'ok', 'awaiting-approval')",
                false => "(outcome IS NULL OR outcome IN ('returned', 'ok', 'awaiting-approval'))",
            });
        }
        if let Some(slow_ms) = filter.slow_ms {
            all.add("ended_ms - started_ms >= ?", [sql(slow_ms).into()]);
        }
        if filter.server.is_some() || filter.tool.is_some() {
            all.with_call(connection, filter)?;
        }
        Ok(all)
    }

    /// Those with this text in an error or in the name of a tool, or at the beginning of their id: each is found by an index, but for tools with
    /// many calls, which are found on the way.
    fn with_text(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<()> {
        let (pattern, id) = (like(text), text.to_uppercase());
        let some = format!("SELECT count(*) FROM (SELECT 1 FROM calls WHERE tool IN ({NAMED}) LIMIT {RARE})");
        let some: i64 = connection.query_row(&some, [&pattern], |row| row.get(0))?;
        let values = [pattern.clone(), pattern.clone(), text.to_owned(), text.to_owned(), id.clone(), id, pattern];
        self.add(if some < RARE { RARE_TEXT } else { FREQUENT_TEXT }, values.map(Value::Text));
        Ok(())
    }

    /// Those with a call of the tool. Rare ones are found by their calls, and others on the way.
    fn with_call(&mut self, connection: &Connection, filter: &Filter) -> rusqlite::Result<()> {
        let values = tool_values(filter);
        let some = format!("SELECT count(*) FROM (SELECT 1 FROM calls WHERE tool IN ({TOOLS}) LIMIT {RARE})");
        let some: i64 = connection.query_row(&some, params_from_iter(values.clone()), |row| row.get(0))?;
        let condition = if some < RARE { RARE_TOOL } else { FREQUENT_TOOL };
        self.add(condition, values);
        Ok(())
    }

    /// Those that begin within the times of the filter: also by their places, because lists are read by place.
    fn within(&mut self, connection: &Connection, filter: &Filter) -> rusqlite::Result<()> {
        let (since, until) = (sql(filter.since_ms.unwrap_or(0)), sql(filter.until_ms.unwrap_or(u64::MAX)));
        let others = "SELECT EXISTS (SELECT 1 FROM runs WHERE started_ms < ?) OR EXISTS (SELECT 1 FROM runs WHERE started_ms >= ?)";
        if !connection.query_row(others, [since, until], |row| row.get::<_, bool>(0))? {
            return Ok(());
        }
        let places =
            "SELECT ifnull(min(first), 0), ifnull(max(first), 0) FROM runs WHERE started_ms >= ? AND started_ms < ?";
        let (least, most) =
            connection.query_row(places, [since, until], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
        self.add("first >= ? AND first <= ?", [least.into(), most.into()]);
        self.add("+started_ms >= ? AND +started_ms < ?", [since.into(), until.into()]);
        Ok(())
    }
}

/// The values of the parameters of [`TOOLS`].
pub(super) fn tool_values(filter: &Filter) -> [Value; 4] {
    let value = |text: &Option<String>| text.clone().map_or(Value::Null, Value::Text);
    let (server, tool) = (value(&filter.server), value(&filter.tool));
    [server.clone(), server, tool.clone(), tool]
}

fn like(text: &str) -> String {
    format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

pub(super) fn list(connection: &Connection, filter: &Filter) -> Result<Vec<Summary>, JournalError> {
    let conditions = Conditions::of(connection, filter).map_err(unreadable)?;
    let query = format!(
        "SELECT first, id, is_direct, principal, started_ms, ended_ms, outcome, fuel, error, erased_by IS NOT NULL, \
         (SELECT count(*) FROM calls WHERE run = first), \
         (SELECT count(*) FROM calls WHERE run = first AND code NOT IN ('ok', '{REUSED}', '{AWAITING}')), \
         (SELECT CAST(total(cost) AS INTEGER) FROM calls WHERE run = first), \
         (SELECT json_group_array(json_array(server, name)) FROM (SELECT DISTINCT server, tools.tool AS name FROM calls \
          JOIN tools ON tools.id = calls.tool WHERE run = first LIMIT {MAX_SUMMARY_TOOLS})), profile \
         FROM runs WHERE {} ORDER BY first DESC LIMIT ?",
        conditions.text()
    );
    let limit = if filter.limit == 0 { -1 } else { sql(filter.limit as u64) };
    let values = conditions.values.into_iter().chain([limit.into()]);
    let mut select = connection.prepare_cached(&query).map_err(unreadable)?;
    let mut rows = select.query(params_from_iter(values)).map_err(unreadable)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next().map_err(unreadable)? {
        found.push(summary(row)?);
    }
    Ok(found)
}

fn summary(row: &Row<'_>) -> Result<Summary, JournalError> {
    let number = |column| row.get::<_, i64>(column).map(unsigned).map_err(unreadable);
    let text = |column| row.get::<_, String>(column).map_err(unreadable);
    let optional = |column| row.get::<_, Option<String>>(column).map_err(unreadable);
    let is_direct: bool = row.get(2).map_err(unreadable)?;
    let id = text(1)?;
    Ok(Summary {
        first: Seq(number(0)?),
        principal: text(3)?.parse().map_err(malformed)?,
        profile: optional(14)?,
        origin: if is_direct { Origin::Direct(DirectCallId::new(id)) } else { Origin::Run(RunId::new(id)) },
        started_ms: number(4)?,
        ended_ms: row.get::<_, Option<i64>>(5).map_err(unreadable)?.map(unsigned),
        outcome: optional(6)?,
        calls: number(10)?,
        failed_calls: number(11)?,
        fuel: number(7)?,
        cost: Cost::from_micros(number(12)?),
        error: optional(8)?,
        tools: tools_of(&text(13)?).map_err(malformed)?,
        is_erased: row.get(9).map_err(unreadable)?,
    })
}
