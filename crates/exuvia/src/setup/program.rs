//! How a client starts this program.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::clients::NAME;

/// What a client starts.
pub(super) enum Program {
    /// A file that stays where it is when a package manager brings another version.
    File(PathBuf),
    /// A runner of packages, with the words before the arguments of this program: where it keeps the program, it may be cleaned away.
    Runner(&'static [&'static str]),
}

impl Program {
    /// This program.
    pub(super) fn own() -> Result<Self> {
        let own = env::current_exe().context("the path of this program")?;
        let real = own.canonicalize().unwrap_or_else(|_| own.clone());
        if let Some(runner) = runner(&real) {
            return Ok(Self::Runner(runner));
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let named = env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(NAME));
        let is_own = |path: &PathBuf| path.canonicalize().is_ok_and(|path: PathBuf| path == real);
        Ok(Self::File(named.into_iter().find(is_own).unwrap_or(own)))
    }

    /// The command of an entry, and the arguments before those of this program. In the file of a project it is looked for by name.
    pub(super) fn words(&self, is_of_project: bool) -> Vec<String> {
        match self {
            Self::Runner(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            Self::File(_) if is_of_project => vec![NAME.to_owned()],
            Self::File(file) => vec![file.display().to_string()],
        }
    }
}

/// The runner in whose cache a program lies: `uvx` in `archive-v0/HASH/bin`, `npx` in `_npx/HASH/node_modules`.
fn runner(program: &Path) -> Option<&'static [&'static str]> {
    let parts: Vec<&str> = program.iter().filter_map(OsStr::to_str).collect();
    let is_cache_of_uv = |name: &str| {
        let version = ["archive-v", "environments-v"].iter().find_map(|start| name.strip_prefix(start));
        version.is_some_and(|version| !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()))
    };
    parts.windows(3).find_map(|part| match part {
        [cache, _, "bin" | "Scripts"] if is_cache_of_uv(cache) => Some(&["uvx", NAME][..]),
        ["_npx", _, "node_modules"] => Some(&["npx", "-y", NAME]),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_the_cache_of_a_runner_is_started_by_the_runner() {
        for (program, expected) in [
            ("/home/ada/.cache/uv/archive-v0/p0Xq_3-fA/bin/exuvia", Some(&["uvx", "exuvia"][..])),
            ("/var/cache/uv/environments-v2/exuvia-1f/bin/exuvia", Some(&["uvx", "exuvia"])),
            ("/home/ada/.npm/_npx/0123abcd/node_modules/@exuvia/linux-x64/bin/exuvia", Some(&["npx", "-y", "exuvia"])),
            ("/home/ada/.local/share/uv/tools/exuvia/bin/exuvia", None),
            ("/home/ada/project/node_modules/@exuvia/linux-x64/bin/exuvia", None),
            ("/home/ada/archive-v/2026/bin/exuvia", None),
            ("/home/ada/archive-v2/exuvia", None),
            ("/usr/local/bin/exuvia", None),
        ] {
            assert_eq!(runner(Path::new(program)), expected, "{program}");
        }
    }
}
