//! Saved functions: their texts, who proposed and who promoted them. They are kept with issued keys, apart from the journal's log.
//!
//! A text is what is promoted: a function has one row for each text of it, and at most one of them is promoted.

mod json;

use exuvia_tool::{BoxFuture, Principal, RunId};
use serde::{Deserialize, Serialize};

use crate::AccessStoreError;

pub(crate) use json::{Row, check, decode, encode};

/// The most texts of functions that a store keeps.
pub const MAX_FUNCTIONS: u64 = 2_000;
/// The longest text of a function, in bytes.
pub const MAX_FUNCTION_BYTES: usize = 64 << 10;
/// The longest name of a function, in bytes.
pub const MAX_FUNCTION_NAME_BYTES: usize = 200;

/// How far a text of a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum FunctionState {
    /// Somebody proposed it, and nobody has promoted it.
    Proposed,
    /// It may be called.
    Promoted,
    /// It was promoted, and may not be called any more.
    Retired,
}

impl FunctionState {
    /// The stable name of the case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Promoted => "promoted",
            Self::Retired => "retired",
        }
    }

    pub(crate) fn of(name: &str) -> Option<Self> {
        [Self::Proposed, Self::Promoted, Self::Retired].into_iter().find(|state| state.name() == name)
    }
}

/// Who did something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionAct {
    /// Who.
    pub principal: Principal,
    /// When, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The run in which it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
}

/// One text of a function, without the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFunction {
    /// The function's name.
    pub name: String,
    /// The SHA-256 of the text, in lower-case hexadecimal digits.
    pub sha256: String,
    /// How far it is.
    pub state: FunctionState,
    /// Which version of the function it is, counted from 1 in the order of promotions. None: it never was promoted.
    pub version: Option<u32>,
    /// Who proposed it. None: it was in a directory when it was promoted.
    pub proposed: Option<FunctionAct>,
    /// Who promoted it last.
    pub promoted: Option<FunctionAct>,
    /// Who retired it.
    pub retired: Option<FunctionAct>,
}

impl StoredFunction {
    /// One that nobody has promoted.
    pub(crate) fn proposed(new: &NewFunction) -> Self {
        let (name, sha256, proposed) = (new.name.clone(), new.sha256.clone(), Some(new.act.clone()));
        Self { name, sha256, state: FunctionState::Proposed, version: None, proposed, promoted: None, retired: None }
    }

    /// One that is promoted now, as this version if it is none yet.
    pub(crate) fn promoted(known: Option<Self>, new: &NewFunction, next: u32) -> Self {
        let known = known.unwrap_or_else(|| Self { proposed: None, ..Self::proposed(new) });
        let version = known.version.or(Some(next));
        Self { state: FunctionState::Promoted, version, promoted: Some(new.act.clone()), retired: None, ..known }
    }

    /// The same, retired.
    pub(crate) fn retired_by(self, act: &FunctionAct) -> Self {
        Self { state: FunctionState::Retired, retired: Some(act.clone()), ..self }
    }

    /// Whoever proposed it, as text. Empty: nobody did.
    pub(crate) fn proposer(&self) -> String {
        self.proposed.as_ref().map(|act| act.principal.to_string()).unwrap_or_default()
    }
}

/// A text of a function that somebody proposes or promotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFunction {
    /// The function's name: at most [`MAX_FUNCTION_NAME_BYTES`], without NUL.
    pub name: String,
    /// The SHA-256 of the text, in lower-case hexadecimal digits.
    pub sha256: String,
    /// The text: at most [`MAX_FUNCTION_BYTES`], without NUL.
    pub source: String,
    /// Who, and when.
    pub act: FunctionAct,
}

/// How many texts may wait for somebody to promote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProposalBounds {
    /// Of all principals.
    pub pending: u64,
    /// Of one.
    pub pending_per_principal: u64,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposed {
    /// It waits for somebody to promote it.
    Stored,
    /// There is just this text under this name already.
    Known(FunctionState),
    /// As many wait as may, of this principal or of all.
    Full {
        /// Whether those of the principal do.
        own: bool,
    },
}

/// Which texts of a function are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retirement {
    /// The function.
    pub name: String,
    /// The text by its digest. None: the one that is promoted, and all that are proposed.
    pub sha256: Option<String>,
    /// Who, and when.
    pub act: FunctionAct,
}

/// The promoted texts at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromotedFunctions {
    /// Counts every change of any function.
    pub revision: u64,
    /// Each with its text, in the order of names.
    pub functions: Vec<(StoredFunction, String)>,
}

/// Saved functions, in a database that several processes may share. Its futures behave as those of an
/// [`AccessStore`](crate::AccessStore).
pub trait FunctionStore: Send + Sync {
    /// What is promoted. None: nothing has changed since this revision, which is cheap to say.
    ///
    /// # Errors
    ///
    /// The database does not answer, or a newer program has changed its schema.
    fn promoted(&self, known: Option<u64>) -> BoxFuture<'_, Result<Option<PromotedFunctions>, AccessStoreError>>;

    /// Every text of every function, in the order of names and versions; those without a version last.
    ///
    /// # Errors
    ///
    /// As for [`promoted`](Self::promoted).
    fn list_functions(&self) -> BoxFuture<'_, Result<Vec<StoredFunction>, AccessStoreError>>;

    /// A text, by the function's name and its digest. None: there is none.
    ///
    /// # Errors
    ///
    /// As for [`promoted`](Self::promoted).
    fn function_source<'a>(
        &'a self,
        name: &'a str,
        sha256: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, AccessStoreError>>;

    /// Keeps a text that nobody may call before it is promoted.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::AccessStoreErrorKind::Full): there are [`MAX_FUNCTIONS`]. [`Malformed`](crate::AccessStoreErrorKind::Malformed): it is beyond the
    /// bounds of [`NewFunction`]. Otherwise as for [`promoted`](Self::promoted).
    fn propose<'a>(
        &'a self,
        new: &'a NewFunction,
        bounds: ProposalBounds,
    ) -> BoxFuture<'a, Result<Proposed, AccessStoreError>>;

    /// Lets a text be called, in place of another one of the function. Returns which version it is: that of its first promotion.
    ///
    /// # Errors
    ///
    /// As for [`propose`](Self::propose).
    fn promote<'a>(&'a self, new: &'a NewFunction) -> BoxFuture<'a, Result<u32, AccessStoreError>>;

    /// Lets texts not be called any more. Those that were only proposed are removed. Returns how many there were.
    ///
    /// # Errors
    ///
    /// As for [`promoted`](Self::promoted).
    fn retire<'a>(&'a self, retirement: &'a Retirement) -> BoxFuture<'a, Result<u64, AccessStoreError>>;
}
