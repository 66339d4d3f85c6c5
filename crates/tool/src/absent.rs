//! Unavailable servers.

/// Why a server is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// It is being started.
    Starting,
    /// It did not start within its time to start.
    Late,
    /// It refuses the credentials that it is given.
    Unauthorized {
        /// The user can log in with `exuvia login`; else its headers are to be looked at.
        login: bool,
    },
    /// Its program cannot be run.
    NotRun,
    /// Nothing answers at its address.
    Unreachable,
    /// It answers, or exits, without the handshake of MCP.
    NoHandshake,
    /// It did not start for another reason, which only the operator sees: it may describe the host.
    Failed,
}

/// A server that is configured and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    /// Its name in the configuration.
    pub name: String,
    /// The global under which a script would see it.
    pub python_name: String,
    /// Why.
    pub why: Absence,
}

impl Absent {
    /// A server that is not there, until it has another name for scripts under its own.
    #[must_use]
    pub fn new(name: impl Into<String>, why: Absence) -> Self {
        let name = name.into();
        Self { python_name: name.clone(), name, why }
    }

    /// Whether it may be there soon.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        self.why == Absence::Starting
    }

    /// What completes "the server crm" for the author of a script: what is the matter, and what to do.
    #[must_use]
    pub fn trouble(&self) -> String {
        match self.why {
            Absence::Starting => "is still starting; try again in a few seconds".to_owned(),
            Absence::Late => "did not start in time; go on without it, or try again later".to_owned(),
            Absence::Failed => "did not start; go on without it, or try again later".to_owned(),
            Absence::NotRun | Absence::Unreachable | Absence::NoHandshake => {
                format!("did not start: {}; go on without it", self.reason().unwrap_or_default())
            }
            Absence::Unauthorized { .. } => format!("did not start: {}", self.reason().unwrap_or_default()),
        }
    }

    /// Why it did not start, as far as a script may know, in a few words.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self.why {
            Absence::Starting | Absence::Failed => None,
            Absence::Late => Some("not ready in time".to_owned()),
            Absence::NotRun => Some("its command cannot be run".to_owned()),
            Absence::Unreachable => Some("it cannot be reached".to_owned()),
            Absence::NoHandshake => Some("it exited or did not answer as an MCP server".to_owned()),
            // Who reads this need not be who can do it: over HTTP, clients have keys.
            Absence::Unauthorized { login: true } => {
                Some(format!("the operator of this gateway must run `exuvia login {}`", self.name))
            }
            Absence::Unauthorized { login: false } => {
                Some("it rejects its credentials, which the operator of this gateway must check".to_owned())
            }
        }
    }
}
