//! The files that a recorded run had, as they are now.

use std::sync::Arc;

use exuvia_config::{Config, Paths, Sources};
use exuvia_gateway::Workspaces;
use exuvia_journal::{Event, Reading, Record};
use exuvia_tool::{Principal, RunFiles};
use exuvia_workspace::{Access, Quota, Workspace, WorkspaceFiles};

use crate::file_threads::FileThreads;
use crate::journal_args::JournalArgs;

/// The workspace that the configuration gives whoever the run was of. None: it read no files, or they are not there, or nobody knows which.
pub(crate) async fn present_files(args: &JournalArgs, record: &Record) -> Option<Arc<dyn RunFiles>> {
    let has_files = record.entries.iter().any(|stamped| match &stamped.entry.event {
        Event::RunReadings(readings) => {
            readings.iter().any(|reading| matches!(reading, Reading::File { .. } | Reading::FileBlock { .. }))
        }
        _ => false,
    });
    if !has_files {
        return None;
    }
    let (config, principal) = (args.config.clone(), record.principal.clone());
    let profile = record.start().and_then(|start| start.profile.clone());
    let open = move || {
        let paths = Paths::of_user();
        let config = Sources { config, ..Sources::default() }.load(&paths).ok()?;
        let role = role(&config, &principal)?;
        let (name, workspace) = config.workspaces.of(role.as_deref(), profile.as_deref())?;
        let workspaces = Workspaces::kept_in(paths.workspace_dir);
        let directory =
            workspaces.directory(name, workspace, &principal, None).filter(|directory| directory.is_dir())?;
        Workspace::open(&directory, Quota::default()).ok()
    };
    let workspace = FileThreads::default().run(open).await.ok().flatten()?;
    Some(Arc::new(WorkspaceFiles::new(Arc::new(workspace), Access::ReadOnly)))
}

/// The role of a principal, as the file says. None: it does not say.
fn role(config: &Config, principal: &Principal) -> Option<Option<String>> {
    match principal {
        Principal::Operator => Some(None),
        Principal::Key(name) => Some(Some(config.access.keys.get(&**name)?.role.clone())),
        _ => None,
    }
}
