//! The Merkle tree of RFC 6962 over the heads of all records, in tiles of 256 hashes, and its signed checkpoints.

mod edge;
mod note;
mod tiles;

pub(crate) use edge::{Edge, Tile};
pub(crate) use note::{SigningKey, VerifyKey};
pub(crate) use tiles::{TileId, TileSet};

use tlog_tiles::Hash;

/// The height of a tile: it has `2^8` hashes.
pub(crate) const TILE_HEIGHT: u8 = 8;
/// The hashes of a whole tile.
pub(crate) const TILE_WIDTH: u64 = 1 << TILE_HEIGHT;

/// A tree of so many records, by its root.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TreeHead {
    pub(crate) size: u64,
    pub(crate) root: Hash,
}
