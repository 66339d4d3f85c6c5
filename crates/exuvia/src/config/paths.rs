//! Where things lie, by the XDG rules.

use std::env;
use std::path::PathBuf;

use etcetera::BaseStrategy as _;
use etcetera::base_strategy::Xdg;

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
