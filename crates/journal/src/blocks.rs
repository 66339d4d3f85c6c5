//! What runs read of files, kept once for all of them and apart from their records.
//!
//! The record of a run has the SHA-256 of the bytes, in its private part. Name and key of the block follow from that and a secret of the
//! journal, so that a block is found and opened by whoever has a record that names it, and by nobody else. When the key of the last such run
//! is dropped, nothing is left that opens the block; it is removed as well.

use std::collections::{HashMap, HashSet};

use exuvia_tool::FileBytes;
use ring::hmac;

use crate::hex::Digest;
use crate::seal::RunKey;
use crate::{JournalError, wire};

/// What blocks are sealed for, in place of a run and a kind of event.
const SEALED_FOR: &str = "file-block";

/// A block that a record names.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) sha256: [u8; 32],
    pub(crate) bytes: FileBytes,
}

/// The secret of a journal that names and keys of blocks follow from.
pub(crate) struct BlockSecret(hmac::Key);

impl BlockSecret {
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// What a block is stored under.
    pub(crate) fn name(&self, sha256: &[u8; 32]) -> [u8; 32] {
        self.derived(b"name", sha256)
    }

    /// The block as it is stored.
    ///
    /// # Errors
    ///
    /// The system gives no randomness.
    pub(crate) fn sealed(&self, block: &Block) -> Result<Vec<u8>, JournalError> {
        self.key(&block.sha256).seal("", SEALED_FOR, &block.bytes)
    }

    /// The bytes of a block.
    ///
    /// # Errors
    ///
    /// They are not those of the digest.
    pub(crate) fn opened(&self, sha256: &[u8; 32], sealed: &[u8]) -> Result<Vec<u8>, JournalError> {
        let bytes = self.key(sha256).open("", SEALED_FOR, sealed)?;
        if Digest::of(&bytes).0 != *sha256 {
            return Err(wire::malformed("a block differs from its digest"));
        }
        Ok(bytes)
    }

    fn key(&self, sha256: &[u8; 32]) -> RunKey {
        RunKey::from(self.derived(b"key", sha256))
    }

    fn derived(&self, purpose: &[u8], sha256: &[u8; 32]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(purpose);
        context.update(sha256);
        let mut derived = [0; 32];
        derived.copy_from_slice(context.sign().as_ref());
        derived
    }
}

/// The blocks of one run as they are stored, by their names.
pub(crate) struct SealedBlocks {
    pub(crate) secret: Vec<u8>,
    pub(crate) blocks: HashMap<Vec<u8>, Vec<u8>>,
}

/// The names of the blocks that one run has and that are there.
pub(crate) struct BlockNames {
    /// Empty where it is missing: then no name is found.
    pub(crate) secret: Vec<u8>,
    pub(crate) names: HashSet<Vec<u8>>,
}

/// What one run read of its files, by digest. Opened when it is first asked for.
#[derive(Default)]
pub struct FileBlocks {
    secret: Option<BlockSecret>,
    sealed: HashMap<Vec<u8>, Vec<u8>>,
    opened: HashMap<[u8; 32], FileBytes>,
    opened_bytes: usize,
}

impl FileBlocks {
    pub(crate) fn new(found: SealedBlocks) -> Self {
        Self { secret: Some(BlockSecret::new(&found.secret)), sealed: found.blocks, ..Self::default() }
    }

    /// The bytes with this SHA-256. None: the run's journal does not have them.
    ///
    /// # Errors
    ///
    /// They were changed, or there is more of all than is read at once.
    pub fn get(&mut self, sha256: &[u8; 32]) -> Result<Option<FileBytes>, JournalError> {
        if let Some(bytes) = self.opened.get(sha256) {
            return Ok(Some(bytes.clone()));
        }
        let Some(secret) = &self.secret else { return Ok(None) };
        let Some(sealed) = self.sealed.remove(secret.name(sha256).as_slice()) else { return Ok(None) };
        let bytes = secret.opened(sha256, &sealed)?;
        self.opened_bytes = self.opened_bytes.saturating_add(bytes.len());
        if self.opened_bytes > crate::reader::MAX_OPENED_BYTES {
            return Err(crate::reader::too_large());
        }
        let bytes = FileBytes::from(bytes);
        self.opened.insert(*sha256, bytes.clone());
        Ok(Some(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_opens_by_its_digest_and_the_secret_of_its_journal_alone() {
        let bytes = FileBytes::from(b"orders".repeat(500));
        let block = Block { sha256: Digest::of(&bytes).0, bytes: bytes.clone() };
        let secret = BlockSecret::new(b"one");
        let (name, sealed) = (secret.name(&block.sha256).to_vec(), secret.sealed(&block).expect("sealed"));
        assert!(!sealed.windows(6).any(|part| part == b"orders") && name != block.sha256);
        let stored = |secret: &[u8], sealed: Vec<u8>| {
            FileBlocks::new(SealedBlocks { secret: secret.to_vec(), blocks: [(name.clone(), sealed)].into() })
        };
        let mut blocks = stored(b"one", sealed.clone());
        for _ in 0..2 {
            assert_eq!(blocks.get(&block.sha256).expect("opened"), Some(bytes.clone()));
        }
        assert_eq!(blocks.get(&[7; 32]).expect("looked up"), None);
        assert_eq!(stored(b"other", sealed.clone()).get(&block.sha256).expect("looked up"), None);
        let mut changed = sealed;
        changed[20] ^= 1;
        assert!(stored(b"one", changed).get(&block.sha256).is_err());
    }
}
