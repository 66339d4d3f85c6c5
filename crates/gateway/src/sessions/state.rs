//! What is known of a session between two scripts, and the lines of the file that it is made of.

use std::io;

use exuvia_tool::Principal;
use serde::{Deserialize, Serialize};

use crate::ids::now_ms;

/// The version of the format.
const VERSION: u32 = 1;

const NOT_UNDERSTOOD: &str =
    "a line of its file is not understood: it is damaged, or of another version of this program";

/// A session between two scripts. What they left is in the journal, under the names of their runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionState {
    /// Its name.
    pub name: String,
    /// Whose it is, as it is written: `operator`, `key:NAME`.
    pub principal: String,
    /// The profile of its clients, if they named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// A digest of the client with whose MCP session it ends. None: it is of all clients of its principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The runs of its scripts, in order.
    pub scripts: Vec<String>,
    /// What they used, in units of fuel.
    pub fuel: u64,
    /// When it began, in milliseconds since the epoch.
    pub began_ms: u64,
    /// When its last script ended.
    pub used_ms: u64,
    /// Why it cannot be brought back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
    /// The boot of the machine in which the latest lines were written.
    #[serde(skip)]
    boot: Option<String>,
}

/// A line of the file of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one.
    Began {
        v: u32,
        name: String,
        principal: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        client: Option<String>,
        at_ms: u64,
    },
    /// All scripts before it are in the file. Those after it were written in this boot of the machine.
    Boot(String),
    /// A script that is over and has left something.
    Script { run: String, fuel: u64, ended_ms: u64 },
    /// The session cannot be brought back, for this reason.
    Lost(String),
}

impl SessionState {
    pub(super) fn new(name: &str, principal: String, profile: Option<&str>) -> Self {
        let (name, profile, now) = (name.to_owned(), profile.map(str::to_owned), now_ms());
        let (client, scripts, fuel, lost, boot) = Default::default();
        Self { name, principal, profile, client, scripts, fuel, began_ms: now, used_ms: now, lost, boot }
    }

    /// The same, of one client alone if there is a digest of it.
    pub(super) fn of_client(self, client: Option<String>) -> Self {
        Self { client, ..self }
    }

    /// Whether it is the session of this principal.
    pub(super) fn is_of(&self, principal: &Principal) -> bool {
        self.principal == principal.to_string()
    }

    /// The first lines of its file.
    pub(super) fn begin(&self, boot: Option<&str>) -> Vec<Line> {
        let Self { name, principal, profile, client, began_ms: at_ms, .. } = self.clone();
        let began = Line::Began { v: VERSION, name, principal, profile, client, at_ms };
        std::iter::once(began).chain(boot.map(|boot| Line::Boot(boot.to_owned()))).collect()
    }

    /// The session after a further line.
    pub(super) fn add(&mut self, line: Line) {
        match line {
            Line::Began { .. } => {}
            Line::Boot(boot) => self.boot = Some(boot),
            Line::Script { run, fuel, ended_ms } => {
                self.scripts.push(run);
                self.fuel = self.fuel.saturating_add(fuel);
                self.used_ms = ended_ms;
            }
            Line::Lost(why) => self.lost = Some(why),
        }
    }

    /// Whether the machine may have stopped before the latest lines were on the disk.
    pub(super) fn may_lack_scripts(&self, boot: Option<&str>) -> bool {
        boot.is_some() && self.boot.as_deref() != boot
    }

    /// What the lines say in this boot of the machine, and how many bytes are to stay. None: not even the first line is whole, so that no script has
    /// been answered. A line that cannot be parsed, and those behind it, are replaced from the journal if the machine stopped since; otherwise
    /// the file is damaged in another way, and the session is lost.
    ///
    /// # Errors
    ///
    /// Another version of this program has written them.
    pub(super) fn parse(text: &[u8], boot: Option<&str>) -> io::Result<Option<(Self, usize)>> {
        let mut lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let Some(first) = lines.next() else { return Ok(None) };
        let Line::Began { v: VERSION, name, principal, profile, client, at_ms } = serde_json::from_slice(first)? else {
            return Err(io::Error::other("written by another version of this program"));
        };
        let began = Self::new(&name, principal, profile.as_deref());
        let began = Self { client, began_ms: at_ms, used_ms: at_ms, ..began };
        let (mut state, mut whole) = (began, first.len());
        for line in lines {
            let Ok(read) = serde_json::from_slice(line) else {
                if is_written_in(text, boot) {
                    state.lost.get_or_insert_with(|| NOT_UNDERSTOOD.to_owned());
                    whole = text.len();
                }
                break;
            };
            state.add(read);
            whole += line.len();
        }
        Ok(Some((state, whole)))
    }
}

/// Whether lines were written in this boot: those before them were on the disk then.
fn is_written_in(text: &[u8], boot: Option<&str>) -> bool {
    let Some(boot) = boot else { return true };
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.any(|line| matches!(serde_json::from_slice(line), Ok(Line::Boot(one)) if one == boot))
}

/// The text of lines.
pub(super) fn text(lines: &[Line]) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line)?;
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(run: &str) -> Line {
        Line::Script { run: run.to_owned(), fuel: 7, ended_ms: 9 }
    }

    #[test]
    fn what_is_cut_off_is_not_there() {
        let state = SessionState::new("report", "key:ci".to_owned(), Some("team"));
        let mut lines = state.begin(Some("boot"));
        lines.extend([script("01J"), script("01K")]);
        let whole = text(&lines).unwrap();
        let read = |text: &[u8]| SessionState::parse(text, Some("next")).unwrap();
        let (all, bytes) = read(&whole).expect("a session");
        assert_eq!((all.scripts.join(" "), all.fuel, all.used_ms, bytes), ("01J 01K".to_owned(), 14, 9, whole.len()));
        assert_eq!((all.name.as_str(), all.profile.as_deref(), all.began_ms), ("report", Some("team"), state.began_ms));
        let less = whole.len() - text(&[script("01K")]).unwrap().len();
        let mut zeros = whole[..less].to_vec();
        zeros.extend([0, 0, b'\n']);
        for torn in [&whole[..whole.len() - 1], &whole[..=less], &zeros] {
            let (state, bytes) = read(torn).expect("a session");
            assert_eq!((state.scripts.join(" "), bytes), ("01J".to_owned(), less));
        }
        assert_eq!(read(&whole[..10]), None, "it has not begun");
    }

    #[test]
    fn what_another_version_wrote_is_not_taken_for_a_new_session() {
        let state = SessionState::new("report", "operator".to_owned(), None);
        let lines = String::from_utf8(text(&state.begin(None)).unwrap()).unwrap();
        assert!(SessionState::parse(lines.as_bytes(), None).unwrap().is_some());
        assert!(SessionState::parse(lines.replace("\"v\":1", "\"v\":2").as_bytes(), None).is_err());
        assert!(SessionState::parse(b"{}\n", None).is_err());
    }

    #[test]
    fn only_lines_of_this_boot_are_known_to_be_complete() {
        let state = SessionState::new("report", "operator".to_owned(), None);
        let (read, _) =
            SessionState::parse(&text(&state.begin(Some("one"))).unwrap(), Some("one")).unwrap().expect("a session");
        assert!(read.may_lack_scripts(Some("other")) && !read.may_lack_scripts(Some("one")));
        assert!(!read.may_lack_scripts(None), "where nobody knows the boot, each line is on the disk");
    }
}
