//! Workspaces: whether scripts can use the directories that are configured.

use std::path::{Path, PathBuf};

use exuvia_config::{Config, FileAccess, Paths, WorkspaceConfig};
use exuvia_gateway::Workspaces;
use exuvia_workspace::{OpenError, Quota, Usage, Workspace};

use super::finding::Finding;
use super::host::writable;

const CHECK: &str = "workspace";
const MIB: u64 = 1 << 20;

/// What each workspace has. Blocks, for as long as it takes to walk their directories.
pub(super) fn workspaces(config: &Config) -> Vec<Finding> {
    let place = Paths::of_user().workspace_dir;
    let opened = config.workspaces.named.iter();
    opened.map(|(name, workspace)| of_one(name, workspace, place.as_deref()).named(name)).collect()
}

fn of_one(name: &str, workspace: &WorkspaceConfig, place: Option<&Path>) -> Finding {
    let Some(folder) = workspace.path.clone().or_else(|| Some(place?.join(name))) else {
        let fix = "set HOME or XDG_DATA_HOME; or `path`, with `share = \"all\"`";
        return Finding::failed(CHECK, "there is no data directory", fix);
    };
    match workspace.access {
        FileAccess::ReadOnly if workspace.path.is_some() && !folder.exists() => {
            let message = format!("{} is not there: scripts find it empty", folder.display());
            return Finding::warning(CHECK, message, "make the directory, or correct `path`");
        }
        FileAccess::ReadWrite => {
            if let Err(error) = writable(&folder) {
                let message = format!("{}: nothing can be written: {error}", folder.display());
                return Finding::failed(
                    CHECK,
                    message,
                    "make it a directory that this user can write to, or correct `path`",
                );
            }
        }
        FileAccess::ReadOnly => {}
    }
    let directories = directories(name, workspace, place);
    let used = directories.iter().map(|directory| used(directory)).collect::<Result<Vec<_>, _>>();
    match used {
        Ok(used) => of_usage(workspace, &used),
        Err(error @ OpenError::TooMany { .. }) => {
            Finding::failed(CHECK, error.to_string(), "`exuvia workspace rm`, or remove them yourself")
        }
        Err(error) => Finding::failed(CHECK, error.to_string(), "let this user read it, or correct `path`"),
    }
}

/// Those that scripts have used.
fn directories(name: &str, workspace: &WorkspaceConfig, place: Option<&Path>) -> Vec<PathBuf> {
    let workspaces = Workspaces::kept_in(place.map(Path::to_owned));
    let users = workspaces.users(name, workspace);
    let found = users.iter().filter_map(|user| workspaces.of_user(name, workspace, user));
    found.filter(|directory| directory.exists()).collect()
}

fn used(directory: &Path) -> Result<Usage, OpenError> {
    Workspace::open(directory, Quota::default()).map(|workspace| workspace.usage())
}

fn of_usage(workspace: &WorkspaceConfig, used: &[Usage]) -> Finding {
    let is_full = |used: &&Usage| used.bytes >= workspace.bytes || used.files >= workspace.files;
    let full = used.iter().filter(is_full).count();
    if full > 0 && workspace.access == FileAccess::ReadWrite {
        let message = format!("{full} of {} directories are full", used.len());
        return Finding::warning(CHECK, message, "raise `bytes` or `files`, or remove files: `exuvia workspace rm`");
    }
    let (bytes, files) = used.iter().fold((0, 0), |(bytes, files), used| (bytes + used.bytes, files + used.files));
    let directories = match used.len() {
        0 => return Finding::ok(CHECK, "no script has used it yet"),
        1 => "1 directory".to_owned(),
        many => format!("{many} directories"),
    };
    Finding::ok(CHECK, format!("{directories}, {files} files, {} MiB", bytes / MIB))
}
