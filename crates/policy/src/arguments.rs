//! The conditions on the arguments of one call.

use std::collections::HashMap;

use crate::authorize::DenialReason;
use crate::condition::{Check, Steps};
use crate::fold;
use crate::slices::members;

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

    fn denied(&self, must: impl Into<String>) -> DenialReason {
        DenialReason::Argument { name: self.name.clone(), must: must.into() }
    }
}

/// What a member costs beside its key.
const MEMBER_STEPS: usize = 32;

/// Holds arguments, which are JSON text, against all conditions on them.
///
/// # Errors
///
/// The first that does not hold. An argument must be given once and under its own name alone: which of two a server takes, and
/// whether it takes `Path` for `path`, is unknown.
pub(crate) fn check(arguments: &str, bounded: &[&Bounded]) -> Result<(), DenialReason> {
    let Some(first) = bounded.first() else { return Ok(()) };
    let mut steps = Steps::of_a_call();
    let names: HashMap<&str, &Bounded> = bounded.iter().map(|bounded| (bounded.name.as_str(), *bounded)).collect();
    let twins: HashMap<&str, &Bounded> = bounded.iter().map(|bounded| (bounded.folded.as_str(), *bounded)).collect();
    let mut given = HashMap::new();
    for member in members(arguments) {
        let (key, value) = member.map_err(|_| first.denied("must be given in arguments that can be read"))?;
        steps.take(MEMBER_STEPS, 1).map_err(|exhausted| first.denied(exhausted))?;
        if let Some(bounded) = names.get(key.as_ref()) {
            if given.insert(bounded.name.as_str(), value).is_some() {
                return Err(bounded.denied("must be given once"));
            }
            continue;
        }
        let folded = fold::argument(&key, &mut steps).map_err(|exhausted| first.denied(exhausted))?;
        if let Some(bounded) = twins.get(folded.as_str()) {
            return Err(bounded.denied("must be given under this name alone"));
        }
    }
    for bounded in bounded {
        let value = given.get(bounded.name.as_str()).ok_or_else(|| bounded.denied("must be given"))?;
        bounded.check.holds(value, &mut steps).map_err(|must| bounded.denied(must))?;
    }
    Ok(())
}
