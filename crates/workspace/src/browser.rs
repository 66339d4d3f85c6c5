//! Looking into a workspace from outside of scripts: for clients and operators.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use exuvia_tool::{
    FileAnswer, FileBytes, FileEntry, FileError, FileHandle, FileKind, FileRequest, FileStat, FileValue, OpenHow,
    RunFiles as _,
};

use crate::{Access, Workspace, WorkspaceFiles};

/// How many files and directories are removed at once.
const MAX_REMOVED: usize = 1_000_000;
/// How deep files are looked for. What lies deeper was not made by a script.
const MAX_DEPTH: usize = 64;
/// How many directories are opened for one page of files.
const MAX_OPENED: usize = 1_000;

/// Lists, reads and removes files. It meets the same walls as a script.
pub struct Browser(WorkspaceFiles);

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundFile {
    /// Its path from the top of the workspace.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
}

/// Some files, by path: directory by directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilePage {
    /// The files.
    pub files: Vec<FoundFile>,
    /// What the next page begins after. None: this is the last one.
    pub next: Option<String>,
}

/// Why something was not removed, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoveError {
    /// This path cannot be removed.
    File(String, FileError),
    /// There is more below than is removed at once.
    TooMany,
}

impl fmt::Display for RemoveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{path}: {error}"),
            Self::TooMany => {
                write!(f, "there are more than {MAX_REMOVED} files and directories: remove parts of it")
            }
        }
    }
}

impl std::error::Error for RemoveError {}

/// A directory that is walked through.
struct Walked {
    path: String,
    entries: std::vec::IntoIter<FileEntry>,
    /// What of it the pages before have, as names from here on. None: nothing.
    after: Option<VecDeque<String>>,
}

impl Browser {
    /// Looks into this workspace.
    #[must_use]
    pub fn new(workspace: Arc<Workspace>, access: Access) -> Self {
        Self(WorkspaceFiles::new(workspace, access))
    }

    /// What is in a directory, sorted by name.
    ///
    /// # Errors
    ///
    /// It is none, or cannot be read.
    pub async fn list(&self, path: &str) -> Result<Vec<FileEntry>, FileError> {
        let directory = self.open(path).await?;
        let listed = self.ask(FileRequest::List { directory }).await;
        self.0.close(directory);
        match listed? {
            FileValue::Entries(entries) => Ok(entries),
            _ => Err(FileError::Io),
        }
    }

    /// What is known of a file or directory.
    ///
    /// # Errors
    ///
    /// There is none.
    pub async fn stat(&self, path: &str) -> Result<FileStat, FileError> {
        let request = FileRequest::StatAt { at: FileHandle::ROOT, path: path.to_owned() };
        match self.ask(request).await? {
            FileValue::Stat(stat) => Ok(stat),
            _ => Err(FileError::Io),
        }
    }

    /// Opens a file to be read in parts.
    ///
    /// # Errors
    ///
    /// There is none, or it cannot be opened.
    pub async fn open(&self, path: &str) -> Result<FileHandle, FileError> {
        let how = OpenHow { read: true, ..OpenHow::default() };
        match self.ask(FileRequest::Open { at: FileHandle::ROOT, path: path.to_owned(), how }).await? {
            FileValue::Opened { file, .. } => Ok(file),
            _ => Err(FileError::Io),
        }
    }

    /// The next part of an open file, of at most so many bytes. Empty: its end.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub async fn part(&self, file: FileHandle, offset: u64, length: u32) -> Result<FileBytes, FileError> {
        match self.ask(FileRequest::Read { file, offset, length }).await? {
            FileValue::Bytes(bytes) => Ok(bytes),
            _ => Err(FileError::Io),
        }
    }

    /// So many bytes of a file, fewer at its end.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub async fn read(&self, path: &str, offset: u64, length: u32) -> Result<Vec<u8>, FileError> {
        let file = self.open(path).await?;
        let mut bytes = Vec::new();
        let read = loop {
            let read = bytes.len();
            let left = length.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
            if left == 0 {
                break Ok(());
            }
            match self.part(file, offset.saturating_add(read as u64), left).await {
                Ok(part) if part.is_empty() => break Ok(()),
                Ok(part) => bytes.extend_from_slice(&part),
                Err(error) => break Err(error),
            }
        };
        self.0.close(file);
        read.map(|()| bytes)
    }

    /// Removes a file, or a directory with all that is in it. Returns how many were removed.
    ///
    /// # Errors
    ///
    /// Something cannot be removed; what came before it is.
    pub async fn remove(&self, path: &str) -> Result<usize, RemoveError> {
        let failed = |path: &str| {
            let path = path.to_owned();
            move |error| RemoveError::File(path, error)
        };
        let mut open = VecDeque::from([path.to_owned()]);
        let mut found = Vec::new();
        while let Some(path) = open.pop_front() {
            let stat = self.stat(&path).await.map_err(failed(&path))?;
            if stat.kind == FileKind::Directory {
                let entries = self.list(&path).await.map_err(failed(&path))?;
                open.extend(entries.into_iter().map(|entry| format!("{path}/{}", entry.name)));
            }
            found.push((path, stat.kind));
            if found.len() + open.len() > MAX_REMOVED {
                return Err(RemoveError::TooMany);
            }
        }
        let count = found.len();
        // What is in a directory before the directory.
        for (path, kind) in found.into_iter().rev() {
            let (at, failed) = (FileHandle::ROOT, failed(&path));
            let request = match kind {
                FileKind::Directory => FileRequest::RemoveDirectory { at, path },
                FileKind::File | FileKind::Other => FileRequest::RemoveFile { at, path },
            };
            self.ask(request).await.map_err(failed)?;
        }
        Ok(count)
    }

    /// At most so many files of the whole workspace, after this path.
    ///
    /// # Errors
    ///
    /// A directory cannot be read.
    pub async fn files_after(&self, after: Option<&str>, most: usize) -> Result<FilePage, FileError> {
        let after = after.map(|after| after.split('/').map(str::to_owned).collect());
        let mut walk = vec![self.walked(String::new(), after).await?];
        let (mut page, mut opened, mut last) = (FilePage::default(), 0, None);
        while let Some(directory) = walk.last_mut() {
            let Some(entry) = directory.entries.next() else {
                last = walk.pop().map(|over| over.path).filter(|path| !path.is_empty()).or(last);
                continue;
            };
            let below = match directory.below(&entry.name) {
                Below::Before => continue,
                Below::All => None,
                Below::After(rest) => Some(rest),
            };
            let path = joined(&directory.path, &entry.name);
            match entry.kind {
                FileKind::Directory if walk.len() < MAX_DEPTH => {
                    if opened >= MAX_OPENED && last.is_some() {
                        page.next = last;
                        return Ok(page);
                    }
                    opened += 1;
                    // It may have been removed since.
                    if let Ok(directory) = self.walked(path, below).await {
                        walk.push(directory);
                    }
                }
                FileKind::File if below.is_none() => {
                    if page.files.len() >= most {
                        page.next = last;
                        return Ok(page);
                    }
                    if let Ok(stat) = self.stat(&path).await {
                        page.files.push(FoundFile { path: path.clone(), size: stat.size });
                    }
                    last = Some(path);
                }
                _ => {}
            }
        }
        Ok(page)
    }

    async fn walked(&self, path: String, after: Option<VecDeque<String>>) -> Result<Walked, FileError> {
        let entries = self.list(if path.is_empty() { "." } else { &path }).await?.into_iter();
        Ok(Walked { path, entries, after })
    }

    async fn ask(&self, request: FileRequest) -> FileAnswer {
        self.0.ask(request).await
    }

    /// Ends what [`open`](Self::open) opened.
    pub fn close(&self, file: FileHandle) {
        self.0.close(file);
    }
}

/// What of an entry the pages before do not have.
enum Below {
    /// Nothing.
    Before,
    /// All of it.
    All,
    /// What comes after these names in it.
    After(VecDeque<String>),
}

impl Walked {
    fn below(&self, name: &str) -> Below {
        let Some(first) = self.after.as_ref().and_then(VecDeque::front) else { return Below::All };
        match name.cmp(first.as_str()) {
            std::cmp::Ordering::Less => Below::Before,
            std::cmp::Ordering::Greater => Below::All,
            std::cmp::Ordering::Equal => {
                let rest: VecDeque<String> = self.after.iter().flatten().skip(1).cloned().collect();
                if rest.is_empty() { Below::Before } else { Below::After(rest) }
            }
        }
    }
}

fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Quota;

    fn browser() -> (tempfile::TempDir, Browser) {
        let place = tempfile::tempdir().expect("a directory");
        for path in ["b/2", "b/1", "a", "b/c/3", "e/f/g/4", "e/f/5", "z"] {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            std::fs::write(path, "text").expect("written");
        }
        std::fs::create_dir_all(place.path().join("d/empty")).expect("made");
        std::os::unix::fs::symlink("a", place.path().join("link")).expect("made");
        let workspace = Workspace::open(place.path(), Quota::default()).expect("opened");
        (place, Browser::new(Arc::new(workspace), Access::ReadWrite))
    }

    #[tokio::test]
    async fn pages_have_every_file_once_and_in_order() {
        let (_place, browser) = browser();
        let expected = ["a", "b/1", "b/2", "b/c/3", "e/f/5", "e/f/g/4", "z"];
        for most in 1..9 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = browser.files_after(after.as_deref(), most).await.expect("read");
                assert!(page.files.len() <= most);
                found.extend(page.files.into_iter().map(|file| file.path));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected, "{most}");
        }
        // What a page ended at may be gone.
        let page = browser.files_after(Some("b/15"), 2).await.expect("read");
        assert_eq!(page.files[0], FoundFile { path: "b/2".into(), size: 4 });
    }

    #[tokio::test]
    async fn parts_are_read_and_directories_are_removed_with_all_in_them() {
        let (place, browser) = browser();
        assert_eq!(browser.read("b/c/3", 1, 2).await.expect("read"), b"ex");
        assert_eq!(browser.read("b/c/3", 3, 100).await.expect("read"), b"t");
        assert_eq!(browser.read("../a", 0, 1).await, Err(FileError::NotPermitted));
        assert_eq!(browser.remove("e").await, Ok(5));
        assert!(!place.path().join("e").exists() && place.path().join("z").exists());
        assert!(matches!(browser.remove("none").await, Err(RemoveError::File(_, FileError::NotFound))));
        assert_eq!(browser.remove("link").await, Ok(1));
        assert!(place.path().join("a").exists());
    }
}
