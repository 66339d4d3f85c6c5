//! Conditions on one argument.

mod expression;
mod number;
mod path;
mod steps;
#[cfg(test)]
mod tests;
mod values;

use serde_json::Value;

pub(crate) use steps::{Exhausted, Steps};

use crate::error::PolicyError;
use crate::key::Key;
use crate::source::Condition;
use expression::Expression;
use number::Decimal;
use path::{Base, Fault};
use values::Values;

/// What a value costs beside its length.
const VALUE_STEPS: usize = 16;

/// A compiled condition.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    under: Option<(String, Base)>,
    at_most: Option<(f64, Decimal)>,
    at_least: Option<(f64, Decimal)>,
    one_of: Option<(String, Values)>,
    matching: Option<(String, Expression)>,
}

impl Check {
    pub(crate) fn compile(condition: &Condition, key: &Key) -> Result<Self, PolicyError> {
        if *condition == Condition::default() {
            return Err(PolicyError::new(key, "requires under, at_most, at_least, one_of or matching"));
        }
        let check = Self::of(condition).and_then(|check| check.can_hold(condition).map(|()| check));
        check.map_err(|message| PolicyError::new(key, message))
    }

    /// Rejects a condition that no value satisfies: it is a mistake.
    fn can_hold(&self, condition: &Condition) -> Result<(), String> {
        if let (Some((most, at_most)), Some((least, at_least))) = (&self.at_most, &self.at_least)
            && at_least > at_most
        {
            return Err(format!("no number is at least {least} and at most {most}"));
        }
        let number = [("at_most", self.at_most.is_some()), ("at_least", self.at_least.is_some())];
        let text = [("under", self.under.is_some()), ("matching", self.matching.is_some())];
        let first =
            |kind: [(&'static str, bool); 2]| kind.into_iter().find(|(_, is_there)| *is_there).map(|(name, _)| name);
        if let (Some(number), Some(text)) = (first(number), first(text)) {
            return Err(format!("{number} applies to numbers and {text} to strings: no value is both"));
        }
        match &condition.one_of {
            Some(values) if values.is_empty() => {
                Err("one_of: must not be empty; to forbid every call, use deny".to_owned())
            }
            Some(values) => {
                let holds = |value: &Value| self.holds(value, &mut Steps::of_a_call()).is_ok();
                if values.iter().any(holds) {
                    Ok(())
                } else {
                    Err("one_of: no value satisfies the other conditions".to_owned())
                }
            }
            None => Ok(()),
        }
    }

    fn of(condition: &Condition) -> Result<Self, String> {
        let Condition { under, at_most, at_least, one_of, matching } = condition;
        let number = |name: &str, number: f64| match Decimal::written(number) {
            Some(exact) => Ok((number, exact)),
            None => Err(format!("{name}: must be between -2^53 and 2^53, to be exact")),
        };
        let base = |path: &String| match Base::of(path) {
            Ok(base) => Ok((path.clone(), base)),
            Err(why) => Err(format!("under: {path:?} {why}")),
        };
        let expression = |text: &String| match Expression::compile(text) {
            Ok(expression) => Ok((text.clone(), expression)),
            Err(why) => Err(format!("matching: {why}")),
        };
        let listed = |values: &Vec<Value>| {
            let shown: Vec<String> = values.iter().map(ToString::to_string).collect();
            (shown.join(", "), Values::of(values))
        };
        Ok(Self {
            under: under.as_ref().map(base).transpose()?,
            at_most: at_most.map(|most| number("at_most", most)).transpose()?,
            at_least: at_least.map(|least| number("at_least", least)).transpose()?,
            one_of: one_of.as_ref().map(listed),
            matching: matching.as_ref().map(expression).transpose()?,
        })
    }

    /// Checks a value.
    ///
    /// # Errors
    ///
    /// What it must be, as the end of a sentence.
    pub(crate) fn holds(&self, value: &Value, steps: &mut Steps) -> Result<(), String> {
        steps.take(length(value) + VALUE_STEPS, 1)?;
        let is_listed = match &self.one_of {
            Some((_, values)) => Some(values.contain(value, steps)?),
            None => None,
        };
        if let Value::Array(elements) = value
            && is_listed != Some(true)
        {
            return self.holds_for_each(elements, steps);
        }
        self.holds_for_path(value, steps)?;
        self.holds_for_number(value)?;
        if let Some((shown, _)) = &self.one_of
            && is_listed == Some(false)
        {
            return Err(format!("must be one of {shown}"));
        }
        match &self.matching {
            Some((shown, expression)) => match value.as_str() {
                Some(text) if expression.matches(text, steps)? => Ok(()),
                _ => Err(format!("must match {shown}")),
            },
            None => Ok(()),
        }
    }

    /// Checks the elements of an array. None is not enough: to many servers that means everything.
    fn holds_for_each(&self, elements: &[Value], steps: &mut Steps) -> Result<(), String> {
        if elements.is_empty() {
            return Err("must not be an empty list".to_owned());
        }
        elements.iter().try_for_each(|element| self.holds(element, steps))
    }

    fn holds_for_path(&self, value: &Value, steps: &mut Steps) -> Result<(), String> {
        let Some((shown, base)) = &self.under else { return Ok(()) };
        match value.as_str().map_or(Err(Fault::Outside), |path| base.check(path, steps)) {
            Ok(()) => Ok(()),
            Err(Fault::Outside) => Err(format!("must be a path under {shown}")),
            Err(Fault::Unclear(what)) => Err(format!("must be a path under {shown}, written without {what}")),
            Err(Fault::Exhausted) => Err(Exhausted.into()),
        }
    }

    fn holds_for_number(&self, value: &Value) -> Result<(), String> {
        let number = value.as_number().and_then(|number| Decimal::parse(number.as_str()));
        if let Some((shown, most)) = &self.at_most
            && number.as_ref().is_none_or(|number| number > most)
        {
            return Err(format!("must be a number of at most {shown}"));
        }
        if let Some((shown, least)) = &self.at_least
            && number.as_ref().is_none_or(|number| number < least)
        {
            return Err(format!("must be a number of at least {shown}"));
        }
        Ok(())
    }
}

/// The text or the digits that a value is itself, in bytes.
fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Number(number) => number.as_str().len(),
        _ => 0,
    }
}
