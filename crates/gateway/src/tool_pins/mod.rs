//! Tools held against their pins: which are withheld, and what is reported to the operator.

mod screen;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use exuvia_config::PinMode;
use exuvia_pins::PinFolder;
use exuvia_tool::{ToolName, Withheld};
use exuvia_upstream::ServerStatus;
use tokio::sync::watch;

use screen::Screen;
pub use screen::listed;

/// How often files are looked at while something waits for the operator.
pub(crate) const POLL: Duration = Duration::from_millis(500);

/// The pins of the tools of all servers: one for all views of a gateway.
pub struct ToolPins {
    folder: Option<PinFolder>,
    screens: Mutex<HashMap<String, Screen>>,
    withheld: RwLock<Arc<WithheldTools>>,
    waits: watch::Sender<bool>,
}

/// What is withheld of servers at one moment, and which tools they are known to have.
#[derive(Debug, Default)]
pub(crate) struct WithheldTools {
    withheld: HashMap<String, Arc<BTreeMap<String, Withheld>>>,
    known: HashMap<String, Arc<BTreeSet<String>>>,
}

impl WithheldTools {
    /// Why this tool is withheld, if it is.
    pub(crate) fn why(&self, server: &str, tool: &str) -> Option<Withheld> {
        self.withheld.get(server)?.get(tool).copied()
    }

    /// The tools that a server is known to have, whether it lists them now or not.
    pub(crate) fn known(&self, server: &str) -> impl Iterator<Item = &str> {
        self.known.get(server).into_iter().flat_map(|known| known.iter().map(String::as_str))
    }

    /// How many tools of a server are withheld.
    pub(crate) fn count(&self, server: &str) -> usize {
        self.withheld.get(server).map_or(0, |withheld| withheld.len())
    }
}

impl fmt::Debug for ToolPins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolPins").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl ToolPins {
    /// Those that this folder keeps. None: nothing can be kept, and whatever is enforced is withheld.
    #[must_use]
    pub fn kept_in(folder: Option<PinFolder>) -> Self {
        Self { folder, screens: Mutex::default(), withheld: RwLock::default(), waits: watch::Sender::new(false) }
    }

    /// Holds what servers list against the pins, and pins what is seen first. Reads and writes files: not for threads that serve
    /// others. A list that is the same as the last time costs nothing.
    ///
    /// `needs_known`: the tools that servers are known to have are wanted, also of those that are not there.
    pub(crate) fn screen(
        &self,
        servers: &[ServerStatus],
        modes: &BTreeMap<String, PinMode>,
        needs_known: bool,
    ) -> Arc<WithheldTools> {
        let mut screens = self.screens();
        screens.retain(|name, _| servers.iter().any(|server| server.name == *name));
        let mut tools = WithheldTools::default();
        for server in servers {
            let mode = modes.get(&server.name).copied().unwrap_or(PinMode::Off);
            if mode == PinMode::Off || !(server.is_ready() || needs_known) {
                screens.remove(&server.name);
                continue;
            }
            let screen = screens.entry(server.name.clone()).or_default();
            screen.renew(self.folder.as_ref(), server, mode == PinMode::Enforce);
            if !screen.withheld.is_empty() {
                tools.withheld.insert(server.name.clone(), Arc::clone(&screen.withheld));
            }
            if needs_known {
                tools.known.insert(server.name.clone(), Arc::clone(&screen.known));
            }
        }
        let waits = screens.values().any(|screen| screen.waits);
        drop(screens);
        let tools = Arc::new(tools);
        *self.withheld.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&tools);
        self.waits.send_if_modified(|known| std::mem::replace(known, waits) != waits);
        tools
    }

    /// Why calls of this tool are not made, if it is withheld now.
    pub(crate) fn withheld(&self, tool: &ToolName) -> Option<Withheld> {
        self.now().why(&tool.server, &tool.tool)
    }

    /// What is withheld now.
    pub(crate) fn now(&self) -> Arc<WithheldTools> {
        Arc::clone(&self.withheld.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether something waits for the operator, as it changes.
    pub(crate) fn waiting(&self) -> watch::Receiver<bool> {
        self.waits.subscribe()
    }

    /// Whether the pins of a server for which something waits were changed from outside, or are to be tried again. Reads what a
    /// file system has of files.
    pub(crate) fn has_changed(&self) -> bool {
        let screens = self.screens();
        screens.iter().any(|(name, screen)| screen.waits && screen.is_stale(self.folder.as_ref(), name))
    }

    fn screens(&self) -> MutexGuard<'_, HashMap<String, Screen>> {
        self.screens.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
