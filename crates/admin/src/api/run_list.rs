//! Runs and direct calls, in parts, over several journals.

use exuvia_journal::{Filter, RecordKind, Seq, Summary};
use exuvia_policy::Redaction;
use exuvia_tool::Principal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::Page;
use super::runs::exported_origin;
use crate::answer::{ApiError, LAST_MS, check_range};
use crate::journals::{Journals, ReadJournal as _};
use crate::operation::{Ask, Nothing};

/// Items of a part, unless the request says how many.
const LIMIT: usize = 50;
/// The most items of a part.
const MOST: u32 = 500;

/// Which runs are meant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunQuery {
    /// On whose behalf: `operator`, `key:NAME` or `user:PROVIDER/SUBJECT`.
    #[schemars(regex(pattern = r"^(operator|key:[A-Za-z0-9._-]+|user:[A-Za-z0-9._-]+/[A-Za-z0-9%._-]+)$"))]
    principal: Option<String>,
    /// With a call to this server.
    server: Option<String>,
    /// With a call of this tool, by the name its server gave it.
    tool: Option<String>,
    /// With this outcome: of the run, or of the direct call.
    outcome: Option<String>,
    /// Begun at this time or later, in milliseconds since the epoch.
    #[schemars(range(max = LAST_MS))]
    since: Option<u64>,
    /// Begun before this time, in milliseconds since the epoch.
    #[schemars(range(max = LAST_MS))]
    until: Option<u64>,
    /// With this text in the error that ended it or one of its calls, or in the name `SERVER.TOOL` of a call; or with an id that begins so. In
    /// any case of letters.
    text: Option<String>,
    /// `run`, `direct` for clients' own calls, `admin` for actions of the operator. Default: the first two.
    kind: Option<RunKind>,
    /// Only those that failed, by every outcome but `returned`, `ok` and `awaiting-approval`; or only the others.
    failed: Option<bool>,
    /// That took at least so long, in milliseconds.
    #[schemars(range(max = LAST_MS))]
    slow_ms: Option<u64>,
    /// At most so many.
    #[schemars(range(min = 1, max = MOST))]
    limit: Option<u32>,
    /// The `next` of the part before.
    #[schemars(regex(pattern = r"^(-|[0-9]{1,18})$"))]
    before: Option<String>,
}

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RunKind {
    /// Scripts.
    Run,
    /// Calls that clients made themselves.
    Direct,
    /// Actions of the operator.
    Admin,
}

impl RunKind {
    fn of_record(self) -> RecordKind {
        match self {
            Self::Run => RecordKind::Run,
            Self::Direct => RecordKind::Direct,
            Self::Admin => RecordKind::Action,
        }
    }
}

/// A run or direct call in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunSummary {
    /// Its id.
    id: String,
    /// `run`, `direct` for a client's own call, or `admin` for an action of the operator.
    kind: &'static str,
    /// On whose behalf.
    principal: String,
    /// The profile that the client named.
    profile: Option<String>,
    /// What came of it. Null: it goes on, or nobody knows.
    outcome: Option<String>,
    /// The error that ended it, in one line.
    error: Option<String>,
    /// When it began, in milliseconds since the epoch.
    started_ms: u64,
    /// How long it took, in milliseconds. Null: it has not ended.
    wall_ms: Option<u64>,
    /// Its calls.
    calls: u64,
    /// Those among them that did not succeed.
    failed_calls: u64,
    /// What it used, in units of fuel.
    fuel: u64,
    /// What its calls cost, with at most six decimals.
    cost: String,
    /// Tools that it called, as `SERVER.TOOL`: at most 8 of them.
    tools: Vec<String>,
    /// Whether its content was erased.
    is_erased: bool,
}

impl RunSummary {
    fn of(summary: &Summary, redaction: &Redaction) -> Self {
        let (kind, id) = exported_origin(&summary.origin);
        Self {
            id,
            kind,
            principal: summary.principal.to_string(),
            profile: summary.profile.clone(),
            outcome: summary.outcome.clone(),
            error: summary.error.as_deref().map(|error| redaction.text(error).into_owned()),
            started_ms: summary.started_ms,
            wall_ms: wall_ms(summary),
            calls: summary.calls,
            failed_calls: summary.failed_calls,
            fuel: summary.fuel,
            cost: summary.cost.to_string(),
            tools: summary.tools.iter().map(ToString::to_string).collect(),
            is_erased: summary.is_erased,
        }
    }
}

fn wall_ms(summary: &Summary) -> Option<u64> {
    summary.ended_ms.map(|ended| ended.saturating_sub(summary.started_ms))
}

/// How far each journal is listed: the place that the next part stands before. None: from its end.
struct Cursor(Vec<Option<Seq>>);

impl Cursor {
    /// As `next` was given out: a number for each journal, or `-`.
    fn parse(text: Option<&str>, journals: usize) -> Result<Self, ApiError> {
        let unknown = || ApiError::bad_request("before: must be the `next` of an earlier answer");
        let Some(text) = text else { return Ok(Self(vec![None; journals])) };
        let place = |text: &str| match text {
            "-" => Ok(None),
            number => number.parse().map(|number| Some(Seq(number))).map_err(|_| unknown()),
        };
        let mut places = text.split('.').map(place).collect::<Result<Vec<_>, _>>()?;
        // A journal that was not there is listed from its end.
        if places.len() > journals {
            return Err(unknown());
        }
        places.resize(journals, None);
        Ok(Self(places))
    }

    fn text(&self) -> String {
        let place = |place: &Option<Seq>| place.map_or_else(|| "-".to_owned(), |Seq(number)| number.to_string());
        self.0.iter().map(place).collect::<Vec<_>>().join(".")
    }
}

pub(super) async fn list(ask: Ask<Nothing, RunQuery>) -> Result<Page<RunSummary>, ApiError> {
    let query = ask.query;
    for (name, value) in [("since", query.since), ("until", query.until), ("slow_ms", query.slow_ms)] {
        check_range(name, value, 0, LAST_MS)?;
    }
    let limit = query.limit.map_or(LIMIT, |limit| limit as usize);
    if !(1..=MOST as usize).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit: must be between 1 and {MOST}")));
    }
    let principal = query.principal.as_deref().map(str::parse::<Principal>).transpose();
    let filter = Filter {
        principal: principal.map_err(|error| ApiError::bad_request(format!("principal: {error}")))?,
        server: query.server,
        tool: query.tool,
        outcome: query.outcome,
        since_ms: query.since,
        until_ms: query.until,
        text: query.text.filter(|text| !text.is_empty()),
        kind: Some(query.kind.map_or(RecordKind::Work, RunKind::of_record)),
        failed: query.failed,
        slow_ms: query.slow_ms,
        ..Filter::default()
    };
    let journals = ask.admin.sources().journals().await?;
    let mut cursor = Cursor::parse(query.before.as_deref(), journals.0.len())?;
    let config = ask.admin.sources().config();
    let part = part(&journals, &filter, &mut cursor, limit).await?;
    let items = part.summaries.iter().map(|one| RunSummary::of(one, &config.redaction)).collect();
    Ok(Page { items, next: part.has_more.then(|| cursor.text()) })
}

/// The next summaries of all journals together.
struct Part {
    summaries: Vec<Summary>,
    has_more: bool,
}

async fn part(journals: &Journals, filter: &Filter, cursor: &mut Cursor, limit: usize) -> Result<Part, ApiError> {
    // One more of each, to see whether there is more.
    let mut found = Vec::new();
    for (place, journal) in journals.0.iter().enumerate() {
        let filter = Filter { before: cursor.0[place], limit: limit + 1, ..filter.clone() };
        found.extend(journal.archive().list(&filter).await?.into_iter().map(|summary| (place, summary)));
    }
    found.sort_by_key(|(_, summary)| std::cmp::Reverse((summary.started_ms, summary.first)));
    let has_more = found.len() > limit;
    found.truncate(limit);
    for (place, summary) in &found {
        let before = cursor.0[*place].map_or(summary.first, |before| before.min(summary.first));
        cursor.0[*place] = Some(before);
    }
    Ok(Part { summaries: found.into_iter().map(|(_, summary)| summary).collect(), has_more })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_what_it_writes_and_nothing_else() {
        let cursor = Cursor::parse(Some("7.-"), 3).expect("a cursor");
        assert_eq!(cursor.0, [Some(Seq(7)), None, None]);
        assert_eq!(cursor.text(), "7.-.-");
        for wrong in ["", "x", "1.2.3.4", "-1", "1..2"] {
            assert!(Cursor::parse(Some(wrong), 3).is_err(), "{wrong}");
        }
    }
}
