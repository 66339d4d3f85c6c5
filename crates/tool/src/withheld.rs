//! Tools that are withheld.

use crate::ToolName;

/// Why a tool that a server lists is withheld until an operator accepts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Withheld {
    /// Its definition is another one than was accepted.
    Changed,
    /// It came after the tools of its server were accepted.
    New,
    /// What was accepted of its server cannot be read or stored.
    Unverified,
    /// It is a function whose file is not as it was promoted.
    Unpromoted,
    /// It is a promoted function whose file is gone.
    Removed,
    /// It is a function, and whether it is still promoted cannot be found out.
    Unknown,
}

impl Withheld {
    /// What is the matter with this tool and who can mend it, for the author of a script and for clients.
    #[must_use]
    pub fn trouble(self, tool: &ToolName) -> String {
        match self {
            Self::Changed => format!(
                "{tool} is withheld: its definition changed on its server, and the operator has not accepted the change \
                (`exuvia tools accept {tool}`); go on without it"
            ),
            Self::New => format!(
                "{tool} is withheld: it is new on its server, and the operator has not accepted it \
                (`exuvia tools accept {tool}`); go on without it"
            ),
            Self::Unpromoted => format!(
                "{tool} is withheld: its file changed, and nobody has promoted the change \
                (`exuvia functions promote {}`); go on without it",
                tool.tool
            ),
            Self::Removed => format!(
                "{tool} is withheld: its file is gone, and the operator has neither put it back nor retired the function \
                (`exuvia functions retire {}`); go on without it",
                tool.tool
            ),
            Self::Unknown => format!(
                "{tool} is withheld: which functions are promoted cannot be read at the moment; go on without it, or try again later"
            ),
            Self::Unverified => format!(
                "{tool} is withheld: what the operator accepted of its server cannot be read or stored, which the operator \
                has to mend; go on without it"
            ),
        }
    }
}
