//! `[workspaces.NAME]` as it is written. The doc comments here are what editors show: they are descriptions in the schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::bytes::Bytes;
use crate::WorkspaceShare;

/// The default of `bytes`.
pub(super) const BYTES: u64 = 1 << 30;
/// The default of `files`.
pub(super) const FILES: u64 = 10_000;
/// The default of `open_files`.
pub(super) const OPEN_FILES: usize = 100;
/// The default of `keep_days`.
pub(super) const KEEP_DAYS: u32 = 30;
/// The same for sessions: what a process that was killed has left.
pub(super) const KEEP_SESSION_DAYS: u32 = 1;

/// A directory that scripts find as `/workspace`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Workspace {
    /// Who shares a directory: `key`, the scripts of one key, user or operator; `session`, those of one MCP session, at whose end the
    /// files are removed; `all`, everybody who has this workspace. Default: key.
    pub(super) share: WorkspaceShare,
    /// Whether scripts may only read it. Default: false.
    pub(super) read_only: bool,
    /// A directory of this machine, where everybody shares one. Default: directories in `exuvia/workspaces` in the user's data directory.
    #[schemars(length(min = 1))]
    pub(super) path: Option<String>,
    /// The sum of the sizes of its files. Default: 1 GiB.
    pub(super) bytes: Option<Bytes<1, { 1 << 50 }>>,
    /// Its files and directories. Default: 10000.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub(super) files: Option<u64>,
    /// The files and directories that one script may have open. Default: 100.
    #[schemars(range(min = 1, max = 1_000))]
    pub(super) open_files: Option<usize>,
    /// After how many days without use a directory is removed; 0: never. Of a `path`, nothing is removed. Default: 30, of
    /// sessions 1.
    pub(super) keep_days: Option<u32>,
}
