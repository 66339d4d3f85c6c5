//! Data directories of programs under test.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// The name of the variable for the user's data directory.
const VARIABLE: &str = "XDG_DATA_HOME";

/// An empty data directory for one process, so that tests neither read nor write what is in the user's. Removed when it is dropped.
pub struct DataHome(TempDir);

impl DataHome {
    /// One that several processes share.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    #[must_use]
    pub fn shared() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// Gives one to a command that has none yet.
    ///
    /// # Panics
    ///
    /// It cannot be made.
    #[must_use]
    pub fn of(command: &mut Command) -> Self {
        let home = Self::shared();
        if !command.get_envs().any(|(name, _)| name == VARIABLE) {
            command.env(VARIABLE, &home);
        }
        home
    }
}

impl DataHome {
    /// Where it is.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        self.0.path()
    }
}

impl AsRef<OsStr> for DataHome {
    fn as_ref(&self) -> &OsStr {
        self.0.path().as_os_str()
    }
}
