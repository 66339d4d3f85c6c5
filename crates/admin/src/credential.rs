//! The token of the loopback listener, in a file that its owner alone can read; and what is derived from it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exuvia_tool::RunId;
use ring::hmac;
use subtle::ConstantTimeEq as _;

/// Random bytes of a token.
const BYTES: usize = 32;
/// The longest token that is read, in bytes.
const LONGEST: u64 = 256;
/// What links are signed for: no other use of the token gives the same bytes.
const LINK: &[u8] = b"exuvia approval link\0";

/// The token.
pub(crate) struct AdminToken(String);

impl AdminToken {
    /// The token of a file, or a new one where there is none.
    ///
    /// # Errors
    ///
    /// The file cannot be read or written, belongs to another user, or others can read it.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => return read,
        }
        let token = random()?;
        // Whole or not there: another process may read it at once.
        let whole = path.with_extension(format!("token-{}", std::process::id()));
        let _ = fs::remove_file(&whole);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&whole)?;
        file.write_all(token.as_bytes())?;
        file.sync_all()?;
        let linked = fs::hard_link(&whole, path);
        fs::remove_file(&whole)?;
        match linked {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            linked => linked.map(|()| Self(token)),
        }
    }

    fn read(path: &Path) -> io::Result<Self> {
        let file = fs::File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.uid() != nix::unistd::geteuid().as_raw() || metadata.mode() & 0o077 != 0 {
            let message = "the token of the admin API can be read by others: remove the file, and a new one is made";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let mut token = String::new();
        file.take(LONGEST).read_to_string(&mut token)?;
        let token = token.trim().to_owned();
        if token.len() < BYTES {
            let message = "the file of the admin API's token holds none: remove it, and a new one is made";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Self(token))
    }

    /// Whether this is the token.
    pub(crate) fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }

    /// The token of a link to the approvals of a run: it holds for as long as the token does.
    pub(crate) fn link(&self, run: &RunId) -> String {
        let signature = hmac::sign(&self.key(), &message(run.as_str()));
        format!("{}.{}", run.as_str(), URL_SAFE_NO_PAD.encode(signature))
    }

    /// The run whose approvals a link leads to. None: nobody made such a link.
    pub(crate) fn run_of_link(&self, link: &str) -> Option<RunId> {
        let (run, signature) = link.split_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        hmac::verify(&self.key(), &message(run), &signature).ok()?;
        Some(RunId::new(run))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_bytes())
    }
}

fn message(run: &str) -> Vec<u8> {
    [LINK, run.as_bytes()].concat()
}

/// A secret that nobody can guess: 256 bits, in the letters of URLs.
///
/// # Errors
///
/// The system has no randomness.
pub(crate) fn random() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_token_is_made_once_and_others_cannot_read_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("admin.token");
        let first = AdminToken::of_file(&path).expect("a token");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let again = AdminToken::of_file(&path).expect("a token");
        assert!(again.is(&first.0) && !again.is("") && !again.is(&first.0[1..]));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("set");
        assert_eq!(AdminToken::of_file(&path).err().expect("refused").kind(), io::ErrorKind::PermissionDenied);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        if nix::unistd::geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65_534), None).expect("given away");
            assert_eq!(AdminToken::of_file(&path).err().expect("refused").kind(), io::ErrorKind::PermissionDenied);
        }
    }

    #[test]
    fn a_link_leads_to_its_run_alone() {
        let token = AdminToken("a".repeat(43));
        let link = token.link(&RunId::new("01A"));
        assert_eq!(token.run_of_link(&link), Some(RunId::new("01A")));
        assert_eq!(token.run_of_link(&link.replace("01A", "01B")), None);
        assert_eq!(AdminToken("b".repeat(43)).run_of_link(&link), None);
        assert_eq!(token.run_of_link("01A."), None);
    }
}
