//! The project around the folder that this program was started in: up to the root of its git repository.

use std::path::{Component, Path, PathBuf};

use crate::ConfigFile;

/// How long the file may be that stands in place of a `.git` folder, in bytes.
const POINTER_BYTES: u64 = 64 << 10;

/// A folder, and the repository that it lies in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Project {
    /// The folder and those above it, up to the root of the repository. Without a repository it is alone.
    pub(super) folders: Vec<PathBuf>,
    /// The root of the repository that the root is a linked worktree of.
    pub(super) checkout: Option<PathBuf>,
    home: PathBuf,
}

impl Project {
    /// The project of a folder, of a user whose home this is.
    pub(super) fn of(folder: &Path, home: &Path) -> Self {
        let above = folder.ancestors().position(|above| above.join(".git").exists()).unwrap_or_default();
        let folders: Vec<PathBuf> = folder.ancestors().take(above + 1).map(Path::to_owned).collect();
        let checkout = folders.last().and_then(|root| checkout(root));
        Self { folders, checkout, home: home.to_owned() }
    }

    /// Where Claude Code keeps what it knows of this project: under the root of the repository, of a linked worktree under that of
    /// its repository, and under the folder, where there is no repository and in older versions.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for folder in self.folders.first().into_iter().chain(self.folders.last()).chain(&self.checkout) {
            let key = folder.display().to_string();
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// Whether this path, from the folder `from`, is that of the project or leads into it, by what is written or by links.
    pub(super) fn has(&self, path: &Path, from: &Path) -> bool {
        let path = from.join(path);
        let real = path.ancestors().find_map(|path| path.canonicalize().ok());
        let is_in =
            |root: &Path| plain(&path).starts_with(root) || real.as_ref().is_some_and(|real| real.starts_with(root));
        self.root().is_some_and(is_in)
    }

    /// The largest folder of the project that is not the user's own: a home has everything of its user.
    fn root(&self) -> Option<&Path> {
        self.folders.iter().rev().map(PathBuf::as_path).find(|root| !self.home.starts_with(root))
    }
}

/// A path without `.` and `..`, whether it leads to something or not.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// Where the repository of a linked worktree lies. Its own files must name the worktree: anybody can write a `.git` file.
fn checkout(root: &Path) -> Option<PathBuf> {
    let read = |file: PathBuf| ConfigFile::open(&file).and_then(|file| file.text(POINTER_BYTES)).ok();
    let text = read(root.join(".git"))?;
    let worktree = root.join(text.strip_prefix("gitdir:")?.trim());
    let git = worktree.parent().filter(|parent| parent.ends_with("worktrees"))?.parent()?;
    let back = worktree.join(read(worktree.join("gitdir"))?.trim());
    let is_named = back.canonicalize().ok()? == root.join(".git").canonicalize().ok()?;
    let checkout = git.canonicalize().ok()?;
    (is_named && checkout.ends_with(".git")).then(|| checkout.parent().map(Path::to_owned))?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_project_reaches_up_to_its_repository_and_a_worktree_to_the_one_that_names_it() {
        let here = tempfile::tempdir().unwrap();
        let here = here.path().canonicalize().unwrap();
        let home = here.join("home");
        let make = |folder: &str| fs::create_dir_all(here.join(folder)).unwrap();
        let write = |file: &str, text: &str| fs::write(here.join(file), text).unwrap();
        let keys = |folder: &str| -> Vec<String> {
            let keys = Project::of(&here.join(folder), &home).keys();
            keys.iter().map(|key| key.strip_prefix(here.to_str().unwrap()).unwrap().to_owned()).collect()
        };
        for folder in ["home", "bare/a", "repo/.git/worktrees/w", "repo/a/b", "w/a", "forged"] {
            make(folder);
        }
        assert_eq!(keys("bare/a"), ["/bare/a"]);
        assert_eq!(keys("repo/a/b"), ["/repo/a/b", "/repo"]);
        let folders = Project::of(&here.join("repo/a/b"), &home).folders;
        assert_eq!(folders, ["repo/a/b", "repo/a", "repo"].map(|folder| here.join(folder)));
        write("w/.git", &format!("gitdir: {}\n", here.join("repo/.git/worktrees/w").display()));
        write("repo/.git/worktrees/w/gitdir", &format!("{}\n", here.join("w/.git").display()));
        assert_eq!(keys("w/a"), ["/w/a", "/w", "/repo"]);
        write("forged/.git", "gitdir: ../repo/.git/worktrees/w\n");
        assert_eq!(keys("forged"), ["/forged"]);
    }

    #[test]
    fn what_leads_into_a_project_is_of_it_however_it_is_written() {
        let here = tempfile::tempdir().unwrap();
        let here = here.path().canonicalize().unwrap();
        let (home, repo) = (here.join("home"), here.join("home/repo"));
        fs::create_dir_all(repo.join(".git")).unwrap();
        fs::create_dir_all(repo.join("sub")).unwrap();
        std::os::unix::fs::symlink(&repo, home.join("link")).unwrap();
        let project = Project::of(&repo.join("sub"), &home);
        for path in [".", "./x", "../x", "x", "../../link/x/..", "../../repo"] {
            assert!(project.has(Path::new(path), &repo.join("sub")), "{path}");
        }
        for path in ["../../x", "/x", "../../repo2"] {
            assert!(!project.has(Path::new(path), &repo.join("sub")), "{path}");
        }
        assert!(!Project::of(&home, &home).has(Path::new("x"), &home), "a home is no project");
        fs::create_dir(home.join(".git")).unwrap();
        fs::create_dir(home.join("other")).unwrap();
        let project = Project::of(&home.join("other"), &home);
        assert!(project.has(Path::new("x"), &home.join("other")) && !project.has(Path::new("x"), &home));
    }
}
