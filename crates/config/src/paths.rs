//! Paths of files by the XDG rules, and reading them.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use etcetera::base_strategy::Xdg;

use crate::{ConfigFile, trust};

/// How large a file may be, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// The directories of this program.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    /// What is used when the command line names no configuration.
    pub default_file: Option<PathBuf>,
    /// Where programs keep their configuration.
    pub config_dir: Option<PathBuf>,
    /// The tokens of servers over HTTP.
    pub token_dir: Option<PathBuf>,
    /// What is learned of the answers of tools.
    pub shape_file: Option<PathBuf>,
    /// What was first seen of the tools of servers.
    pub pin_dir: Option<PathBuf>,
    /// The record of runs and calls.
    pub journal_dir: Option<PathBuf>,
    /// What `exuvia setup` keeps for `--undo`: the files of clients as they were.
    pub setup_dir: Option<PathBuf>,
    /// Where scripts keep files.
    pub workspace_dir: Option<PathBuf>,
    /// What is known of sessions of scripts.
    pub session_dir: Option<PathBuf>,
}

impl Paths {
    /// Those of the user, if the user has a home.
    #[must_use]
    pub fn of_user() -> Self {
        let xdg = Xdg::new().ok();
        Self {
            default_file: xdg.as_ref().map(|xdg| xdg.config_dir().join("exuvia/exuvia.toml")),
            config_dir: xdg.as_ref().map(|xdg| xdg.config_dir()),
            token_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/tokens")),
            shape_file: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/shapes.json")),
            pin_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/pins")),
            journal_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/journal")),
            setup_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/setup")),
            workspace_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/workspaces")),
            session_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/sessions")),
        }
    }
}

/// A variable of this program's environment. One that is no UTF-8 counts as unset.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// A path that may begin with `~/`: clients that start this program have no shell to replace it.
#[must_use]
pub fn from_home(path: OsString) -> PathBuf {
    let path = PathBuf::from(path);
    let home = || env::var_os("HOME").filter(|home| !home.is_empty());
    match path.strip_prefix("~").ok().and_then(|rest| Some((home()?, rest))) {
        Some((home, rest)) => Path::new(&home).join(rest),
        None => path,
    }
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) text: String,
    /// What an operator should know of who else can write it.
    pub(super) doubts: Vec<String>,
}

/// Reads a file, unless everybody can write it.
pub(super) fn read(file: &Path) -> Result<Contents, String> {
    let opened = ConfigFile::open(file)?;
    let doubts = trust::doubts(file, opened.metadata())?;
    Ok(Contents { text: opened.text(FILE_BYTES)?, doubts })
}
