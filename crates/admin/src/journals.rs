//! Several journals, read as one.

use std::fmt;
use std::sync::Arc;

use exuvia_journal::{
    Archive, Erasure, Filter, JournalError, JournalErrorKind, Record, Stats, StoreArchive, Summary, TokenSum,
};

/// A journal, for reading.
pub trait ReadJournal {
    /// Where it is, for the operator.
    fn place(&self) -> String;

    /// What it has.
    fn archive(&self) -> &dyn Archive;

    /// The same, where it outlives its process.
    fn stored(&self) -> Option<&StoreArchive>;
}

/// A journal of this process or of another one.
#[derive(Clone)]
pub enum JournalReader {
    /// One that outlives its process, and where it is.
    Stored(String, StoreArchive),
    /// One in the memory of this process.
    InMemory(Arc<dyn Archive>),
}

/// Every journal that a configuration names.
#[derive(Clone)]
pub struct Journals<J = JournalReader>(pub Vec<J>);

/// One of several journals cannot be read or written.
#[derive(Debug)]
pub struct JournalsError {
    place: String,
    error: JournalError,
}

impl JournalsError {
    /// Whether it cannot be read, or written, and why.
    #[must_use]
    pub fn kind(&self) -> JournalErrorKind {
        self.error.kind()
    }
}

impl fmt::Display for JournalsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl std::error::Error for JournalsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl ReadJournal for JournalReader {
    fn place(&self) -> String {
        match self {
            Self::Stored(place, _) => place.clone(),
            Self::InMemory(_) => "memory".to_owned(),
        }
    }

    fn archive(&self) -> &dyn Archive {
        match self {
            Self::Stored(_, store) => store,
            Self::InMemory(archive) => &**archive,
        }
    }

    fn stored(&self) -> Option<&StoreArchive> {
        match self {
            Self::Stored(_, store) => Some(store),
            Self::InMemory(_) => None,
        }
    }
}

impl<J: ReadJournal> Journals<J> {
    /// The runs and direct calls of all of them that fit, the latest first.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Summary>, JournalsError> {
        let mut all = Vec::new();
        for journal in &self.0 {
            all.extend(journal.archive().list(filter).await.map_err(at(journal))?);
        }
        all.sort_by_key(|summary| std::cmp::Reverse((summary.started_ms, summary.first)));
        if filter.limit > 0 {
            all.truncate(filter.limit);
        }
        Ok(all)
    }

    /// The record of a run or direct call, with the journal that has it. None: none has it.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub async fn record(&self, id: &str) -> Result<Option<(&J, Record)>, JournalsError> {
        for journal in &self.0 {
            if let Some(record) = journal.archive().record(id).await.map_err(at(journal))? {
                return Ok(Some((journal, record)));
            }
        }
        Ok(None)
    }

    /// Sums over the runs and calls of those that outlive their process.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, JournalsError> {
        let mut all = Vec::new();
        for (journal, store) in self.stored() {
            all.push(store.stats(filter).await.map_err(at(journal))?);
        }
        Ok(Stats::merged(all))
    }

    /// Sums of tokens of the days that begin within these times in milliseconds since the epoch, of those that outlive their process. A day and
    /// a kind may be there more than once.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub async fn tokens(&self, since_ms: u64, until_ms: u64) -> Result<Vec<TokenSum>, JournalsError> {
        let mut all = Vec::new();
        for (journal, store) in self.stored() {
            all.extend(store.tokens(since_ms, until_ms).await.map_err(at(journal))?);
        }
        Ok(all)
    }

    /// Erases the private parts of a run or direct call. Whether one of those that outlive their process had it.
    ///
    /// # Errors
    ///
    /// One cannot be read or written.
    pub async fn erase(&self, id: &str, erasure: &Erasure) -> Result<bool, JournalsError> {
        for (journal, store) in self.stored() {
            if store.erase(id, erasure).await.map_err(at(journal))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn stored(&self) -> impl Iterator<Item = (&J, &StoreArchive)> {
        self.0.iter().filter_map(|journal| Some((journal, journal.stored()?)))
    }
}

fn at<J: ReadJournal>(journal: &J) -> impl Fn(JournalError) -> JournalsError + '_ {
    |error| JournalsError { place: journal.place(), error }
}
