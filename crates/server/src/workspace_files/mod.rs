//! The files of a client's scripts, as resources: listed, and read.

mod uri;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use exuvia_gateway::{ClientWorkspace, Gateway, View};
use exuvia_text::{one_line, quoted};
use exuvia_tool::{FileError, FileKind};
use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;

use crate::client::client;

pub(crate) use uri::is_ours;

/// How many files one page lists.
const PAGE_FILES: usize = 500;
/// The most that is read at once, in bytes.
const MAX_READ_BYTES: u32 = 1 << 20;
/// What a cursor of these pages begins with. Those of servers begin with a number.
const CURSOR: &str = "workspace ";
/// How much of a name is shown, in characters.
const NAME_CHARS: usize = 200;

/// The workspace of the client that asks.
pub(crate) struct WorkspaceResources(ClientWorkspace);

/// Some of the files.
pub(crate) struct FileResources {
    pub(crate) items: Vec<Resource>,
    /// None: these were the last ones.
    pub(crate) next: Option<String>,
}

/// Whether a cursor is of these pages.
pub(crate) fn is_our_cursor(cursor: &str) -> bool {
    cursor.starts_with(CURSOR)
}

impl WorkspaceResources {
    /// None: scripts of this client have no files.
    ///
    /// # Errors
    ///
    /// They cannot be opened.
    pub(crate) async fn of(
        gateway: &Gateway,
        view: &View,
        context: &RequestContext<RoleServer>,
    ) -> Result<Option<Self>, ErrorData> {
        let found = gateway.client_workspace(view, &client(context)).await;
        // The log has the reason.
        let found = found.map_err(|_| ErrorData::internal_error("the workspace cannot be opened", None));
        Ok(found?.map(Self))
    }

    /// The template of all addresses.
    pub(crate) fn template(&self) -> ResourceTemplate {
        ResourceTemplate::new(uri::template(&self.0.name), "Workspace file").with_description(format!(
            "A file that scripts have as /workspace/PATH. At most {MAX_READ_BYTES} bytes at a time: offset, length in bytes."
        ))
    }

    /// A page of the files.
    ///
    /// # Errors
    ///
    /// They cannot be read.
    pub(crate) async fn list(&self, cursor: Option<&str>) -> Result<FileResources, ErrorData> {
        let none = || FileResources { items: Vec::new(), next: None };
        let Some(files) = &self.0.files else { return Ok(none()) };
        let after = cursor.and_then(|cursor| cursor.strip_prefix(CURSOR));
        let page = files.files_after(after, PAGE_FILES).await.map_err(|error| failed(error, "the workspace"))?;
        let item = |file: &exuvia_gateway::FoundFile| {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            let resource = Resource::new(uri::of(&self.0.name, &file.path), one_line(name, NAME_CHARS));
            let resource = resource.with_size(file.size);
            match mime_type(&file.path) {
                Some(mime_type) => resource.with_mime_type(mime_type),
                None => resource,
            }
        };
        let items = page.files.iter().map(item).collect();
        Ok(FileResources { items, next: page.next.map(|path| format!("{CURSOR}{path}")) })
    }

    /// A file, or a part of one, and how many bytes that are.
    ///
    /// # Errors
    ///
    /// There is none of this address, or it is too large to be read at once.
    pub(crate) async fn read(&self, address: &str) -> Result<(ReadResourceResult, u64), ErrorData> {
        let named = uri::parse(address).ok_or_else(|| {
            let message = "malformed: exuvia-workspace://NAME/PATH, with ?offset=N&length=N for a part";
            ErrorData::invalid_params(message, None)
        })?;
        let not_found = || not_found(address);
        let files = self.0.files.as_ref().filter(|_| named.workspace == self.0.name).ok_or_else(not_found)?;
        let failed = |error| match error {
            FileError::NotFound | FileError::NotDirectory | FileError::NotPermitted => not_found(),
            error => failed(error, &one_line(&named.path, NAME_CHARS)),
        };
        let stat = files.stat(&named.path).await.map_err(failed)?;
        if stat.kind != FileKind::File {
            return Err(not_found());
        }
        if named.part.is_none() && stat.size > u64::from(MAX_READ_BYTES) {
            let message = format!(
                "the file has {} bytes, and at most {MAX_READ_BYTES} are read at once: add ?offset=0&length={MAX_READ_BYTES}, or \
                 have a script read it",
                stat.size
            );
            return Err(ErrorData::invalid_params(message, Some(json!({"uri": address, "size": stat.size}))));
        }
        let (offset, length) = named.part.unwrap_or((0, MAX_READ_BYTES));
        let bytes = files.read(&named.path, offset, length.min(MAX_READ_BYTES)).await.map_err(failed)?;
        let read_bytes = bytes.len() as u64;
        let contents = match String::from_utf8(bytes) {
            Ok(text) => {
                ResourceContents::text(text, address).with_mime_type(mime_type(&named.path).unwrap_or("text/plain"))
            }
            Err(other) => {
                let mime_type = mime_type(&named.path).unwrap_or("application/octet-stream");
                ResourceContents::blob(BASE64.encode(other.as_bytes()), address).with_mime_type(mime_type)
            }
        };
        Ok((ReadResourceResult::new(vec![contents]), read_bytes))
    }
}

/// There is no file of this address, as far as this client knows.
pub(crate) fn not_found(address: &str) -> ErrorData {
    let message = format!("no file {} in the workspace: list resources", quoted(address, NAME_CHARS));
    ErrorData::resource_not_found(message, Some(json!({"uri": address})))
}

fn failed(error: FileError, what: &str) -> ErrorData {
    ErrorData::internal_error(format!("{what}: {error}"), None)
}

/// The type of a file, by the end of its name.
fn mime_type(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "csv" => "text/csv",
        "tsv" => "text/tab-separated-values",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "html" | "htm" => "text/html",
        "xml" => "application/xml",
        "json" => "application/json",
        "jsonl" | "ndjson" => "application/x-ndjson",
        "py" => "text/x-python",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "db" | "sqlite" | "sqlite3" => "application/vnd.sqlite3",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}
