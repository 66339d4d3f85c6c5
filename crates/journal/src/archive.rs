//! What there is to read in a journal.

use exuvia_tool::{BoxFuture, Cost, Origin, Principal, ToolName};

use crate::{Cut, Entry, Event, FileBlocks, JournalError, Object, Reading, Seq, Stamped};

/// The reading side of a journal.
pub trait Archive: Send + Sync {
    /// All that is kept of a run or of a client's own call, by its id, in order. None: nothing is.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn record<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Record>, JournalError>>;

    /// On whose behalf a run or a client's own call is, by its id, without reading all that is kept of it. None: nothing is.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn principal<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Principal>, JournalError>> {
        Box::pin(async move { Ok(self.record(id).await?.map(|record| record.principal)) })
    }

    /// About how many bytes a record has. None: nothing is kept, or nobody has counted.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn record_bytes<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<u64>, JournalError>> {
        let _ = id;
        Box::pin(std::future::ready(Ok(None)))
    }

    /// What a run read of its files, where the record has digests alone. Without a journal that keeps it apart: nothing.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn file_blocks<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<FileBlocks, JournalError>> {
        let _ = id;
        Box::pin(std::future::ready(Ok(FileBlocks::default())))
    }

    /// The runs and direct calls that fit, the latest first.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn list<'a>(&'a self, filter: &'a Filter) -> BoxFuture<'a, Result<Vec<Summary>, JournalError>>;

    /// What has this digest.
    ///
    /// # Errors
    ///
    /// The journal cannot be read.
    fn object<'a>(&'a self, sha256: &'a str) -> BoxFuture<'a, Result<Option<Object>, JournalError>>;
}

/// All that is kept of one run, or of a client's own call.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Record {
    /// On whose behalf.
    pub principal: Principal,
    /// The run, or the client's own call.
    pub origin: Origin,
    /// Its script, arguments, answers and log were erased: entries have none of them.
    pub is_erased: bool,
    /// Its entries, in order.
    pub entries: Vec<Stamped>,
}

/// Who erases something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// On whose behalf.
    pub principal: Principal,
    /// In milliseconds since the epoch, UTC.
    pub at_ms: u64,
}

/// Which runs and direct calls are meant. What is None fits all.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// On whose behalf.
    pub principal: Option<Principal>,
    /// With a call to this server.
    pub server: Option<String>,
    /// With a call of this tool, by the name its server gave it.
    pub tool: Option<String>,
    /// With this outcome: of the run, or of the direct call.
    pub outcome: Option<String>,
    /// Begun at this time or later, in milliseconds since the epoch.
    pub since_ms: Option<u64>,
    /// Begun before this time, in milliseconds since the epoch.
    pub until_ms: Option<u64>,
    /// With this text in the error that ended it, or that one of its calls failed with; in any case of letters.
    pub error: Option<String>,
    /// With this text in one of those errors or in the name `SERVER.TOOL` of a call, in any case of letters; or with an id that begins so, as
    /// it is written or in capital letters.
    pub text: Option<String>,
    /// Of this kind.
    pub kind: Option<RecordKind>,
    /// Those that failed, or those that did not: that succeeded, go on, wait, or are unknown.
    pub failed: Option<bool>,
    /// That took at least so long, in milliseconds.
    pub slow_ms: Option<u64>,
    /// Only those whose first entry stands before this place: the next page.
    pub before: Option<Seq>,
    /// At most so many. 0: all.
    pub limit: usize,
}

/// What something is that is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordKind {
    /// A run.
    Run,
    /// A client's own call.
    Direct,
    /// Either of the two.
    Work,
    /// Something that an operator did. It is recorded as a direct call whose id begins with [`ACTION_PREFIX`].
    Action,
}

/// What the ids of actions of operators begin with.
pub const ACTION_PREFIX: &str = "admin-";

/// Outcomes of runs and direct calls that are no failure. One without an outcome is none either.
pub(crate) const NOT_FAILED: [&str; 3] = ["returned", "ok", "awaiting-approval"];

/// A run or a direct call in a list.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Summary {
    /// The place of its first entry.
    pub first: Seq,
    /// On whose behalf.
    pub principal: Principal,
    /// The profile that its client named, if it named one.
    pub profile: Option<String>,
    /// The run, or the client's own call.
    pub origin: Origin,
    /// When it began, in milliseconds since the epoch.
    pub started_ms: u64,
    /// When it ended. None: it goes on, or nobody knows.
    pub ended_ms: Option<u64>,
    /// The name of its outcome. None: it goes on, or nobody knows.
    pub outcome: Option<String>,
    /// Its calls.
    pub calls: u64,
    /// Those among them that did not succeed.
    pub failed_calls: u64,
    /// What it used, in units of fuel.
    pub fuel: u64,
    /// What its calls cost.
    pub cost: Cost,
    /// The error that ended it, in one line.
    pub error: Option<String>,
    /// The tools that it called, in no order: at most 8 of them.
    pub tools: Vec<ToolName>,
    /// Its script, arguments, answers and log were erased.
    pub is_erased: bool,
}

/// The most tools that a summary names.
pub(crate) const MAX_SUMMARY_TOOLS: usize = 8;

/// The tools that a query gives as a JSON array of pairs of texts.
///
/// # Errors
///
/// It is none.
pub(crate) fn tools_of(json: &str) -> Result<Vec<ToolName>, serde_json::Error> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json)?;
    Ok(pairs.into_iter().map(|(server, tool)| ToolName { server, tool }).collect())
}

impl Record {
    /// What these entries are together. None: there are none.
    #[must_use]
    pub fn of(entries: Vec<Stamped>) -> Option<Self> {
        let Entry { principal, origin, .. } = entries.first()?.entry.clone();
        Some(Self { principal, origin, is_erased: false, entries })
    }

    /// Its beginning, if it is that of a run.
    #[must_use]
    pub fn start(&self) -> Option<&crate::RunStart> {
        self.entries.iter().find_map(|stamped| match &stamped.entry.event {
            Event::RunStarted(start) => Some(&**start),
            _ => None,
        })
    }

    /// Why it is not recorded to its end. None: it is.
    #[must_use]
    pub fn cut(&self) -> Option<Cut> {
        self.entries.iter().find_map(|stamped| match &stamped.entry.event {
            Event::RunReadings(readings) => readings.iter().find_map(|reading| match reading {
                Reading::Cut(cut) => Some(*cut),
                _ => None,
            }),
            _ => None,
        })
    }

    /// Who erased it, and when. None: nobody, or it expired.
    #[must_use]
    pub fn erasure(&self) -> Option<Erasure> {
        let erased = self.entries.iter().find(|stamped| matches!(stamped.entry.event, Event::Erased))?;
        Some(Erasure { principal: erased.entry.principal.clone(), at_ms: erased.at_ms })
    }

    /// Its end, if it is that of a run.
    #[must_use]
    pub fn end(&self) -> Option<&crate::RunEnd> {
        self.entries.iter().find_map(|stamped| match &stamped.entry.event {
            Event::RunEnded(end) => Some(&**end),
            _ => None,
        })
    }
}
