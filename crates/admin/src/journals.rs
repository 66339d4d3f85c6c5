//! Several journals, read as one.

use std::sync::Arc;

use exuvia_journal::{Archive, Erasure, Filter, JournalError, Record, Stats, StoreArchive, Summary};

/// A journal, for reading.
#[derive(Clone)]
pub struct JournalReader {
    /// Where it is, for the operator.
    pub place: String,
    /// What it has.
    pub archive: Arc<dyn Archive>,
    /// The same, where it outlives its process.
    pub store: Option<StoreArchive>,
}

/// Every journal that a configuration names.
#[derive(Clone, Default)]
pub struct Journals(pub Vec<JournalReader>);

impl JournalReader {
    /// One that outlives its process.
    #[must_use]
    pub fn stored(place: String, store: StoreArchive) -> Self {
        Self { place, archive: Arc::new(store.clone()), store: Some(store) }
    }

    /// One in the memory of this process.
    #[must_use]
    pub fn in_memory(archive: Arc<dyn Archive>) -> Self {
        Self { place: "memory".to_owned(), archive, store: None }
    }
}

impl Journals {
    /// The runs and direct calls of all of them that fit, the latest first.
    ///
    /// # Errors
    ///
    /// One cannot be read.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<Summary>, JournalError> {
        let mut all = Vec::new();
        for journal in &self.0 {
            all.extend(journal.archive.list(filter).await?);
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
    pub async fn record(&self, id: &str) -> Result<Option<(&JournalReader, Record)>, JournalError> {
        for journal in &self.0 {
            if let Some(record) = journal.archive.record(id).await? {
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
    pub async fn stats(&self, filter: &Filter) -> Result<Stats, JournalError> {
        let mut all = Vec::new();
        for store in self.0.iter().filter_map(|journal| journal.store.as_ref()) {
            all.push(store.stats(filter).await?);
        }
        Ok(Stats::merged(all))
    }

    /// Erases the private parts of a run or direct call. Whether one of those that outlive their process had it.
    ///
    /// # Errors
    ///
    /// One cannot be read or written.
    pub async fn erase(&self, id: &str, erasure: &Erasure) -> Result<bool, JournalError> {
        for store in self.0.iter().filter_map(|journal| journal.store.as_ref()) {
            if store.erase(id, erasure).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
