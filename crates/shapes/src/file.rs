//! Shapes in a file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{error, fmt, thread};

use serde::{Deserialize, Serialize};

use crate::{Learned, Shape, ToolKey};

/// The longest file that is read or written, in bytes.
const MAX_BYTES: usize = 16 << 20;

/// How long a change waits for those that other processes make, and how often it looks whether they are done.
const PATIENCE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(5);

/// The version of the form that files have.
const VERSION: u32 = 1;

/// A file of shapes: `{"version": 1, "tools": [{"server", "tool", "schema", "shape"}]}`.
///
/// Readers see the file of before a change or the one after. A change locks `NAME.lock` beside it, so that of two processes neither
/// loses what the other one writes. Only the user can read it.
#[derive(Debug, Clone)]
pub struct ShapeFile {
    path: PathBuf,
}

/// A file of shapes cannot be read or written.
#[derive(Debug)]
pub enum ShapeFileError {
    /// The system refuses.
    Io(io::Error),
    /// Another process kept it locked for 2 s.
    Locked,
    /// It holds something else.
    Form(serde_json::Error),
    /// It is larger than 16 MiB.
    TooLarge,
    /// A later version of the program wrote it.
    Version(u32),
}

impl fmt::Display for ShapeFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Locked => write!(f, "locked by another process for {} s", PATIENCE.as_secs()),
            Self::Form(error) => write!(f, "not a file of shapes: {error}"),
            Self::TooLarge => write!(f, "larger than {} MiB", MAX_BYTES >> 20),
            Self::Version(version) => write!(f, "version {version}, written by a later program"),
        }
    }
}

impl error::Error for ShapeFileError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Form(error) => Some(error),
            Self::Locked | Self::TooLarge | Self::Version(_) => None,
        }
    }
}

impl From<io::Error> for ShapeFileError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

#[derive(Deserialize)]
struct Contents {
    version: u32,
    tools: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(flatten)]
    tool: ToolKey,
    shape: Shape,
}

impl ShapeFile {
    /// The file at this path, which need not exist.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The file beside it for what those got who have this role: `shapes.ROLE.json` beside `shapes.json`. Of the name of the role, all but
    /// lower-case letters, digits, `_` and `-` is written as `%XX`, so that no two roles share a file on any system.
    #[must_use]
    pub fn of_role(&self, role: &str) -> Self {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
        let escaped = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        let role: String = role.bytes().map(escaped).collect();
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        Self { path: self.path.with_file_name(format!("{stem}.{role}.json")) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; nothing if there is none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is no file of shapes.
    pub fn read(&self) -> Result<Learned, ShapeFileError> {
        match File::open(&self.path) {
            Ok(file) => read(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Learned::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Adds what was learned.
    ///
    /// # Errors
    ///
    /// It cannot be read, locked or written, or is no file of shapes.
    pub fn add(&self, learned: &Learned) -> Result<(), ShapeFileError> {
        if learned.is_empty() {
            return Ok(());
        }
        let _lock = self.lock()?;
        let mut all = self.read()?;
        all.merge(learned.clone());
        self.write(&all)
    }

    /// Adds what was learned elsewhere. What says nothing new, as a file that was imported before, changes nothing.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn import(&self, learned: &Learned) -> Result<(), ShapeFileError> {
        let _lock = self.lock()?;
        let mut all = self.read()?;
        all.import(learned.clone());
        self.write(&all)
    }

    /// Forgets the tools for which this holds. How many those were.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn forget(&self, is_forgotten: impl Fn(&ToolKey) -> bool) -> Result<usize, ShapeFileError> {
        let _lock = self.lock()?;
        let mut all = self.read()?;
        let forgotten = all.forget(is_forgotten);
        if forgotten > 0 {
            self.write(&all)?;
        }
        Ok(forgotten)
    }

    /// Forgets everything, also what cannot be read.
    ///
    /// # Errors
    ///
    /// It cannot be locked or written.
    pub fn clear(&self) -> Result<(), ShapeFileError> {
        let _lock = self.lock()?;
        self.write(&Learned::default())
    }

    /// Until it is dropped, no other process changes the file. What is renamed over it takes no lock with it: another file has it.
    fn lock(&self) -> Result<File, ShapeFileError> {
        fs::create_dir_all(self.folder())?;
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => thread::sleep(POLL),
                Err(TryLockError::WouldBlock) => return Err(ShapeFileError::Locked),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }

    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    fn write(&self, learned: &Learned) -> Result<(), ShapeFileError> {
        let mut file = tempfile::NamedTempFile::new_in(self.folder())?;
        file.write_all(to_json(learned).as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// Shapes as the text of a file. Beyond 16 MiB, those that were learned from longest ago are left out.
#[must_use]
pub fn to_json(learned: &Learned) -> String {
    let (begin, end) = (format!(r#"{{"version":{VERSION},"tools":["#), "]}");
    let mut room = MAX_BYTES - begin.len() - end.len();
    let written = |(tool, shape): (&ToolKey, &Shape)| {
        serde_json::to_string(&Entry { tool: tool.clone(), shape: shape.clone() }).unwrap_or_default()
    };
    let fits = |entry: &String| {
        let left = room.checked_sub(entry.len() + 1);
        room = left.unwrap_or_default();
        left.is_some()
    };
    let mut entries: Vec<String> = learned.0.iter().rev().map(written).take_while(fits).collect();
    entries.reverse();
    format!("{begin}{}{end}", entries.join(","))
}

/// Reads the text of a file.
///
/// # Errors
///
/// It is something else, or too large.
pub fn read(from: impl io::Read) -> Result<Learned, ShapeFileError> {
    let mut text = Vec::new();
    from.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    if text.len() > MAX_BYTES {
        return Err(ShapeFileError::TooLarge);
    }
    let contents: Contents = serde_json::from_slice(&text).map_err(ShapeFileError::Form)?;
    if contents.version > VERSION {
        return Err(ShapeFileError::Version(contents.version));
    }
    let mut learned = Learned::default();
    for Entry { tool, shape } in contents.tools {
        learned.add(tool, shape.checked());
    }
    Ok(learned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn learned(tool: &str, answer: &str) -> Learned {
        let mut shape = Shape::default();
        shape.observe(answer);
        let mut learned = Learned::default();
        learned.add(ToolKey::new("crm", tool, &json!({})), shape);
        learned
    }

    #[test]
    fn what_two_processes_learned_is_in_the_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ShapeFile::new(folder.path().join("deeper/shapes.json"));
        assert!(file.read().expect("no file is no error").is_empty());
        file.add(&learned("a", r#"{"id": [1, {"x": "text"}]}"#)).expect("written");
        file.add(&learned("b", "2")).expect("written");
        file.add(&learned("a", r#"{"id": null}"#)).expect("written");
        let all = file.read().expect("read");
        let shown: Vec<String> =
            all.iter().map(|(tool, shape)| format!("{} {shape} {}", tool.tool, shape.seen())).collect();
        assert_eq!(shown, ["b int 1", r#"a {"id": [{"x": str} | int] | None} 2"#]);
    }

    #[test]
    fn no_change_of_several_at_a_time_is_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ShapeFile::new(folder.path().join("shapes.json"));
        file.add(&learned("forgotten", "1")).expect("written");
        let forget = |one: &ShapeFile| one.forget(|tool| tool.tool == "forgotten").map(drop);
        thread::scope(|scope| {
            for number in 0..4 {
                let file = file.clone();
                scope.spawn(move || {
                    for round in 0..8 {
                        file.add(&learned(&format!("t{number}_{round}"), "1")).expect("written");
                    }
                    forget(&file).expect("written");
                });
            }
        });
        let all = file.read().expect("read");
        assert_eq!((all.len(), all.iter().any(|(tool, _)| tool.tool == "forgotten")), (32, false));
    }

    #[test]
    fn a_change_waits_for_another_one_and_not_forever() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ShapeFile::new(folder.path().join("shapes.json"));
        let lock = file.lock().expect("locked");
        assert!(matches!(file.add(&learned("a", "1")), Err(ShapeFileError::Locked)));
        drop(lock);
        file.add(&learned("a", "1")).expect("written");
    }

    #[test]
    fn what_is_no_file_of_shapes_is_kept_and_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = ShapeFile::new(folder.path().join("shapes.json"));
        for (text, said) in [
            ("{", "not a file of shapes"),
            (r#"{"version":2,"tools":[]}"#, "later program"),
            (r#"{"version":1,"tools":[{"server":"a","tool":"b","schema":"c","shape":{"nul":true}}]}"#, "unknown field"),
        ] {
            fs::write(file.path(), text).expect("written");
            let error = file.add(&learned("a", "1")).expect_err("refused").to_string();
            assert!(error.contains(said), "{error}");
            assert_eq!(fs::read_to_string(file.path()).expect("still there"), text);
        }
    }

    #[test]
    fn an_imported_shape_is_bounded() {
        let key = "x\\nauto_execute = []".repeat(3);
        let deep = (0..40)
            .fold("{}".to_owned(), |inner, _| format!(r#"{{"list":{{"shortest":0,"longest":1,"item":{inner}}}}}"#));
        let object = format!(r#"{{"object":{{"seen":1,"keys":{{"{key}":{{"int":true}}}}}}}}"#);
        for shape in [deep, object] {
            let text = format!(r#"{{"version":1,"tools":[{{"server":"a","tool":"b","schema":"c","shape":{shape}}}]}}"#);
            let learned = read(text.as_bytes()).expect("bounded, not refused");
            let shown = learned.iter().next().expect("one").1.to_string();
            assert!(!shown.contains("auto_execute") && !shown.contains('\n') && shown.len() < 100, "{shown}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_again_without_the_oldest() {
        let part =
            |_| (0..45).map(|key| (format!("{}_{key}", "k".repeat(60)), json!(1))).collect::<serde_json::Map<_, _>>();
        let mut answer: serde_json::Map<_, _> = (0..8).map(|n| (format!("part_{n}"), json!(part(n)))).collect();
        answer.insert("text".to_owned(), json!("x"));
        let shape = learned("0", &json!(answer).to_string()).0.into_values().next().expect("one");
        let mut all = Learned::default();
        for tool in 0..700 {
            all.add(ToolKey::of_any_schema("crm", &tool.to_string()), shape.clone());
        }
        let text = to_json(&all);
        assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - (64 << 10), "{}", text.len());
        let read = read(text.as_bytes()).expect("read");
        assert!(read.len() < all.len());
        assert_eq!(read.iter().last().expect("the newest"), all.iter().last().expect("the newest"));
    }

    #[test]
    fn each_role_has_a_file_of_its_own_beside_that_of_the_operator() {
        let file = ShapeFile::new("/data/shapes.json".into());
        let path = |role| file.of_role(role).path().to_str().map(str::to_owned);
        assert_eq!(path("support-1").as_deref(), Some("/data/shapes.support-1.json"));
        assert_eq!(path("Support").as_deref(), Some("/data/shapes.%53upport.json"));
        assert_eq!(path("../a").as_deref(), Some("/data/shapes.%2E%2E%2Fa.json"));
    }
}
