//! The conditions on the arguments of one call.

use std::collections::{HashMap, HashSet};

use exuvia_tool::{Arguments, JsonErrorKind};

use crate::condition::{Check, Steps};
use crate::fold;

/// An argument that a condition holds for.
#[derive(Debug, Clone)]
pub(crate) struct Bounded {
    pub(crate) name: String,
    /// The name as lenient servers read it.
    folded: String,
    pub(crate) check: Check,
}

impl Bounded {
    pub(crate) fn new(name: &str, check: Check) -> Result<Self, String> {
        let folded = fold::argument(name, &mut Steps::of_a_call())?;
        Ok(Self { name: name.to_owned(), folded, check })
    }

    fn denied(&self, must: impl Into<String>) -> WrongArgument {
        WrongArgument { name: self.name.clone(), must: must.into() }
    }
}

/// An argument that a condition does not hold for.
pub(crate) struct WrongArgument {
    pub(crate) name: String,
    /// What it must be, as the end of a sentence.
    pub(crate) must: String,
}

/// What a member costs beside its key.
const MEMBER_STEPS: usize = 32;

/// Holds arguments against all conditions on them.
///
/// # Errors
///
/// The first that does not hold. An argument must be given under its own name alone: whether a server takes `Path` for `path` is
/// unknown. Which of two a server takes as well, and so the tree has each once, and what is sent is what the tree has.
pub(crate) fn check(arguments: &mut Arguments, bounded: &[&Bounded]) -> Result<(), WrongArgument> {
    let Some(first) = bounded.first() else { return Ok(()) };
    let tree = arguments.tree().map_err(|error| {
        first.denied(match error.kind() {
            JsonErrorKind::TooLarge => "must be given in fewer arguments: these take too much memory to be checked",
            _ => "must be given in arguments that can be read",
        })
    })?;
    let given = |name: &str| tree.as_object()?.get(name);
    let mut steps = Steps::of_a_call();
    let names: HashSet<&str> = bounded.iter().map(|bounded| bounded.name.as_str()).collect();
    let twins: HashMap<&str, &Bounded> = bounded.iter().map(|bounded| (bounded.folded.as_str(), *bounded)).collect();
    for name in tree.as_object().into_iter().flat_map(|given| given.keys()) {
        steps.take(MEMBER_STEPS, 1).map_err(|exhausted| first.denied(exhausted))?;
        if names.contains(name.as_str()) {
            continue;
        }
        let folded = fold::argument(name, &mut steps).map_err(|exhausted| first.denied(exhausted))?;
        if let Some(bounded) = twins.get(folded.as_str()) {
            return Err(bounded.denied("must be given under this name alone"));
        }
    }
    for bounded in bounded {
        let value = given(&bounded.name).ok_or_else(|| bounded.denied("must be given"))?;
        bounded.check.holds(value, &mut steps).map_err(|must| bounded.denied(must))?;
    }
    Ok(())
}
