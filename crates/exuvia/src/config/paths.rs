//! Where things lie, by the XDG rules, and how they are read.

use std::env;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy as _;
use etcetera::base_strategy::Xdg;

use super::trust;

/// How large a file may be, in bytes.
const FILE_BYTES: u64 = 16 << 20;

/// The directories of this program.
pub(crate) struct Paths {
    /// What is used when the command line names no configuration.
    pub(crate) default_file: Option<PathBuf>,
    /// Where programs keep their configuration.
    pub(crate) config_dir: Option<PathBuf>,
    /// The tokens of servers over HTTP.
    pub(crate) token_dir: Option<PathBuf>,
}

impl Paths {
    /// Those of the user, if the user has a home.
    pub(crate) fn of_user() -> Self {
        let xdg = Xdg::new().ok();
        Self {
            default_file: xdg.as_ref().map(|xdg| xdg.config_dir().join("exuvia/exuvia.toml")),
            config_dir: xdg.as_ref().map(|xdg| xdg.config_dir()),
            token_dir: xdg.as_ref().map(|xdg| xdg.data_dir().join("exuvia/tokens")),
        }
    }
}

/// A variable of this program's environment. One that is no UTF-8 counts as unset.
pub(super) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// What a file holds.
pub(super) struct Contents {
    pub(super) text: String,
    /// What an operator should know of who else can write it.
    pub(super) doubts: Vec<String>,
}

/// Reads a file, unless everybody can write it.
pub(super) fn read(file: &Path) -> Result<Contents, String> {
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| error.to_string())?;
    let doubts = trust::doubts(file, &opened.metadata().map_err(|error| error.to_string())?)?;
    opened.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_BYTES { Err("is larger than 16 MiB".to_owned()) } else { Ok(Contents { text, doubts }) }
}
