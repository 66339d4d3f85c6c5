//! Pins in files, one for each server and credential.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{error, fmt, thread};

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::server_pins::ServerPins;

/// The longest file that is read, in bytes: more than the pins of a server at its limits take.
const MAX_BYTES: u64 = 32 << 20;
/// The most files of a folder that are looked at.
const MAX_FILES: usize = 10_000;

/// How long a change waits for those that other processes make, and how often it looks whether they are done.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// The version of the form that files have.
const VERSION: u32 = 1;

/// A file whose lock is held while any file of the folder is changed.
const LOCK: &str = "lock";
const EXTENSION: &str = "json";
/// How much of a server's name begins the name of its file.
const NAME_CHARS: usize = 40;

/// A folder of pins. Only the user can read what is in it.
///
/// Readers see the file of before a change or the one after, whatever crashes. A change locks the folder against other processes.
#[derive(Debug, Clone)]
pub struct PinFolder(PathBuf);

/// The file of one server's pins: `{"version": 1, "server", "credential", "tools": {..}}`.
#[derive(Debug, Clone)]
pub struct PinFile {
    folder: PinFolder,
    path: PathBuf,
    /// The server and the credential that it has to be of; none: it says itself.
    of: Option<(String, String)>,
}

/// What tells whether a file was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
    #[cfg(unix)]
    inode: u64,
}

/// Pins cannot be read or stored.
#[derive(Debug)]
pub struct PinError {
    path: PathBuf,
    kind: PinErrorKind,
}

/// Why.
#[derive(Debug)]
#[non_exhaustive]
pub enum PinErrorKind {
    /// The system refuses.
    Io(io::Error),
    /// Another process kept them locked for 2 s.
    Locked,
    /// The file holds something else, or pins of another server.
    Corrupt(String),
    /// A later version of the program wrote it.
    Version(u32),
}

impl PinError {
    /// Why.
    #[must_use]
    pub fn kind(&self) -> &PinErrorKind {
        &self.kind
    }

    /// The file, or its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            PinErrorKind::Io(error) => write!(f, "{path}: {error}"),
            PinErrorKind::Locked => write!(f, "{path}: locked by another process for {} s", PATIENCE.as_secs()),
            PinErrorKind::Corrupt(why) => write!(
                f,
                "{path}: not a file of pins ({why}); restore it, or delete it to have the tools pinned again as the server lists them then"
            ),
            PinErrorKind::Version(version) => {
                write!(f, "{path}: version {version}, written by a later program; use that one, or delete the file")
            }
        }
    }
}

impl error::Error for PinError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.kind {
            PinErrorKind::Io(error) => Some(error),
            PinErrorKind::Locked | PinErrorKind::Corrupt(_) | PinErrorKind::Version(_) => None,
        }
    }
}

/// Read before the rest, which a later version may have in another form.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl PinFolder {
    /// The folder at this path, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The file of a server's pins for one credential. Its name begins like the server's, in small letters: file systems may not
    /// tell these from others.
    #[must_use]
    pub fn file(&self, server: &str, credential: &str) -> PinFile {
        let plain =
            |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c.to_ascii_lowercase() } else { '_' };
        let name: String = server.chars().take(NAME_CHARS).map(plain).collect();
        let digest = Digest::of(format!("{server}\0{credential}")).hex();
        let path = self.0.join(format!("{name}-{}.{EXTENSION}", &digest[..16]));
        PinFile { folder: self.clone(), path, of: Some((server.to_owned(), credential.to_owned())) }
    }

    /// All files of pins, whosever they are, by name.
    ///
    /// # Errors
    ///
    /// The folder cannot be read. One that does not exist has no files.
    pub fn files(&self) -> Result<Vec<PinFile>, PinError> {
        let listed = match fs::read_dir(&self.0) {
            Ok(listed) => listed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.error(error)),
        };
        let mut files = Vec::new();
        for entry in listed.take(MAX_FILES) {
            let path = entry.map_err(|error| self.error(error))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                files.push(PinFile { folder: self.clone(), path, of: None });
            }
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    fn error(&self, error: io::Error) -> PinError {
        PinError { path: self.0.clone(), kind: PinErrorKind::Io(error) }
    }

    fn create(&self) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.0)
    }

    /// Until it is dropped, no other process changes a file.
    fn lock(&self) -> Result<File, PinError> {
        self.create().map_err(|error| self.error(error))?;
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(self.0.join(LOCK));
        let file = opened.map_err(|error| self.error(error))?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(PinError { path: self.0.clone(), kind: PinErrorKind::Locked });
                }
                Err(TryLockError::Error(error)) => return Err(self.error(error)),
            }
        }
    }
}

impl PinFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The pins that it holds; none if there is no file.
    ///
    /// # Errors
    ///
    /// It cannot be read, or does not hold pins of its server.
    pub fn read(&self) -> Result<Option<ServerPins>, PinError> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.error(PinErrorKind::Io(error))),
        };
        let mut text = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(|error| self.error(PinErrorKind::Io(error)))?;
        let pins = ServerPins::from_json(&text).map_err(|kind| self.error(kind))?;
        let is_of = |(server, credential): &(String, String)| *server == pins.server && *credential == pins.credential;
        if !self.of.as_ref().is_none_or(is_of) {
            return Err(self.error(PinErrorKind::Corrupt("it is of another server".to_owned())));
        }
        Ok(Some(pins))
    }

    /// Changes the pins, of which there may be none. What `change` gives is stored if `is_other` holds for it; none: there are no
    /// pins any more. Also gives the stamp of the file as it is then.
    ///
    /// # Errors
    ///
    /// They cannot be read, locked or stored. Then nothing is changed.
    pub fn change<T>(
        &self,
        change: impl FnOnce(Option<ServerPins>) -> (Option<ServerPins>, T),
        is_other: impl FnOnce(&T) -> bool,
    ) -> Result<(T, Option<Stamp>), PinError> {
        let _lock = self.folder.lock()?;
        let (pins, changed) = change(self.read()?);
        if is_other(&changed) {
            let stored = match &pins {
                Some(pins) => self.write(pins),
                None => self.remove(),
            };
            stored.map_err(|error| self.error(PinErrorKind::Io(error)))?;
        }
        Ok((changed, self.stamp()))
    }

    /// What tells whether it was replaced. None: there is no file, or none that can be looked at.
    #[must_use]
    pub fn stamp(&self) -> Option<Stamp> {
        let metadata = fs::metadata(&self.path).ok()?;
        Some(Stamp {
            modified: metadata.modified().ok(),
            bytes: metadata.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&metadata),
        })
    }

    fn error(&self, kind: PinErrorKind) -> PinError {
        PinError { path: self.path.clone(), kind }
    }

    fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// In one step that survives a crash of the machine.
    fn write(&self, pins: &ServerPins) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(self.folder.path())?;
        file.write_all(pins.to_json().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        // The new name of the file is in its folder.
        #[cfg(unix)]
        File::open(self.folder.path())?.sync_all()?;
        Ok(())
    }
}

impl ServerPins {
    /// The text of a file: a line for each tool, so that people can compare files.
    #[must_use]
    pub fn to_json(&self) -> String {
        let tools: Vec<String> = self.tools.iter().map(|(name, pin)| format!("{}:{}", json(name), json(pin))).collect();
        format!(
            "{{\"version\":{VERSION},\"server\":{},\"credential\":{},\"tools\":{{\n{}\n}}}}\n",
            json(&self.server),
            json(&self.credential),
            tools.join(",\n")
        )
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    ///
    /// It is something else, longer than 32 MiB, or of a later version. What the parser says may quote a server: the place alone is
    /// repeated.
    pub fn from_json(text: &[u8]) -> Result<Self, PinErrorKind> {
        if text.len() as u64 > MAX_BYTES {
            return Err(PinErrorKind::Corrupt(format!("larger than {} MiB", MAX_BYTES >> 20)));
        }
        let corrupt = |error: serde_json::Error| {
            PinErrorKind::Corrupt(format!("line {}, column {}", error.line(), error.column()))
        };
        let Versioned { version } = serde_json::from_slice(text).map_err(corrupt)?;
        if version > VERSION {
            return Err(PinErrorKind::Version(version));
        }
        serde_json::from_slice(text).map_err(corrupt)
    }
}

/// Plain data with texts as keys: serializing it does not fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use exuvia_tool::{ToolAnnotations, ToolDescriptor};
    use serde_json::json;

    use super::*;
    use crate::{Checked, Definition, Listed};

    fn definition(text: &str) -> Definition {
        let (title, output_schema) = (None, None);
        let (input_schema, annotations) = (json!({"type": "object"}), ToolAnnotations::default());
        let (name, description) = (String::new(), Some(text.to_owned()));
        Definition::of(&ToolDescriptor { name, title, description, input_schema, output_schema, annotations }, None)
    }

    /// Checks a list of one tool against a file.
    fn check(file: &PinFile, name: &str, text: &str) -> Result<Checked, PinError> {
        let listed = vec![Listed { name, definition: definition(text) }];
        let change = |pins: Option<ServerPins>| {
            let is_first = pins.is_none();
            let mut pins = pins.unwrap_or_else(|| ServerPins::new("crm", ""));
            let checked = pins.check(&listed, is_first, false, 1);
            (Some(pins), checked)
        };
        file.change(change, |checked| checked.is_other).map(|(checked, _)| checked)
    }

    #[test]
    fn pins_are_the_same_after_they_were_stored_and_nothing_is_written_without_need() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = PinFolder::new(home.path().join("deeper/pins"));
        assert!(folder.files().expect("no folder is no error").is_empty());
        let file = folder.file("crm", "");
        assert!(file.read().expect("no file is no error").is_none() && file.stamp().is_none());
        check(&file, "a", "1").expect("stored");
        let stamp = file.stamp().expect("a file");
        assert_eq!(check(&file, "a", "1").expect("read").deviations.len(), 0);
        assert_eq!(file.stamp().as_ref(), Some(&stamp));
        assert_eq!(check(&file, "a", "2").expect("stored").new.len(), 1);
        assert_ne!(file.stamp(), Some(stamp));
        assert_eq!(check(&file, "a", "2").expect("read").new.len(), 0);
        let pins = file.read().expect("read").expect("pins");
        assert_eq!(pins.accepted_text("a"), Some(r#"{"description":"1","inputSchema":{"type":"object"}}"#));
        assert_eq!(folder.files().expect("read").len(), 1);
        file.change(|_| (None, ()), |()| true).expect("removed");
        assert!(file.read().expect("read").is_none());
    }

    #[test]
    fn each_server_and_credential_has_a_file_of_its_own() {
        let folder = PinFolder::new("/pins".into());
        let names = [("crm", ""), ("CRM", ""), ("crm", "role"), ("c r/m..", ""), ("сrm", ""), (&*"x".repeat(64), "")];
        let paths: std::collections::BTreeSet<String> = names
            .iter()
            .map(|(server, credential)| folder.file(server, credential).path.display().to_string().to_lowercase())
            .collect();
        assert_eq!(paths.len(), names.len(), "{paths:?}");
        assert!(
            paths
                .iter()
                .all(|path| path.starts_with("/pins/") && path.matches(['/', '.']).count() == 3 && path.len() < 80)
        );
    }

    #[test]
    fn what_holds_something_else_is_kept_and_refused() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = PinFolder::new(home.path().to_owned());
        let file = folder.file("crm", "");
        let tools = |tools: &str| format!(r#"{{"version":1,"server":"crm","credential":"","tools":{tools}}}"#);
        for (text, said) in [
            ("{".to_owned(), "delete it"),
            (String::new(), "not a file of pins"),
            (tools("{}").replace(":1", ":2"), "later program"),
            (tools("{}").replace("crm", "crm2"), "of another server"),
            (tools("{}").replace("\"\"", "\"role\""), "of another server"),
            (
                tools(r#"{"a":{"pinned":{"at_ms":1,"definition":{"parts":{"description":"s3cret"}}}}}"#),
                "line 1, column",
            ),
            (tools(r#"{"a":{"pinned":{"at_ms":1}}}"#), "line 1, column"),
        ] {
            fs::write(file.path(), &text).expect("written");
            let error = check(&file, "a", "1").expect_err("refused").to_string();
            assert!(error.contains(said) && error.contains("crm-") && !error.contains("s3cret"), "{error}");
            assert_eq!(fs::read_to_string(file.path()).expect("still there"), text);
        }
        let large = tools("{}") + &" ".repeat(32 << 20);
        fs::write(file.path(), large).expect("written");
        assert!(check(&file, "a", "1").expect_err("refused").to_string().contains("larger than 32 MiB"));
    }

    #[test]
    fn no_change_of_several_at_a_time_is_lost() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = PinFolder::new(home.path().to_owned());
        thread::scope(|scope| {
            for number in 0..4 {
                let file = folder.file("crm", "");
                scope.spawn(move || {
                    for round in 0..8 {
                        check(&file, &format!("t{number}_{round}"), "1").expect("stored");
                    }
                });
            }
        });
        let pins = folder.file("crm", "").read().expect("read").expect("pins");
        assert_eq!(pins.accepted().count(), 32);
    }

    #[test]
    fn a_change_waits_for_another_one_and_not_forever() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = PinFolder::new(home.path().to_owned());
        let lock = folder.lock().expect("locked");
        let error = check(&folder.file("crm", ""), "a", "1").expect_err("locked");
        assert!(matches!(error.kind(), PinErrorKind::Locked), "{error}");
        drop(lock);
        check(&folder.file("crm", ""), "a", "1").expect("stored");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_pins() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().expect("a folder");
        let folder = PinFolder::new(home.path().join("pins"));
        check(&folder.file("crm", ""), "a", "1").expect("stored");
        let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(folder.file("crm", "").path())), (0o700, 0o600));
    }
}
