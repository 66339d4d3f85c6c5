//! What a workspace holds.

use std::collections::HashMap;

use exuvia_tool::FileError;

use crate::Quota;

/// A file by its device and inode.
pub(crate) type Identity = (u64, u64);

/// What a workspace holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// The sum of the sizes of its files, in bytes.
    pub bytes: u64,
    /// Its files and directories.
    pub files: u64,
}

/// The accounts of a workspace, behind its lock.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) usage: Usage,
    pub(crate) quota: Quota,
    /// The files that runs have open.
    open: HashMap<Identity, OpenFile>,
}

#[derive(Debug, Default)]
struct OpenFile {
    handles: u32,
    /// Its last name was removed: its bytes are freed when it is closed.
    is_removed: bool,
}

impl Accounts {
    /// The accounts of a workspace that nobody has open.
    pub(crate) fn of(usage: Usage, quota: Quota) -> Self {
        Self { usage, quota, open: HashMap::new() }
    }

    /// There is room for one more file or directory.
    pub(crate) fn room_for_file(&self) -> Result<(), FileError> {
        if self.usage.files < self.quota.files { Ok(()) } else { Err(FileError::Quota) }
    }

    /// How many bytes more there is room for.
    pub(crate) fn room(&self) -> u64 {
        self.quota.bytes.saturating_sub(self.usage.bytes)
    }

    /// A file has become this much larger or smaller.
    pub(crate) fn resized(&mut self, before: u64, now: u64) {
        self.usage.bytes = self.usage.bytes.saturating_sub(before).saturating_add(now);
    }

    pub(crate) fn opened(&mut self, file: Identity) {
        self.open.entry(file).or_default().handles += 1;
    }

    /// A name of a file was removed, of this size.
    pub(crate) fn removed(&mut self, file: Identity, size: u64) {
        self.usage.files = self.usage.files.saturating_sub(1);
        match self.open.get_mut(&file) {
            Some(open) => open.is_removed = true,
            None => self.usage.bytes = self.usage.bytes.saturating_sub(size),
        }
    }

    /// A handle of a file of this size was closed.
    pub(crate) fn closed(&mut self, file: Identity, size: u64) {
        let Some(open) = self.open.get_mut(&file) else { return };
        open.handles -= 1;
        if open.handles == 0 {
            let is_removed = open.is_removed;
            self.open.remove(&file);
            if is_removed {
                self.usage.bytes = self.usage.bytes.saturating_sub(size);
            }
        }
    }
}
