//! The rows of a batch, as columns: a table's rows are inserted by one statement.

use std::collections::{BTreeMap, HashMap};

use super::calls::Calls;
use super::log::Grown;
use super::runs::Runs;
use super::session::Session;
use super::sql;
use crate::blocks::Block;
use crate::store::{Batch, Prepared};
use crate::tree::Edge;
use crate::wire::at_seq;

pub(super) const RECORDS: &str = "INSERT INTO records (seq, run, head, body) \
    SELECT * FROM unnest($1::int8[], $2::int8[], $3::bytea[], $4::bytea[])";
pub(super) const TILES: &str = "INSERT INTO tiles (id, hashes) SELECT * FROM unnest($1::int8[], $2::bytea[])";
pub(super) const KEYS: &str = "INSERT INTO keys (run, key) SELECT * FROM unnest($1::int8[], $2::bytea[])";

/// What is known of a run or direct call that began in an earlier batch.
pub(super) struct Known {
    pub(super) first: i64,
    pub(super) is_erased: bool,
}

/// The rows of a batch.
#[derive(Default)]
pub(super) struct Rows<'a> {
    pub(super) records: Records<'a>,
    pub(super) tiles: Tiles,
    pub(super) keys: Keys<'a>,
    pub(super) runs: Runs<'a>,
    pub(super) calls: Calls<'a>,
    /// The blocks that records of a run name.
    pub(super) blocks: Vec<(i64, &'a Block)>,
    /// The last run that names each object.
    pub(super) named: BTreeMap<&'a str, i64>,
}

#[derive(Default)]
pub(super) struct Records<'a> {
    seqs: Vec<i64>,
    runs: Vec<i64>,
    heads: Vec<Vec<u8>>,
    bodies: Vec<Option<&'a [u8]>>,
}

#[derive(Default)]
pub(super) struct Tiles {
    ids: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

#[derive(Default)]
pub(super) struct Keys<'a> {
    runs: Vec<i64>,
    keys: Vec<&'a [u8]>,
}

impl Records<'_> {
    /// Inserts them.
    pub(super) async fn insert(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.seqs.is_empty() {
            session.execute(RECORDS, &[&self.seqs, &self.runs, &self.heads, &self.bodies]).await?;
        }
        Ok(())
    }
}

impl Tiles {
    /// Inserts them.
    pub(super) async fn insert(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.ids.is_empty() {
            session.execute(TILES, &[&self.ids, &self.hashes]).await?;
        }
        Ok(())
    }
}

impl Keys<'_> {
    /// Inserts them.
    pub(super) async fn insert(&self, session: &Session) -> Result<(), tokio_postgres::Error> {
        if !self.runs.is_empty() {
            session.execute(KEYS, &[&self.runs, &self.keys]).await?;
        }
        Ok(())
    }
}

impl<'a> Rows<'a> {
    /// The rows of these records, after those that the edge has. Of a run that was erased, no private part is kept.
    pub(super) fn of(batch: &'a Batch, edge: &mut Edge, known: &HashMap<String, Known>) -> Self {
        let (mut rows, mut begun) = (Self::default(), HashMap::<&str, i64>::new());
        for record in &batch.records {
            let seq = sql(edge.size() + 1);
            let (run, is_erased) = match (known.get(&*record.id), begun.get(&*record.id)) {
                (Some(known), _) => (known.first, known.is_erased),
                (None, Some(first)) => (*first, false),
                (None, None) => {
                    begun.insert(&record.id, seq);
                    rows.runs.begin(seq, &record.id, &record.change);
                    (seq, false)
                }
            };
            rows.add_record(record, edge, run, is_erased);
            rows.runs.apply(run, &record.change, is_erased);
            rows.calls.apply(run, &record.change.call, is_erased);
            for sha256 in record.change.objects.iter().flatten().filter(|sha256| !sha256.is_empty()) {
                rows.named.insert(sha256, run);
            }
        }
        rows
    }

    fn add_record(&mut self, record: &'a Prepared, edge: &mut Edge, run: i64, is_erased: bool) {
        let seq = edge.size() + 1;
        let head = at_seq(&record.head, record.version, seq);
        for tile in edge.append(&head) {
            self.tiles.ids.push(tile.id.key());
            self.tiles.hashes.push(tile.hashes);
        }
        if let Some(key) = &record.key {
            self.keys.runs.push(run);
            self.keys.keys.push(key.as_bytes());
        }
        if !is_erased {
            self.blocks.extend(record.blocks.iter().map(|block| (run, block)));
        }
        self.records.seqs.push(sql(seq));
        self.records.runs.push(run);
        self.records.heads.push(head);
        self.records.bodies.push(record.body.as_deref().filter(|_| !is_erased));
    }

    /// What the records add.
    pub(super) fn grown(&self) -> Grown {
        let heads: usize = self.records.heads.iter().map(Vec::len).sum();
        let bodies: usize = self.records.bodies.iter().flatten().map(|body| body.len()).sum();
        Grown { heads: sql(heads as u64), content: sql(bodies as u64) }
    }
}
