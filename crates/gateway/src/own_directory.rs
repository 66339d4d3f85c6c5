//! Directories of principals: no two have one, also on file systems that do not tell `CI` from `ci`.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use exuvia_replay::sha256_hex;
use exuvia_tool::Principal;

/// The longest name of a key that is the name of its directory as well, in bytes.
const PLAIN_NAME_BYTES: usize = 64;

/// The directory of a principal in this one. One under the name that it had before names with upper case were hashed is renamed: for such a key
/// this looks at the disk.
pub(crate) fn own_directory(parent: &Path, principal: &Principal) -> PathBuf {
    let own = parent.join(name(principal));
    if let Some(earlier) = earlier_name(principal) {
        let directory = parent.join(&earlier);
        match adopted(parent, &earlier, &own) {
            Ok(false) => {}
            Ok(true) => tracing::info!(%principal, from = ?directory, to = ?own, "directory renamed"),
            Err(error) => tracing::warn!(%principal, %error, from = ?directory, to = ?own, "directory not renamed"),
        }
    }
    own
}

/// Whether a character is one that names of directories here are made of.
pub(crate) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

fn is_plain_name(name: &str) -> bool {
    name.len() <= PLAIN_NAME_BYTES && name.chars().all(is_plain)
}

/// The name of a principal's directory.
fn name(principal: &Principal) -> String {
    let has_one_spelling = |name: &str| !name.contains(|c: char| c.is_ascii_uppercase()) && !name.ends_with('.');
    match principal {
        Principal::Operator => "operator".to_owned(),
        Principal::Key(name) if is_plain_name(name) && has_one_spelling(name) => format!("key-{name}"),
        other => format!("other-{}", &sha256_hex(other.to_string())[..32]),
    }
}

/// The name that it had before, if that was another one.
fn earlier_name(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Key(key) if is_plain_name(key) => {
            Some(format!("key-{key}")).filter(|earlier| *earlier != name(principal))
        }
        _ => None,
    }
}

/// Renames a directory of just this name to `own`, unless there is one already. Whether there was something to rename.
fn adopted(parent: &Path, earlier: &str, own: &Path) -> io::Result<bool> {
    // Where names have no case, the directory of another key is found here as well: what it is called was decided by whoever made it.
    if !parent.join(earlier).exists() || own.exists() {
        return Ok(false);
    }
    for entry in std::fs::read_dir(parent)? {
        if entry?.file_name() == OsStr::new(earlier) {
            std::fs::rename(parent.join(earlier), own)?;
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    fn principal(name: &str) -> Principal {
        name.parse().expect("a principal")
    }

    #[test]
    fn no_two_principals_have_one_directory_even_where_names_have_no_case() {
        let names = [
            "operator",
            "key:a",
            "key:A",
            "key:a.",
            "key:../b",
            "key:operator",
            "key:other-1",
            "user:a/b",
            "user:a/c",
            "user:A/c",
            "key:é",
            "key:É",
        ];
        let directories: BTreeSet<_> = names.iter().map(|one| name(&principal(one)).to_lowercase()).collect();
        assert_eq!(directories.len(), names.len(), "{directories:?}");
        assert!(directories.iter().all(|name| !name.contains('/') && !name.ends_with('.')), "{directories:?}");
    }

    #[test]
    fn a_directory_under_an_earlier_name_is_that_of_the_key_that_is_spelled_so() {
        let folder = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("file"), name).unwrap();
        };
        let read = |key: &str| fs::read_to_string(own_directory(folder.path(), &principal(key)).join("file")).ok();
        make("key-ci");
        assert_eq!(read("key:CI"), None, "that of another key");
        make("key-CI");
        assert_eq!(read("key:CI").as_deref(), Some("key-CI"));
        assert!(!folder.path().join("key-CI").exists() && read("key:ci").as_deref() == Some("key-ci"));
        // What is there under both names is not mixed.
        make("key-CI");
        fs::write(folder.path().join("key-CI/file"), "later").unwrap();
        assert_eq!(read("key:CI").as_deref(), Some("key-CI"));
    }
}
