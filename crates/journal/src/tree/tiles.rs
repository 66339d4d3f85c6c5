//! Hashes of the tree by their places, from tiles that are loaded as they are missed.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use tlog_tiles::{Error, Hash, HashReader};

use super::{Edge, TILE_HEIGHT};

/// The place of a tile: its level, counted from the records, and its number in the level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct TileId {
    pub(crate) level: u8,
    pub(crate) n: u64,
}

impl TileId {
    /// One number for both, for a table.
    pub(crate) fn key(self) -> i64 {
        i64::from(self.level) << 48 | i64::try_from(self.n & ((1 << 48) - 1)).unwrap_or_default()
    }
}

/// The hash of this index of the tree, from the tile that has it.
pub(super) fn hash_in<'a>(index: u64, tile: impl Fn(TileId) -> Option<&'a [u8]>) -> Option<Hash> {
    let found = tlog_tiles::Tile::from_index(TILE_HEIGHT, index);
    let hashes = tile(TileId { level: found.level(), n: found.level_index() })?;
    found.hash_at_index(hashes, index).ok()
}

/// Tiles that were loaded, and the edge. What is read from it and missing is noted, to be loaded before it is read again.
pub(crate) struct TileSet {
    edge: Edge,
    loaded: BTreeMap<TileId, Vec<u8>>,
    missed: RefCell<BTreeSet<TileId>>,
}

impl TileSet {
    /// The tiles of a tree with this edge: none is loaded.
    pub(crate) fn new(edge: Edge) -> Self {
        Self { edge, loaded: BTreeMap::new(), missed: RefCell::default() }
    }

    /// What `read` computes of the tree, or the tiles that it needs first.
    pub(crate) fn compute<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Vec<TileId>> {
        let computed = read(self);
        let missed = self.missed.take();
        if missed.is_empty() { Ok(computed) } else { Err(missed.into_iter().collect()) }
    }

    /// Adds a tile. One that is not there is added empty: what needs it fails.
    pub(crate) fn load(&mut self, id: TileId, hashes: Option<Vec<u8>>) {
        self.loaded.insert(id, hashes.unwrap_or_default());
    }

    fn tile(&self, id: TileId) -> Option<&[u8]> {
        self.edge.partial(id).or_else(|| {
            let loaded = self.loaded.get(&id).map(Vec::as_slice);
            if loaded.is_none() {
                self.missed.borrow_mut().insert(id);
            }
            loaded
        })
    }
}

impl HashReader for TileSet {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        // All of them before the first failure: so that all that is missing is loaded at once.
        let hashes: Vec<_> = indexes.iter().map(|&index| hash_in(index, |id| self.tile(id))).collect();
        hashes.into_iter().map(|hash| hash.ok_or(Error::IndexesNotInTree)).collect()
    }
}
