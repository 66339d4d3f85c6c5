//! What a process holds.

use std::fs;

use anyhow::{Context as _, Result};

/// Memory that is a process's own, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Pages that no file stands behind: what each script touches of the snapshot, heaps, stacks.
    pub anonymous: i64,
    /// Pages that nobody else maps, files included. Holds pages of the artifact that only one instance has touched.
    pub private: i64,
}

/// Reads it.
///
/// # Errors
///
/// This is no Linux.
pub fn memory() -> Result<Memory> {
    memory_of("self")
}

/// The same of another process, by its id.
///
/// # Errors
///
/// There is none, or this is no Linux.
pub fn memory_of(process: &str) -> Result<Memory> {
    let file = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&file).context(file)?;
    let field = |name: &str| -> Result<i64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| name.to_owned())?;
        let kib: i64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib << 10)
    };
    Ok(Memory { anonymous: field("Anonymous:")?, private: field("Private_Clean:")? + field("Private_Dirty:")? })
}
