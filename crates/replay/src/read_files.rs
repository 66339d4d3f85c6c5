//! What a run read of files that it did not change itself, compared with what they are now.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use exuvia_tool::{FileAnswer, FileBytes, FileHandle, FileRequest, FileValue, OpenHow, RunFiles};

/// Parts that are remembered. Of a run that reads more, the rest is not compared.
const MAX_PARTS: usize = 100_000;
/// The most files that are named.
const MAX_CHANGED: usize = 100;
/// The longest path that is followed, in bytes.
const MAX_PATH_BYTES: usize = 4_096;

/// What a replayed run reads, by path.
#[derive(Default)]
pub(crate) struct ReadFiles {
    open: HashMap<FileHandle, String>,
    read: BTreeMap<String, Vec<Part>>,
    /// What the run itself wrote, moved or removed.
    written: BTreeSet<String>,
    parts: usize,
}

struct Part {
    offset: u64,
    length: u32,
    bytes: FileBytes,
}

impl ReadFiles {
    /// The run asked this, and the record has this answer.
    pub(crate) fn note(&mut self, request: &FileRequest, answer: &FileAnswer) {
        let Ok(value) = answer else { return };
        match (request, value) {
            (FileRequest::Open { at, path, how }, FileValue::Opened { file, .. }) => {
                let path = self.path(*at, path);
                if how.truncate || how.exclusive {
                    self.written.insert(path.clone());
                }
                self.open.insert(*file, path);
            }
            (FileRequest::Read { file, offset, length }, FileValue::Bytes(bytes)) => {
                let Some(path) = self.open.get(file) else { return };
                if !self.is_written(path) && self.parts < MAX_PARTS {
                    self.parts += 1;
                    let part = Part { offset: *offset, length: *length, bytes: bytes.clone() };
                    self.read.entry(path.clone()).or_default().push(part);
                }
            }
            (FileRequest::Write { file, .. } | FileRequest::SetSize { file, .. }, _) => {
                self.written.extend(self.open.get(file).cloned());
            }
            (FileRequest::RemoveFile { at, path } | FileRequest::RemoveDirectory { at, path }, _) => {
                self.written.insert(self.path(*at, path));
            }
            (FileRequest::Rename { at, path, to, new_path }, _) => {
                self.written.extend([self.path(*at, path), self.path(*to, new_path)]);
            }
            _ => {}
        }
    }

    /// Those that are not now what they were then, sorted: at most 100.
    pub(crate) async fn changed(self, files: &dyn RunFiles) -> Vec<String> {
        let mut changed = Vec::new();
        for (path, parts) in &self.read {
            if changed.len() < MAX_CHANGED && !self.is_written(path) && !is_same(files, path, parts).await {
                changed.push(path.clone());
            }
        }
        changed
    }

    /// Whether the run changed it, or a directory that it is in.
    fn is_written(&self, path: &str) -> bool {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        above.chain([path]).any(|path| self.written.contains(path))
    }

    /// Where a path leads, from the top.
    fn path(&self, at: FileHandle, path: &str) -> String {
        let base = self.open.get(&at).map_or("", String::as_str);
        let mut names: Vec<&str> = base.split('/').filter(|name| !name.is_empty()).collect();
        for name in path.get(..MAX_PATH_BYTES).unwrap_or(path).split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        names.join("/")
    }
}

async fn is_same(files: &dyn RunFiles, path: &str, parts: &[Part]) -> bool {
    let how = OpenHow { read: true, ..OpenHow::default() };
    let request = FileRequest::Open { at: FileHandle::ROOT, path: path.to_owned(), how };
    let Ok(FileValue::Opened { file, .. }) = files.ask(request).await else { return false };
    let mut is_same = true;
    for Part { offset, length, bytes } in parts {
        let request = FileRequest::Read { file, offset: *offset, length: *length };
        is_same = matches!(files.ask(request).await, Ok(FileValue::Bytes(now)) if now == *bytes);
        if !is_same {
            break;
        }
    }
    files.close(file);
    is_same
}
