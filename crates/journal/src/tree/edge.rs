//! The right edge of the tree: what an append needs, and whole tiles as they become full.

use tlog_tiles::{Error, Hash, HashReader, record_hash, tree_hash};

use super::tiles::{TileId, hash_in};
use super::{TILE_HEIGHT, TILE_WIDTH, TreeHead};
use crate::JournalError;
use crate::wire::malformed;

/// A tile with all its hashes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tile {
    pub(crate) id: TileId,
    pub(crate) hashes: Vec<u8>,
}

/// The hashes of those tiles that are not full yet: one of each level.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<u8>>,
}

/// What the edge of a tree of a certain size is made of.
#[derive(Debug, PartialEq)]
pub(crate) struct EdgeParts {
    /// The heads of the records after this place: fewer than 256.
    pub(crate) heads_after: u64,
    /// The tiles whose roots stand in the edge, from left to right within each level: fewer than 256 of each level.
    pub(crate) tiles: Vec<TileId>,
}

impl Edge {
    /// What to read for the edge of a tree of this size.
    pub(crate) fn parts(size: u64) -> EdgeParts {
        let mut tiles = Vec::new();
        for level in 1..=7 {
            let (whole, width) = (size >> (TILE_HEIGHT * level), TILE_WIDTH - 1);
            tiles.extend((whole & !width..whole).map(|n| TileId { level: level - 1, n }));
        }
        EdgeParts { heads_after: size & !(TILE_WIDTH - 1), tiles }
    }

    /// The edge of a tree of this size, from [what it is made of](Self::parts).
    ///
    /// # Errors
    ///
    /// A tile has another size than a tile has.
    pub(crate) fn from_parts(size: u64, heads: &[Vec<u8>], tiles: &[Tile]) -> Result<Self, JournalError> {
        let mut edge = Self { size, levels: Vec::new() };
        for head in heads {
            edge.level(0).extend(record_hash(head).0);
        }
        for tile in tiles {
            if tile.hashes.len() != 32 << TILE_HEIGHT {
                return Err(malformed("a tile has 256 hashes"));
            }
            let root = tlog_tiles::Tile::subtree_hash(&tile.hashes);
            edge.level(usize::from(tile.id.level) + 1).extend(root.0);
        }
        Ok(edge)
    }

    /// The number of records.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The tree's root.
    ///
    /// # Errors
    ///
    /// The edge lacks hashes.
    pub(crate) fn head(&self) -> Result<TreeHead, JournalError> {
        let root = tree_hash(self.size, self).map_err(|error| malformed(error.to_string()))?;
        Ok(TreeHead { size: self.size, root })
    }

    /// Appends a record, and returns the tiles that are full now.
    pub(crate) fn append(&mut self, head: &[u8]) -> Vec<Tile> {
        let (mut hash, mut full) = (record_hash(head), Vec::new());
        let mut level = 0_u8;
        loop {
            let hashes = self.level(usize::from(level));
            hashes.extend(hash.0);
            if hashes.len() < 32 << TILE_HEIGHT {
                break;
            }
            let hashes = std::mem::take(hashes);
            hash = tlog_tiles::Tile::subtree_hash(&hashes);
            full.push(Tile { id: TileId { level, n: self.size >> (TILE_HEIGHT * (level + 1)) }, hashes });
            level += 1;
        }
        self.size += 1;
        full
    }

    /// The hashes of a tile that is not full, if it is of the edge.
    pub(crate) fn partial(&self, id: TileId) -> Option<&[u8]> {
        let whole = self.size.checked_shr(u32::from(TILE_HEIGHT) * (u32::from(id.level) + 1)).unwrap_or(0);
        (id.n == whole).then(|| self.levels.get(usize::from(id.level)).map(Vec::as_slice)).flatten()
    }

    fn level(&mut self, level: usize) -> &mut Vec<u8> {
        if self.levels.len() <= level {
            self.levels.resize(level + 1, Vec::new());
        }
        &mut self.levels[level]
    }
}

impl HashReader for Edge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        indexes.iter().map(|&index| hash_in(index, |id| self.partial(id)).ok_or(Error::IndexesNotInTree)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(number: u64) -> Vec<u8> {
        number.to_string().into_bytes()
    }

    /// The root as RFC 6962 defines it.
    fn defined(heads: &[Vec<u8>]) -> Hash {
        match heads {
            [] => tlog_tiles::EMPTY_HASH,
            [one] => record_hash(one),
            _ => {
                let (left, right) = heads.split_at(1 << (heads.len() - 1).ilog2());
                tlog_tiles::node_hash(defined(left), defined(right))
            }
        }
    }

    #[test]
    fn the_root_is_that_of_the_rfc_at_every_size() {
        let (mut edge, mut heads) = (Edge::default(), Vec::new());
        for number in 0..1_100 {
            if number < 40 || number % 97 == 0 || number % 256 < 3 {
                assert_eq!(edge.head().expect("root").root, defined(&heads), "{number}");
            }
            heads.push(head(number));
            edge.append(&head(number));
        }
    }

    #[test]
    fn an_edge_from_its_parts_is_the_same_edge() {
        for size in [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 66_000, 131_072 + 300] {
            let (mut edge, mut tiles) = (Edge::default(), Vec::new());
            for number in 0..size {
                tiles.extend(edge.append(&head(number)));
            }
            let parts = Edge::parts(size);
            let heads: Vec<_> = (parts.heads_after..size).map(head).collect();
            let tiles: Vec<_> = parts.tiles.iter().map(|id| stored(&tiles, *id)).collect();
            let again = Edge::from_parts(size, &heads, &tiles).expect("edge");
            assert_eq!(again.head().expect("root"), edge.head().expect("root"), "{size}");
        }
    }

    fn stored(tiles: &[Tile], id: TileId) -> Tile {
        tiles.iter().find(|tile| tile.id == id).expect("a full tile").clone()
    }
}
