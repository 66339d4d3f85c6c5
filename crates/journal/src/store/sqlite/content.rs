//! How much retention can remove: bodies of records, blocks of files, and objects. Counted with each transaction, because to add all of it up
//! takes as long as to read it.

use rusqlite::Connection;

use super::unsigned;

/// Counts so many bytes that were added, or removed.
pub(crate) fn grow(connection: &Connection, bytes: i64) -> rusqlite::Result<()> {
    if bytes != 0 {
        let grown = "UPDATE progress SET value = value + ?1 WHERE name = 'content_bytes'";
        connection.prepare_cached(grown)?.execute([bytes])?;
    }
    Ok(())
}

/// What a journal takes, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Size {
    /// What retention can remove.
    pub(super) content: u64,
    /// Everything else: heads, the index, the tree.
    pub(super) public: u64,
}

impl Size {
    /// The size of the database, without the pages that are free for reuse.
    pub(super) fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let all = unsigned((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?);
        let counted = "SELECT value FROM progress WHERE name = 'content_bytes'";
        let content = unsigned(connection.prepare_cached(counted)?.query_row([], |row| row.get(0))?);
        Ok(Self { content, public: all.saturating_sub(content) })
    }
}
