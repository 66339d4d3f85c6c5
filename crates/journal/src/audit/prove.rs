//! Proofs about one run.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use tlog_tiles::prove_record;

use super::verify::file;
use crate::hex;
use crate::reader::Files;
use crate::store::{Reads, Row};
use crate::tree::{Edge, Tile, TileSet, TreeHead, VerifyKey};
use crate::wire::{Head, malformed};
use crate::{JournalError, JournalErrorKind};

/// The version of the format of proofs.
pub(super) const VERSION: u32 = 1;

/// The records of one run or direct call, with what proves that a signed checkpoint covers them. Written as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// The version of the format: 1.
    pub(super) v: u32,
    /// The run or direct call.
    pub(super) id: String,
    /// The signed checkpoint, a signed note of C2SP.
    pub(super) checkpoint: String,
    /// The key that the private parts are sealed with, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    /// The records, in order.
    pub(super) records: Vec<ProofRecord>,
    /// The record that retention removed the private parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) expired: Option<ProofRecord>,
}

/// A record in a proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProofRecord {
    /// The head, byte for byte.
    pub(super) head: String,
    /// The inclusion proof of RFC 6962: hashes in base64, from the leaf to the root.
    pub(super) inclusion: Vec<String>,
    /// The sealed private part, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<String>,
}

impl Proof {
    /// The proof as JSON.
    ///
    /// # Errors
    ///
    /// None that can occur: all keys are texts.
    pub fn to_json(&self) -> Result<String, JournalError> {
        serde_json::to_string_pretty(self).map_err(malformed)
    }
}

pub(crate) async fn prove(
    reads: &dyn Reads,
    files: &Files,
    id: &str,
    with_content: bool,
) -> Result<Option<Proof>, JournalError> {
    // Before the snapshot: what it covers is in it.
    let (checkpoint, tree) = newest(reads, files).await?;
    let reads = reads.snapshot().await?;
    let Some(mut found) = reads.record(id).await? else { return Ok(None) };
    // That it was erased a moment ago is proved later.
    found.rows.pop_if(|last| Some(last.seq) == found.erased_by && last.seq > tree.size);
    if found.rows.last().is_some_and(|last| last.seq > tree.size) {
        return Err(unreadable(
            "no checkpoint covers the run yet: one is signed within a second, or when the journal is opened; that of another process is \
             here within a minute",
        ));
    }
    let mut tiles = TileSet::new(edge(&*reads).await?);
    let expiry = found.erased_by.filter(|by| *by <= tree.size && found.rows.iter().all(|row| row.seq != *by));
    let mut records = Vec::with_capacity(found.rows.len());
    for row in found.rows {
        let inclusion = inclusion(&*reads, &mut tiles, tree.size, row.seq).await?;
        records.push(record(row, inclusion, with_content)?);
    }
    let mut expired = None;
    if let Some(row) = match expiry.and_then(|seq| seq.checked_sub(1)) {
        Some(before) => reads.rows(before, 1).await?.pop(),
        None => None,
    } {
        let inclusion = inclusion(&*reads, &mut tiles, tree.size, row.seq).await?;
        expired = Some(record(row, inclusion, false)?);
    }
    let key = found.key.filter(|_| with_content).map(|key| hex::encode(&key));
    Ok(Some(Proof { v: VERSION, id: id.to_owned(), checkpoint, key, records, expired }))
}

/// The newest signed checkpoint, and what it says: that in the file, or one that another process has stored since.
///
/// # Errors
///
/// There is none, or it cannot be read. The key of the journal has not signed it.
pub(crate) async fn newest(reads: &dyn Reads, files: &Files) -> Result<(String, TreeHead), JournalError> {
    let key = file(&files.public_key).await?.ok_or_else(|| unreadable("the public key `journal.vkey` is missing"))?;
    let notes = [file(&files.checkpoint).await?, reads.newest_checkpoint().await?];
    let key = VerifyKey::parse(&String::from_utf8_lossy(&key))?;
    let mut newest: Option<(String, TreeHead)> = None;
    for note in notes.into_iter().flatten() {
        let tree = key.open(&note)?;
        if newest.as_ref().is_none_or(|(_, other)| other.size < tree.size) {
            newest = Some((String::from_utf8(note).map_err(malformed)?, tree));
        }
    }
    newest.ok_or_else(|| unreadable("there is no checkpoint"))
}

fn unreadable(cause: &str) -> JournalError {
    JournalError::new(JournalErrorKind::Unreadable).caused_by(cause)
}

/// The edge of the tree of all records.
async fn edge(reads: &dyn Reads) -> Result<Edge, JournalError> {
    let size = reads.size().await?;
    let parts = Edge::parts(size);
    let mut heads = Vec::new();
    while (heads.len() as u64) < size - parts.heads_after {
        let rows = reads.rows(parts.heads_after + heads.len() as u64, 256).await?;
        if rows.is_empty() {
            return Err(malformed("records are missing"));
        }
        heads.extend(rows.into_iter().map(|row: Row| row.head));
    }
    let mut tiles = Vec::new();
    for id in parts.tiles {
        tiles.push(Tile { id, hashes: reads.tile(id).await?.unwrap_or_default() });
    }
    Edge::from_parts(size, &heads, &tiles)
}

async fn inclusion(reads: &dyn Reads, tiles: &mut TileSet, size: u64, seq: u64) -> Result<Vec<String>, JournalError> {
    loop {
        match tiles.compute(|tiles| prove_record(size, seq - 1, tiles)) {
            Ok(Ok(hashes)) => return Ok(hashes.iter().map(ToString::to_string).collect()),
            Ok(Err(error)) => return Err(malformed(error.to_string())),
            Err(missing) => {
                for id in missing {
                    let hashes = reads.tile(id).await?;
                    tiles.load(id, hashes);
                }
            }
        }
    }
}

fn record(row: Row, inclusion: Vec<String>, with_content: bool) -> Result<ProofRecord, JournalError> {
    Head::parse(&row.head)?;
    let body = row.body.filter(|_| with_content).map(|body| BASE64.encode(body));
    Ok(ProofRecord { head: String::from_utf8(row.head).map_err(malformed)?, inclusion, body })
}
