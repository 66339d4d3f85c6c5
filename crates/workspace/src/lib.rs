//! Directories in which scripts keep files.
//!
//! A [`Workspace`] is one directory of the host with a [`Quota`]. Several runs may have it open at once, each as its own
//! [`WorkspaceFiles`], which answers the requests of one run to its files.
//!
//! Paths are resolved by cap-std, beneath the directory: nothing outside is reached, whatever a script or another process does to
//! the directory meanwhile. A script makes no links, and opens regular files and directories only.
//!
//! Accounting is exact for what goes through here: whatever makes a workspace larger holds one lock from the look at its size to the
//! count of what was added. A file that was removed counts until the last run has closed it, as on the disk. What other processes
//! change is counted when the workspace is [opened](Workspace::open).

mod browser;
mod error;
mod files;
mod handles;
mod open;
mod open_error;
mod path;
mod quota;
mod registry;
mod tree;
mod usage;
mod workspace;

pub use browser::{Browser, FilePage, FoundFile, RemoveError};
pub use files::WorkspaceFiles;
pub use open_error::OpenError;
pub use quota::Quota;
pub use registry::Registry;
pub use usage::Usage;
pub use workspace::{Access, Workspace};
