//! Whether what is in force is what the files of the configuration say. Whoever reads the files reports it here, and health and
//! metrics show it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

/// What is read again while a gateway runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigPart {
    /// Servers, policy, limits.
    Configuration,
    /// What clients are shown over HTTPS.
    Certificate,
}

impl ConfigPart {
    /// Its name for operators.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Certificate => "certificate",
        }
    }
}

/// What is older than its files.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outdated {
    /// What it is.
    pub part: ConfigPart,
    /// Why the files were not taken in the last time.
    pub why: String,
    /// When that was first so.
    pub since: Instant,
}

/// What is in force, compared with its files.
#[derive(Debug)]
pub struct Configuration(Mutex<State>);

#[derive(Debug)]
struct State {
    taken: SystemTime,
    outdated: BTreeMap<ConfigPart, Outdated>,
}

impl Default for Configuration {
    /// In force since now.
    fn default() -> Self {
        Self(Mutex::new(State { taken: SystemTime::now(), outdated: BTreeMap::new() }))
    }
}

impl Configuration {
    /// What the files say is in force.
    pub fn is_current(&self, part: ConfigPart) {
        let mut state = self.state();
        state.outdated.remove(&part);
        if state.outdated.is_empty() {
            state.taken = SystemTime::now();
        }
    }

    /// What the files say, now or since some time, is not in force. `why` is shown by health checks: it holds no path and
    /// no value.
    pub fn is_outdated(&self, part: ConfigPart, why: impl Into<String>) {
        let why = why.into();
        let mut state = self.state();
        let outdated = state.outdated.entry(part);
        let fresh = || Outdated { part, why: String::new(), since: Instant::now() };
        outdated.or_insert_with(fresh).why = why;
    }

    /// What is not in force.
    #[must_use]
    pub fn outdated(&self) -> Vec<Outdated> {
        self.state().outdated.values().cloned().collect()
    }

    /// When what is in force was last what the files say.
    pub(crate) fn taken(&self) -> SystemTime {
        self.state().taken
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outdated_stays_so_until_its_part_is_taken() {
        let configuration = Configuration::default();
        let names = || configuration.outdated().iter().map(|outdated| outdated.part.name()).collect::<Vec<_>>();
        configuration.is_outdated(ConfigPart::Configuration, "a");
        let since = configuration.outdated()[0].since;
        configuration.is_outdated(ConfigPart::Certificate, "b");
        configuration.is_outdated(ConfigPart::Configuration, "c");
        assert_eq!(names(), ["configuration", "certificate"]);
        let first = &configuration.outdated()[0];
        assert_eq!((first.why.as_str(), first.since), ("c", since));
        let before = configuration.taken();
        configuration.is_current(ConfigPart::Configuration);
        assert_eq!((names(), configuration.taken()), (vec!["certificate"], before));
        configuration.is_current(ConfigPart::Certificate);
        assert!(names().is_empty() && configuration.taken() > before);
    }
}
