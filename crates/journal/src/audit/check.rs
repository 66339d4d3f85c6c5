//! Checking a proof with the public key alone.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use tlog_tiles::{Hash, check_record, record_hash};

use super::prove::{Proof, ProofRecord, VERSION};
use crate::hex::{self, Digest};
use crate::seal::RunKey;
use crate::tree::{TreeHead, VerifyKey};
use crate::wire::{Head, HeadEvent, malformed, stamped};
use crate::{Erasure, JournalError, JournalErrorKind, Record, Stamped};

/// The longest inclusion proof: of a tree of 2^64 records.
const MAX_INCLUSION: usize = 64;

/// What a proof that checks shows: a journal of this name had these records when it signed the checkpoint, byte for byte, at these places.
///
/// It does not show that these are all records of the run, that what they say is true, nor when they were made: times are the operator's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Verdict {
    /// The name of the journal: that of its key.
    pub journal: String,
    /// The records that the checkpoint covers.
    pub tree_size: u64,
    /// The root of its tree, in base64.
    pub root: String,
    /// Private parts that were opened, and those that were withheld or erased.
    pub opened: u64,
    /// See `opened`.
    pub withheld: u64,
    /// Why there is no private part, if the log says so.
    pub removal: Option<Removal>,
    /// The records. What was withheld is empty.
    pub record: Record,
}

/// Why a record has no private part any more.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removal {
    /// Somebody erased it.
    Erased(Erasure),
    /// Retention removed it, at this time in milliseconds since the epoch, UTC.
    Expired(u64),
}

/// Checks a [proof](crate::Proof) with the public key of the journal: the text of its `journal.vkey`.
///
/// # Errors
///
/// [`Inconsistent`](JournalErrorKind::Inconsistent): it proves nothing, and why. [`Malformed`](JournalErrorKind::Malformed): it is no proof, or the
/// key no key. [`Newer`](JournalErrorKind::Newer): a newer program made it.
pub fn check(proof: &str, public_key: &str) -> Result<Verdict, JournalError> {
    let key = VerifyKey::parse(public_key)?;
    let proof: Proof = serde_json::from_str(proof).map_err(malformed)?;
    if proof.v != VERSION {
        let cause = format!("the proof has version {}, this program reads {VERSION}", proof.v);
        return Err(JournalError::new(JournalErrorKind::Newer).caused_by(cause));
    }
    let tree = key.open(proof.checkpoint.as_bytes())?;
    let content = content_key(&proof)?;
    let mut entries: Vec<Stamped> = Vec::new();
    let (mut opened, mut withheld) = (0, 0);
    for record in &proof.records {
        let head = included(record, tree)?;
        if head.id() != proof.id {
            return Err(refused(format!("record {} is of another run", head.seq)));
        }
        if entries.last().is_some_and(|last| last.seq.0 >= head.seq) {
            return Err(refused(format!("record {} is out of order", head.seq)));
        }
        let body = body(record, &head, content.as_ref())?;
        opened += u64::from(body.is_some());
        withheld += u64::from(body.is_none() && head.body.is_some());
        entries.push(stamped(head, body.as_deref())?);
    }
    let record = Record::of(entries).ok_or_else(|| refused("it has no record".to_owned()))?;
    let removal = removal(&proof, &record, tree)?;
    let (journal, root) = (key.name().to_owned(), tree.root.to_string());
    Ok(Verdict { journal, tree_size: tree.size, root, opened, withheld, removal, record })
}

/// Why there is no private part, as the records say.
fn removal(proof: &Proof, record: &Record, tree: TreeHead) -> Result<Option<Removal>, JournalError> {
    if let Some(erasure) = record.erasure() {
        return Ok(Some(Removal::Erased(erasure)));
    }
    let Some(expired) = &proof.expired else { return Ok(None) };
    let head = included(expired, tree)?;
    let begins = record.entries.first().map_or(0, |first| first.seq.0);
    match head.event {
        HeadEvent::Expired { first, last, .. } if (first..=last).contains(&begins) && expired.body.is_none() => {
            Ok(Some(Removal::Expired(head.at_ms)))
        }
        _ => Err(refused(format!("record {} does not say that retention removed it", head.seq))),
    }
}

/// The head of a record that the tree includes.
fn included(record: &ProofRecord, tree: TreeHead) -> Result<Head, JournalError> {
    let head = Head::parse(record.head.as_bytes())?;
    let path = record.inclusion.iter().map(|hash| Hash::parse_hash(hash)).collect::<Result<Vec<_>, _>>();
    let path = path.map_err(|error| malformed(error.to_string()))?;
    let is_included = path.len() <= MAX_INCLUSION
        && (1..=tree.size).contains(&head.seq)
        && check_record(&path, tree.size, tree.root, head.seq - 1, record_hash(record.head.as_bytes())).is_ok();
    if is_included {
        Ok(head)
    } else {
        Err(refused(format!("record {} is not in the tree of the checkpoint", head.seq)))
    }
}

/// The key of the private parts, if it is the one that the first record names.
fn content_key(proof: &Proof) -> Result<Option<RunKey>, JournalError> {
    let Some(key) = &proof.key else { return Ok(None) };
    let key = RunKey::from(hex::decode32(key).ok_or_else(|| malformed("the key is malformed"))?);
    let named = proof.records.first().map(|record| Head::parse(record.head.as_bytes())).transpose()?;
    if named.and_then(|head| head.key_sha256) == Some(key.commitment()) {
        return Ok(Some(key));
    }
    Err(refused("its key is not the one that the first record names".to_owned()))
}

fn body(record: &ProofRecord, head: &Head, key: Option<&RunKey>) -> Result<Option<Vec<u8>>, JournalError> {
    let (Some(body), Some(said)) = (&record.body, head.body) else {
        return if record.body.is_none() {
            Ok(None)
        } else {
            Err(refused(format!("record {} has no private part", head.seq)))
        };
    };
    let sealed = BASE64.decode(body).map_err(malformed)?;
    if said.bytes != sealed.len() as u64 || said.sha256 != Digest::of(&sealed) {
        return Err(refused(format!("the private part of record {} differs from its digest", head.seq)));
    }
    key.map(|key| key.open(head.id(), head.event.kind(), &sealed)).transpose()
}

fn refused(cause: String) -> JournalError {
    JournalError::new(JournalErrorKind::Inconsistent).caused_by(format!("the proof: {cause}"))
}
