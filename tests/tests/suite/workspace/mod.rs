//! Files of scripts.
#![expect(clippy::print_stderr, reason = "a machine without namespaces says that nothing was tested")]

mod clients;
mod escapes;
mod kept;
mod limits;
mod python;
mod quotas;
mod replays;
mod witness;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use exuvia_config::{FileAccess, WorkspaceConfig, WorkspaceShare, WorkspacesConfig};
use exuvia_runtime::{Limits, Outcome, Report, Script, SystemIo};
use exuvia_tests::{TestTools, engine};
use exuvia_workspace::{Access, Quota, Workspace, WorkspaceFiles};
use serde_json::Value;

/// A workspace in a directory of its own.
struct Place {
    directory: tempfile::TempDir,
    workspace: Arc<Workspace>,
}

impl Place {
    fn with(quota: Quota) -> Self {
        let directory = tempfile::tempdir().expect("a directory can be made");
        let workspace = Workspace::open(&directory.path().join("files"), quota).expect("it is new");
        Self { directory, workspace: Arc::new(workspace) }
    }

    fn new() -> Self {
        Self::with(Quota::default())
    }

    fn path(&self) -> std::path::PathBuf {
        self.directory.path().join("files")
    }

    /// What a walk of the disk finds, which the accounts must agree with.
    fn on_disk(&self) -> (u64, u64) {
        fn walk(at: &Path, sum: &mut (u64, u64)) {
            for entry in std::fs::read_dir(at).expect("it is a directory") {
                let entry = entry.expect("it can be read");
                let metadata = entry.path().symlink_metadata().expect("it is there");
                sum.1 += 1;
                if metadata.is_dir() {
                    walk(&entry.path(), sum);
                } else {
                    sum.0 += metadata.len();
                }
            }
        }
        let mut sum = (0, 0);
        walk(&self.path(), &mut sum);
        sum
    }

    fn accounts(&self) -> (u64, u64) {
        let usage = self.workspace.usage();
        (usage.bytes, usage.files)
    }

    async fn report(&self, access: Access, source: &str) -> Report {
        let files = WorkspaceFiles::new(Arc::clone(&self.workspace), access);
        let run = engine().run(Script::new(source), Limits::default(), Arc::new(TestTools::new()));
        run.with_io(Box::new(SystemIo::new().with_files(Arc::new(files)))).execute().await
    }

    /// The result of a script that returns, after which the accounts agree with the disk.
    async fn result(&self, source: &str) -> Value {
        let report = self.report(Access::ReadWrite, source).await;
        assert_eq!(self.accounts(), self.on_disk(), "{source}");
        result(&report)
    }
}

fn result(report: &Report) -> Value {
    match &report.outcome {
        Outcome::Returned(value) => serde_json::from_str(value.as_str()).expect("a result is JSON"),
        other => panic!("{other:?}\n{}", report.logs.text),
    }
}

/// What a test of this program prints that runs with mounts of its own: `mount` makes them in the directory that the variable of this name has.
/// None: there is no such thing here, which is said.
fn told_by_child(variable: &str, mount: &str, test: &str) -> Option<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let child = Command::new("unshare")
        .args(["-rm", "sh", "-c", &format!("{mount} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(variable, directory.path())
        .output();
    let Ok(child) = child else {
        eprintln!("skipped: there is no unshare");
        return None;
    };
    let (told, wrong) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    if ["unshare:", "mount:"].iter().any(|refused| wrong.contains(refused)) {
        eprintln!("skipped: nothing can be mounted here: {wrong}");
        return None;
    }
    assert!(child.status.success(), "{told}\n{wrong}");
    Some(told.into_owned())
}

/// A configuration in which everybody's scripts have the workspace `files`.
fn files_for_everybody(share: WorkspaceShare) -> WorkspacesConfig {
    let files = WorkspaceConfig {
        share,
        access: FileAccess::ReadWrite,
        path: None,
        bytes: 1_000_000,
        files: 1_000,
        open_files: 20,
        keep_days: None,
    };
    let everyone = Some("files".to_owned());
    WorkspacesConfig { named: [("files".to_owned(), files)].into(), everyone, ..WorkspacesConfig::default() }
}
