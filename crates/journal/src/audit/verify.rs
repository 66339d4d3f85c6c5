//! Verification of a whole log.

use std::collections::BTreeMap;

use super::blocks::Blocks;
use super::expiries::Expiries;
use super::report::Report;
use crate::hex::Digest;
use crate::index::{Change, RunIndex};
use crate::reader::Files;
use crate::store::{IndexRow, Reads, Row};
use crate::tree::{Edge, Tile, TreeHead, VerifyKey};
use crate::wire::{Head, HeadEvent};
use crate::{JournalError, JournalErrorKind};

/// Records, and runs, that are read at once.
const ROWS: u64 = 4_096;
const RUNS: u64 = 512;

pub(crate) async fn verify(reads: &dyn Reads, files: &Files, more: &[Vec<u8>]) -> Result<Report, JournalError> {
    let mut report = Report::default();
    // Before the snapshot: what the file covers is in it.
    let roots = roots(reads, files, more, &mut report).await?;
    let reads = reads.snapshot().await?;
    let mut expiries = Expiries::default();
    log(&*reads, &roots, &mut expiries, &mut report).await?;
    expiries.sort(&mut report);
    runs(&*reads, &mut expiries, &mut report).await?;
    expiries.finish(&mut report);
    Ok(report)
}

/// The roots that signed checkpoints say, by size.
async fn roots(
    reads: &dyn Reads,
    files: &Files,
    more: &[Vec<u8>],
    report: &mut Report,
) -> Result<BTreeMap<u64, TreeHead>, JournalError> {
    let mut roots = BTreeMap::new();
    let Some(key) = file(&files.public_key).await? else {
        report.inconsistencies.add("the public key `journal.vkey` is missing");
        return Ok(roots);
    };
    let mut notes: Vec<_> = reads.checkpoints().await?.into_iter().map(|(_, note)| note).collect();
    notes.extend_from_slice(more);
    match file(&files.checkpoint).await? {
        Some(note) => notes.push(note),
        None => report.inconsistencies.add("the file `checkpoint` is missing"),
    }
    let key = VerifyKey::parse(&String::from_utf8_lossy(&key))?;
    for note in notes {
        match key.open(&note) {
            Ok(tree) => {
                report.checkpoints += 1;
                report.covered_records = report.covered_records.max(tree.size);
                if roots.insert(tree.size, tree).is_some_and(|other: TreeHead| other.root != tree.root) {
                    report.inconsistencies.add(format!("two signed checkpoints of {} records differ", tree.size));
                }
            }
            Err(error) => report.inconsistencies.add(format!("{error:#}")),
        }
    }
    Ok(roots)
}

pub(super) async fn file(path: &std::path::Path) -> Result<Option<Vec<u8>>, JournalError> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(JournalError::new(JournalErrorKind::Unreadable).caused_by(error)),
    }
}

/// Builds the tree again from the records, and compares it with tiles and checkpoints.
async fn log(
    reads: &dyn Reads,
    roots: &BTreeMap<u64, TreeHead>,
    expiries: &mut Expiries,
    report: &mut Report,
) -> Result<(), JournalError> {
    let (mut edge, mut after) = (Edge::default(), 0);
    compare(&edge, roots, report);
    loop {
        let rows = reads.rows(after, ROWS).await?;
        let Some(last) = rows.last() else { break };
        after = last.seq;
        for row in &rows {
            if let Some(head) = record(row, edge.size() + 1, report) {
                expiries.note(&head, report);
            }
            for tile in edge.append(&row.head) {
                stored(reads, &tile, report).await?;
            }
            compare(&edge, roots, report);
        }
    }
    report.records = edge.size();
    let said = reads.size().await?;
    if said != edge.size() {
        report.inconsistencies.add(format!("{said} records are counted, {} are in the log", edge.size()));
    }
    if let Some((size, _)) = roots.range(edge.size() + 1..).next_back() {
        report.inconsistencies.add(format!(
            "a signed checkpoint says {size} records, and there are {}: the last ones are missing",
            edge.size()
        ));
    }
    Ok(())
}

fn compare(edge: &Edge, roots: &BTreeMap<u64, TreeHead>, report: &mut Report) {
    if let Some(said) = roots.get(&edge.size())
        && edge.head().ok() != Some(*said)
    {
        report
            .inconsistencies
            .add(format!("the first {} records are others than a signed checkpoint says", edge.size()));
    }
}

async fn stored(reads: &dyn Reads, tile: &Tile, report: &mut Report) -> Result<(), JournalError> {
    if reads.tile(tile.id).await?.as_ref() != Some(&tile.hashes) {
        report.inconsistencies.add(format!("tile {} of level {} differs from the records", tile.id.n, tile.id.level));
    }
    Ok(())
}

/// Checks a record by itself. Returns its head, if it has one.
fn record(row: &Row, expected: u64, report: &mut Report) -> Option<Head> {
    let seq = row.seq;
    if seq != expected {
        report.inconsistencies.add(format!("record {seq} stands at place {expected}"));
    }
    let head = match Head::parse(&row.head) {
        Ok(head) => head,
        Err(error) => {
            report.inconsistencies.add(format!("record {seq}: {error:#}"));
            return None;
        }
    };
    if head.seq != seq {
        report.inconsistencies.add(format!("record {seq} says that it is record {}", head.seq));
    }
    match (&row.body, head.body) {
        (Some(body), Some(said)) if said.bytes == body.len() as u64 && said.sha256 == Digest::of(body) => {}
        // Whether it may be missing, the run says.
        (None, _) => {}
        _ => report.inconsistencies.add(format!("the private part of record {seq} differs from its digest")),
    }
    Some(head)
}

/// Compares the index with the records of each run and the blocks that they name, and looks for what is missing.
async fn runs(reads: &dyn Reads, expiries: &mut Expiries, report: &mut Report) -> Result<(), JournalError> {
    let (mut after, mut records, mut blocks) = (0, expiries.count(), Blocks::default());
    loop {
        let rows = reads.index(after, RUNS).await?;
        let Some(last) = rows.last() else { break };
        after = last.run.first;
        for row in &rows {
            report.runs += 1;
            records += row.heads.len() as u64;
            let naming = run(row, expiries, report);
            blocks.check(reads, row, &naming, report).await?;
        }
    }
    if records != report.records {
        report.inconsistencies.add(format!("{} records are in the log, {records} in the index", report.records));
    }
    Ok(())
}

/// Returns the places of its records that name blocks.
fn run(row: &IndexRow, expiries: &mut Expiries, report: &mut Report) -> Vec<u64> {
    let (id, is_erased) = (&row.run.id, row.run.erased_by.is_some());
    let mut heads = Vec::new();
    for found in &row.heads {
        // One that is malformed was reported with the log.
        let Ok(head) = Head::parse(&found.head) else { return Vec::new() };
        // Others than whoever made the run erase it, and answer its approvals.
        let is_by_others = matches!(head.event, HeadEvent::Erased {} | HeadEvent::ApprovalAnswered { .. });
        let is_its_own = is_by_others || head.principal.to_string() == row.run.principal;
        if head.id() != id || !is_its_own {
            report.inconsistencies.add(format!("record {} is of another run than the index says", found.seq));
        }
        if head.body.is_some() && !found.has_body && !is_erased {
            report.inconsistencies.add(format!("the private part of record {} is missing", found.seq));
        }
        heads.push(head);
    }
    let Some(first) = heads.first() else {
        report.inconsistencies.add(format!("the index has {id}, which has no record"));
        return Vec::new();
    };
    let said = first.key_sha256;
    let is_key_right = match row.key {
        Some(key) => said == Some(Digest::of(&key)) && !is_erased,
        None => is_erased,
    };
    if !is_key_right {
        report.inconsistencies.add(format!("the key of {id} differs from its digest, or is missing"));
    }
    removal(row, &heads, expiries, report);
    index(row, &heads, report);
    completeness(id, &heads, report);
    heads.iter().filter(|head| head.may_name_blocks()).map(|head| head.seq).collect()
}

/// Compares what the index says was removed with the records of that.
fn removal(row: &IndexRow, heads: &[Head], expiries: &mut Expiries, report: &mut Report) {
    let run = &row.run;
    let erased = heads.iter().find(|head| matches!(head.event, HeadEvent::Erased {})).map(|head| head.seq);
    match (run.erased_by, erased) {
        (None, None) if !expiries.covers(run.first) => {}
        (None, _) => {
            report
                .inconsistencies
                .add(format!("the log says that {} was erased, and its private part is there", run.id));
        }
        (Some(by), Some(erased)) if by == erased => report.erased_runs += 1,
        (Some(by), _) if expiries.take(by, run.first) => report.expired_runs += 1,
        (Some(_), _) => report.inconsistencies.add(format!("{} was erased, and no record says so", run.id)),
    }
}

fn index(row: &IndexRow, heads: &[Head], report: &mut Report) {
    let mut changes = heads.iter().map(|head| Change::of(head, None));
    let Some(first) = changes.next() else { return };
    let mut found = RunIndex::new(heads[0].seq, heads[0].id(), &first);
    found.erased_by = row.run.erased_by;
    found.apply(first);
    changes.for_each(|change| found.apply(change));
    if found != row.run {
        report.inconsistencies.add(format!("the index differs from the records of {}", row.run.id));
    }
}

fn completeness(id: &str, heads: &[Head], report: &mut Report) {
    let (mut open, mut is_started, mut is_ended) = (BTreeMap::new(), false, false);
    for head in heads {
        match &head.event {
            HeadEvent::RunStarted(_) | HeadEvent::RunRefused { .. } => is_started = true,
            HeadEvent::CallIntended { call, .. } => *open.entry(call.id).or_insert(0_u64) += 1,
            HeadEvent::CallEnded { id: call, .. } => match open.get_mut(call).filter(|open| **open > 0) {
                Some(open) => *open -= 1,
                None => report.gaps.add(format!("call {call} of {id} has an outcome and no intent")),
            },
            _ => {}
        }
        is_ended |= matches!(head.event, HeadEvent::RunEnded(_) | HeadEvent::RunRefused { .. });
    }
    for (call, _) in open.into_iter().filter(|(_, open)| *open > 0) {
        report.unknown_calls.add(format!("call {call} of {id} has no outcome: unknown, or still going on"));
    }
    if heads.first().is_some_and(|head| head.run.is_some()) {
        if !is_started {
            report.gaps.add(format!("run {id} has no start"));
        }
        if !is_ended {
            report.unknown_runs.add(format!("run {id} has no end: unknown, or still going on"));
        }
    }
}
