//! Files of scripts: looked into, and removed.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use exuvia_config::{FileAccess, WorkspaceConfig, WorkspaceShare};
use exuvia_gateway::{Browser, OpenError, RemoveError, Usage};
use exuvia_tool::{FileEntry, FileError, FileKind, FileStat};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{Done, Page};
use crate::admin::Admin;
use crate::answer::{ApiError, check_range};
use crate::operation::Ask;

/// Entries of a directory, unless the request says how many.
const ENTRIES: u16 = 500;
/// The most that is shown of a file, in bytes.
const SHOWN_BYTES: u32 = 256 << 10;

/// A workspace of the configuration.
#[derive(Serialize, JsonSchema)]
pub(super) struct WorkspaceView {
    /// Its name.
    name: String,
    /// Who shares a directory: `key`, `session` or `all`.
    share: &'static str,
    /// Whether scripts may only read it.
    read_only: bool,
    /// How many bytes a directory may hold.
    bytes: u64,
    /// How many files and directories a directory may hold.
    files: u64,
    /// After how many days without use a directory is removed. Null: never.
    keep_days: Option<u32>,
    /// The directories that there are, at most 1,000: `operator`, `key-NAME`, `session-ID` and so on.
    directories: Vec<String>,
}

/// A directory of a workspace.
#[derive(Deserialize, JsonSchema)]
pub(super) struct DirectoryPath {
    /// The workspace.
    name: String,
    /// The directory: whose files they are.
    directory: String,
}

/// What of a directory.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FilesQuery {
    /// A directory in it. Default: its top.
    path: Option<String>,
    /// Entries after this name.
    before: Option<String>,
    /// At most so many. Default: 500.
    #[schemars(range(min = 1, max = 1_000))]
    limit: Option<u16>,
}

/// A directory, listed.
#[derive(Serialize, JsonSchema)]
pub(super) struct FilesView {
    /// What is in it, by name.
    items: Vec<EntryView>,
    /// What `before` takes for the next part. Null: this was the last.
    next: Option<String>,
    /// What all files of the directory that is looked into take, in bytes.
    used_bytes: u64,
    /// How many files and directories it has.
    used_files: u64,
}

/// A file or directory.
#[derive(Serialize, JsonSchema)]
pub(super) struct EntryView {
    /// Its name.
    name: String,
    /// `file`, `directory` or `other`, which is a link or a device.
    kind: &'static str,
    /// Its size in bytes.
    size: u64,
    /// When it was last written, in milliseconds since the epoch.
    modified_ms: u64,
}

/// Which file.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct FileQuery {
    /// Its path.
    path: String,
    /// Where to begin, in bytes. Default: 0.
    offset: Option<u64>,
}

/// A part of a file: at most 256 KiB.
#[derive(Serialize, JsonSchema)]
pub(super) struct FileView {
    /// The size of the file in bytes.
    size: u64,
    /// Where the next part begins. Null: this was the last.
    next_offset: Option<u64>,
    /// The text. Null: it is none.
    text: Option<String>,
    /// What is no text, in base64.
    base64: Option<String>,
}

/// What is removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RemoveBody {
    /// A file, or a directory with all that is in it.
    path: String,
}

pub(super) async fn list(ask: Ask) -> Result<Page<WorkspaceView>, ApiError> {
    let (gateway, config) = (ask.admin.gateway()?, ask.admin.sources().config());
    let views = move || {
        let view = |(name, workspace): (&String, &WorkspaceConfig)| WorkspaceView {
            name: name.clone(),
            share: match workspace.share {
                WorkspaceShare::Key => "key",
                WorkspaceShare::Session => "session",
                WorkspaceShare::All => "all",
            },
            read_only: workspace.access == FileAccess::ReadOnly,
            bytes: workspace.bytes,
            files: workspace.files,
            keep_days: workspace.keep_days,
            directories: gateway.workspaces().users(name, workspace),
        };
        config.workspaces.named.iter().map(view).collect()
    };
    Ok(Page::whole(tokio::task::spawn_blocking(views).await.map_err(|_| unreadable())?))
}

pub(super) async fn files(ask: Ask<DirectoryPath, FilesQuery>) -> Result<FilesView, ApiError> {
    check_range("limit", ask.query.limit, 1, 1_000)?;
    let (browser, usage) = browser(&ask.admin, &ask.path).await?;
    let directory = ask.query.path.as_deref().unwrap_or(".");
    let entries = browser.list(directory).await.map_err(failed)?;
    let limit = usize::from(ask.query.limit.unwrap_or(ENTRIES));
    let is_later = |entry: &FileEntry| ask.query.before.as_ref().is_none_or(|before| entry.name > *before);
    let mut later = entries.into_iter().filter(is_later);
    let mut items = Vec::new();
    for FileEntry { name, kind } in later.by_ref().take(limit) {
        // It may have been removed since.
        let stat = browser.stat(&format!("{directory}/{name}")).await.ok();
        items.push(EntryView::of(name, kind, stat));
    }
    let next = later.next().and_then(|_| items.last().map(|last| last.name.clone()));
    Ok(FilesView { items, next, used_bytes: usage.bytes, used_files: usage.files })
}

impl EntryView {
    fn of(name: String, kind: FileKind, stat: Option<FileStat>) -> Self {
        let kind = match kind {
            FileKind::File => "file",
            FileKind::Directory => "directory",
            FileKind::Other => "other",
        };
        let (size, modified) = stat.map_or_else(Default::default, |stat| (stat.size, stat.modified));
        Self { name, kind, size, modified_ms: u64::try_from(modified.as_millis()).unwrap_or(u64::MAX) }
    }
}

pub(super) async fn file(ask: Ask<DirectoryPath, FileQuery>) -> Result<FileView, ApiError> {
    let (browser, _) = browser(&ask.admin, &ask.path).await?;
    let FileQuery { path, offset } = ask.query;
    let stat = browser.stat(&path).await.map_err(failed)?;
    if stat.kind != FileKind::File {
        return Err(ApiError::bad_request("it is no file"));
    }
    let offset = offset.unwrap_or(0);
    let bytes = browser.read(&path, offset, SHOWN_BYTES).await.map_err(failed)?;
    let (bytes, is_text) = whole_characters(bytes, offset, stat.size);
    let end = offset.saturating_add(bytes.len() as u64);
    let next_offset = (end < stat.size && !bytes.is_empty()).then_some(end);
    let (text, base64) = match String::from_utf8(bytes) {
        Ok(text) if is_text => (Some(text), None),
        Ok(text) => (None, Some(BASE64.encode(text))),
        Err(other) => (None, Some(BASE64.encode(other.as_bytes()))),
    };
    Ok(FileView { size: stat.size, next_offset, text, base64 })
}

/// Leaves the beginning of a character at the end to the next part. Whether what is left is text.
fn whole_characters(mut bytes: Vec<u8>, offset: u64, size: u64) -> (Vec<u8>, bool) {
    let Err(error) = std::str::from_utf8(&bytes) else { return (bytes, true) };
    let is_cut = error.error_len().is_none() && error.valid_up_to() > 0;
    if is_cut && offset.saturating_add(bytes.len() as u64) < size {
        bytes.truncate(error.valid_up_to());
        return (bytes, true);
    }
    (bytes, false)
}

pub(super) async fn remove(ask: Ask<DirectoryPath, crate::operation::Nothing, RemoveBody>) -> Result<Done, ApiError> {
    let DirectoryPath { name, directory } = &ask.path;
    let (browser, _) = browser(&ask.admin, &ask.path).await?;
    let path = &ask.body.path;
    let target = format!("{name}/{directory}: {path}");
    let action = ask.admin.record(&ask.caller, "workspace.remove", &target).await?;
    browser.remove(path).await.map_err(|error| match error {
        RemoveError::File(_, error) => failed(error),
        RemoveError::TooMany => ApiError::bad_request(error.to_string()),
    })?;
    action.done();
    Ok(Done::DONE)
}

async fn browser(admin: &Admin, path: &DirectoryPath) -> Result<(Browser, Usage), ApiError> {
    let DirectoryPath { name, directory } = path;
    let (gateway, config) = (admin.gateway()?, admin.sources().config());
    let workspace = config.workspaces.named.get(name);
    let workspace = workspace.ok_or_else(|| ApiError::not_found(format!("there is no workspace {name:?}")))?;
    let found = gateway.workspaces().browse(name, workspace, directory).await;
    let found = found.map_err(|error: OpenError| ApiError::unavailable(error.to_string()))?;
    found.ok_or_else(|| ApiError::not_found(format!("workspace {name:?} has no directory {directory:?}")))
}

fn failed(error: FileError) -> ApiError {
    match error {
        FileError::NotFound => ApiError::not_found("no such file"),
        FileError::Io | FileError::NoSpace => unreadable(),
        other => ApiError::bad_request(other.to_string()),
    }
}

fn unreadable() -> ApiError {
    ApiError::unavailable("the files cannot be read or written now")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_ends_with_a_whole_character() {
        let text = "aé".as_bytes();
        assert_eq!(whole_characters(text.to_vec(), 0, 3), (text.to_vec(), true));
        assert_eq!(whole_characters(text[..2].to_vec(), 0, 3), (b"a".to_vec(), true));
        assert_eq!(whole_characters(text[..2].to_vec(), 0, 2), (text[..2].to_vec(), false));
        assert_eq!(whole_characters(vec![b'a', 0xff, b'b'], 0, 9), (vec![b'a', 0xff, b'b'], false));
    }
}
