//! The list of one server, held against its pins.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use exuvia_pins::{
    Checked, Definition, Deviation, Listed, Part, PinError, PinErrorKind, PinFile, PinFolder, ServerPins, Stamp,
};
use exuvia_tool::{Json, ToolDescriptor, Withheld};
use exuvia_upstream::ServerStatus;

use crate::ids::now_ms;

/// After how long a file is tried again that could not be read or locked.
const AGAIN: Duration = Duration::from_secs(5);
/// How many tools of one list are named in the log.
const LOGGED: usize = 20;
/// All servers are asked with the credential that everybody shares.
const SHARED: &str = "";

/// What is known of one server's list.
#[derive(Debug, Default)]
pub(super) struct Screen {
    seen: Option<Seen>,
    /// What is withheld, and why.
    pub(super) withheld: Arc<BTreeMap<String, Withheld>>,
    /// The tools that were accepted, whether they are listed or not.
    pub(super) known: Arc<BTreeSet<String>>,
    /// Something waits for the operator: an acceptance, or a file that cannot be used.
    pub(super) waits: bool,
    /// What was said last of a file that cannot be used.
    complaint: Option<String>,
    /// When such a file is tried again, though it is the same.
    again: Option<Instant>,
}

/// What was held against the pins.
#[derive(Debug)]
struct Seen {
    tools: Arc<[Arc<ToolDescriptor>]>,
    written: Arc<[Json]>,
    is_ready: bool,
    is_enforced: bool,
    stamp: Option<Stamp>,
}

/// What came of it.
struct Held {
    checked: Checked,
    known: BTreeSet<String>,
    is_first: bool,
}

impl Screen {
    /// Holds the list of a server against its pins, if it is another one than the last time, or something waited and the pins are
    /// others. Of a server that is not there, the pins are read.
    pub(super) fn renew(&mut self, folder: Option<&PinFolder>, server: &ServerStatus, is_enforced: bool) {
        if self.is_current(server, is_enforced) && !(self.waits && self.is_stale(folder, &server.name)) {
            return;
        }
        let is_new = self.seen.as_ref().is_none_or(|seen| !seen.is_ready);
        self.again = None;
        let (held, stamp) = match folder {
            Some(folder) => held(&folder.file(&server.name, SHARED), server, is_enforced),
            None => (HeldResult::Err(None), None),
        };
        self.seen = Some(Seen {
            tools: Arc::clone(&server.tools),
            written: Arc::clone(&server.written),
            is_ready: server.is_ready(),
            is_enforced,
            stamp,
        });
        match held {
            Ok((held, error)) => {
                // What cannot be stored would be told each time.
                let is_told = error.as_ref().is_some_and(|error| self.complaint == Some(error.to_string()));
                if !is_told {
                    log(server, &held.checked, is_enforced);
                }
                self.take(server, held, is_enforced, is_new);
                match error {
                    Some(error) => self.complain(server, Some(&error), "changes of tools are not stored"),
                    None => self.complaint = None,
                }
            }
            Err(error) => self.fail(server, error.as_ref(), is_enforced),
        }
    }

    /// Whether the pins were changed by somebody else since they were read, or are to be tried again.
    pub(super) fn is_stale(&self, folder: Option<&PinFolder>, server: &str) -> bool {
        let (Some(folder), Some(seen)) = (folder, &self.seen) else { return false };
        self.again.is_some_and(|again| Instant::now() >= again) || folder.file(server, SHARED).stamp() != seen.stamp
    }

    fn is_current(&self, server: &ServerStatus, is_enforced: bool) -> bool {
        self.seen.as_ref().is_some_and(|seen| {
            Arc::ptr_eq(&seen.tools, &server.tools)
                && Arc::ptr_eq(&seen.written, &server.written)
                && seen.is_ready == server.is_ready()
                && seen.is_enforced == is_enforced
        })
    }

    fn take(&mut self, server: &ServerStatus, held: Held, is_enforced: bool, is_new: bool) {
        let Held { checked, known, is_first } = held;
        let (name, tools) = (&server.name, checked.deviations.len() - checked.new.len());
        if is_new && tools > 0 {
            match is_enforced {
                true => tracing::warn!(server.name = %name, tools, "tools withheld; see `exuvia tools list`"),
                false => {
                    tracing::info!(server.name = %name, tools, "tools differ from their pins; see `exuvia tools list`")
                }
            }
        }
        if is_first {
            tracing::info!(server.name = %name, tools = server.tools.len(), "tools pinned at first sight");
        }
        self.waits = !checked.deviations.is_empty();
        let why = |(name, deviation): (String, Deviation)| match deviation {
            Deviation::Changed(_) => (name, Withheld::Changed),
            Deviation::New => (name, Withheld::New),
            _ => (name, Withheld::Unverified),
        };
        let withheld = if is_enforced { checked.deviations.into_iter().map(why).collect() } else { BTreeMap::new() };
        (self.withheld, self.known) = (Arc::new(withheld), Arc::new(known));
    }

    /// Without pins, whatever is enforced is withheld.
    fn fail(&mut self, server: &ServerStatus, error: Option<&PinError>, is_enforced: bool) {
        self.waits = error.is_some();
        let all = server.tools.iter().map(|tool| (tool.name.clone(), Withheld::Unverified));
        self.withheld = Arc::new(if is_enforced { all.collect() } else { BTreeMap::new() });
        let what = if is_enforced { "all tools of the server are withheld" } else { "tools are not held against pins" };
        self.complain(server, error, what);
    }

    /// Tells the operator once that a file cannot be used.
    fn complain(&mut self, server: &ServerStatus, error: Option<&PinError>, what: &'static str) {
        let is_passing = error.is_some_and(|error| matches!(error.kind(), PinErrorKind::Io(_) | PinErrorKind::Locked));
        self.again = is_passing.then(|| Instant::now() + AGAIN);
        let why = error.map_or_else(|| "the user has no home directory".to_owned(), ToString::to_string);
        if self.complaint.as_ref() == Some(&why) {
            return;
        }
        let (name, is_enforced) = (&server.name, self.seen.as_ref().is_some_and(|seen| seen.is_enforced));
        match error.map(PinError::kind) {
            // Read-only systems and users without a home are nothing to be warned of, unless it has effects.
            None | Some(PinErrorKind::Io(_)) if !is_enforced => {
                tracing::info!(server.name = %name, why, effect = what, "pins of tools unavailable");
            }
            _ => tracing::error!(server.name = %name, why, effect = what, "pins of tools unavailable"),
        }
        self.complaint = Some(why);
    }
}

impl Held {
    fn of(pins: &mut ServerPins, listed: &[Listed<'_>], is_first: bool, is_enforced: bool) -> Self {
        let checked = pins.check(listed, is_first, is_enforced, now_ms());
        Self { checked, known: names(pins), is_first }
    }
}

fn names(pins: &ServerPins) -> BTreeSet<String> {
    pins.accepted().map(|(name, _)| name.to_owned()).collect()
}

type HeldResult = Result<(Held, Option<PinError>), Option<PinError>>;

/// Holds a list against the pins in a file. A list without anything new locks and writes nothing. Where what is new cannot be stored,
/// the pins hold all the same.
fn held(file: &PinFile, server: &ServerStatus, is_enforced: bool) -> (HeldResult, Option<Stamp>) {
    // Before it is read: a file that is replaced meanwhile is read again.
    let stamp = file.stamp();
    let read = match file.read() {
        Ok(read) => read,
        Err(error) => return (Err(Some(error)), stamp),
    };
    if !server.is_ready() {
        let known = read.as_ref().map(names).unwrap_or_default();
        return (Ok((Held { checked: Checked::default(), known, is_first: false }, None)), stamp);
    }
    let listed = listed(server);
    let held = read.map(|mut pins| Held::of(&mut pins, &listed, false, is_enforced));
    if let Some(held) = held.as_ref().filter(|held| !held.checked.is_other) {
        let held = Held { checked: held.checked.clone(), known: held.known.clone(), is_first: false };
        return (Ok((held, None)), stamp);
    }
    let change = |pins: Option<ServerPins>| {
        let is_first = pins.is_none();
        let mut pins = pins.unwrap_or_else(|| ServerPins::new(&server.name, SHARED));
        let held = Held::of(&mut pins, &listed, is_first, is_enforced);
        (Some(pins), held)
    };
    match file.change(change, |held| held.checked.is_other) {
        Ok((held, stamp)) => (Ok((held, None)), stamp),
        Err(error) => match held {
            Some(held) => (Ok((held, Some(error))), stamp),
            None => (Err(Some(error)), stamp),
        },
    }
}

/// The tools of a server with their definitions.
#[must_use]
pub fn listed(server: &ServerStatus) -> Vec<Listed<'_>> {
    let written = |place: usize| server.written.get(place);
    let listed = |(place, tool): (usize, &Arc<ToolDescriptor>)| Definition::of(tool, written(place));
    let definitions = server.tools.iter().enumerate().map(listed);
    server.tools.iter().zip(definitions).map(|(tool, definition)| Listed { name: &tool.name, definition }).collect()
}

/// Tells the operator what is new, without any text of the server but names.
fn log(server: &ServerStatus, checked: &Checked, is_enforced: bool) {
    let name = &server.name;
    for tool in checked.new.iter().take(LOGGED) {
        match checked.deviations.get(tool) {
            Some(Deviation::Changed(parts)) => {
                let changed = parts.iter().map(|part| Part::name(*part)).collect::<Vec<_>>().join(", ");
                let withheld = is_enforced;
                tracing::warn!(server.name = %name, tool.name = %tool, changed, withheld, "tool changed since it was accepted");
            }
            Some(Deviation::New) => tracing::warn!(server.name = %name, tool.name = %tool, "new tool withheld"),
            _ => {
                tracing::warn!(server.name = %name, tool.name = %tool, "tool cannot be pinned: its server has too many")
            }
        }
    }
    for tool in checked.added.iter().take(LOGGED) {
        tracing::info!(server.name = %name, tool.name = %tool, "new tool pinned");
    }
    let more = checked.new.len().saturating_sub(LOGGED) + checked.added.len().saturating_sub(LOGGED);
    if more > 0 {
        tracing::warn!(server.name = %name, more, "further tools are new or changed; see `exuvia tools list`");
    }
}
