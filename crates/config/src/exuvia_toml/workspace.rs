//! `[workspaces]`, resolved.

use std::collections::BTreeMap;

use super::document::below;
use super::file_types::File;
use super::limits::value;
use super::resolve::Resolver;
use super::workspace_types::{BYTES, FILES, KEEP_DAYS, KEEP_SESSION_DAYS, OPEN_FILES, Workspace};
use crate::{FileAccess, WorkspaceConfig, WorkspaceShare, WorkspacesConfig};

impl Resolver<'_> {
    pub(super) fn workspaces(&mut self, written: &File) -> WorkspacesConfig {
        let mut named = BTreeMap::new();
        for (name, workspace) in &written.workspaces {
            let pointer = below("/workspaces", name);
            self.access_name(name, &pointer);
            named.insert(name.clone(), self.workspace(workspace, &pointer));
        }
        let mut known = |name: &Option<String>, pointer: &str| {
            let name = name.clone()?;
            if !written.workspaces.contains_key(&name) {
                self.error(&below(pointer, "workspace"), "unknown workspace: define it as [workspaces.NAME]");
            }
            Some(name)
        };
        let everyone = known(&written.workspace, "");
        let roles = written.roles.iter().filter_map(|(role, written)| {
            known(&written.workspace, &below("/roles", role)).map(|name| (role.clone(), name))
        });
        let roles: BTreeMap<String, String> = roles.collect();
        let profiles = written.profiles.iter().filter_map(|(profile, written)| {
            known(&written.workspace, &below("/profiles", profile)).map(|name| (profile.clone(), name))
        });
        let profiles = profiles.collect();
        WorkspacesConfig { named, everyone, roles, profiles }
    }

    fn workspace(&mut self, written: &Workspace, pointer: &str) -> WorkspaceConfig {
        let bytes = value(written.bytes.as_ref(), "bytes", &mut self.wrong_in(pointer)).unwrap_or(BYTES);
        let path = written.path.as_deref().and_then(|path| self.path(path, &below(pointer, "path")));
        if path.is_some() && written.share != WorkspaceShare::All {
            self.error(
                &below(pointer, "path"),
                "needs `share = \"all\"`: everybody who has this workspace shares the directory",
            );
        }
        let default_days = if written.share == WorkspaceShare::Session { KEEP_SESSION_DAYS } else { KEEP_DAYS };
        let keep_days = Some(written.keep_days.unwrap_or(default_days)).filter(|&days| days > 0 && path.is_none());
        WorkspaceConfig {
            share: written.share,
            access: if written.read_only { FileAccess::ReadOnly } else { FileAccess::ReadWrite },
            path,
            bytes,
            files: written.files.unwrap_or(FILES),
            open_files: written.open_files.unwrap_or(OPEN_FILES),
            keep_days,
        }
    }
}
