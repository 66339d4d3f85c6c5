//! The size of schemas and values, in steps of a check.

use std::ops::AddAssign;

use serde_json::{Map, Value};

use crate::numbers;
use crate::patterns;

/// So many bytes of text are looked at in one step.
const BYTES_A_STEP: u64 = 64;

/// An automaton takes so many transitions in one step.
const TRANSITIONS_A_STEP: u64 = 8;

/// Up to so many items are compared with each other for want of a better way.
pub(crate) const FEW_ITEMS: u64 = 16;

/// What a value holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Values and keys. Long numbers count more than once: conversion takes the square of their length.
    pub(crate) count: u64,
    /// Bytes of texts and keys.
    pub(crate) bytes: u64,
}

impl Weight {
    /// All of a value.
    pub(crate) fn of(value: &Value) -> Self {
        let mut weight = Self { count: 1, bytes: 0 };
        match value {
            Value::String(text) => weight.bytes = text.len() as u64,
            Value::Number(number) => weight.count += (numbers::chars_of(number) as u64).pow(2) >> 14,
            Value::Array(items) => items.iter().for_each(|item| weight += Self::of(item)),
            Value::Object(map) => {
                weight += Self::of_keys(map);
                map.values().for_each(|value| weight += Self::of(value));
            }
            Value::Null | Value::Bool(_) => {}
        }
        weight
    }

    /// The keys of an object.
    pub(crate) fn of_keys(map: &Map<String, Value>) -> Self {
        Self { count: map.len() as u64, bytes: map.keys().map(|key| key.len() as u64).sum() }
    }

    /// One value, without its elements or members.
    pub(crate) fn of_surface(value: &Value) -> Self {
        match value {
            Value::Array(_) | Value::Object(_) => Self { count: 1, bytes: 0 },
            other => Self::of(other),
        }
    }

    /// The steps of going over it once.
    pub(crate) fn steps(self) -> u64 {
        self.count.saturating_add(self.bytes / BYTES_A_STEP)
    }
}

impl AddAssign for Weight {
    fn add_assign(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// What a schema asks of a validator for each value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Rules, and the values that they compare with.
    pub(crate) rules: u64,
    /// States of the automata that its patterns become: each may be looked at for each byte.
    pub(crate) states: u64,
    /// How often it asks that items differ: each may have to be compared with each.
    pub(crate) comparisons: u64,
}

impl Demand {
    /// What the keywords of one schema ask, without the schemas inside it.
    pub(crate) fn of(map: &Map<String, Value>) -> Self {
        let mut demand = Self { rules: 1, ..Self::default() };
        for (keyword, value) in map {
            match (keyword.as_str(), value) {
                ("pattern", Value::String(pattern)) => demand.states += patterns::states(pattern),
                ("patternProperties", Value::Object(patterns)) => {
                    demand.rules += patterns.len() as u64;
                    demand.states += patterns.keys().map(|pattern| patterns::states(pattern)).sum::<u64>();
                }
                // Parsers of addresses and dates are quick automata.
                ("format", Value::String(_)) => demand += Self { rules: 8, states: 2, comparisons: 0 },
                ("uniqueItems", Value::Bool(true)) => demand.comparisons += 1,
                ("enum" | "const" | "required" | "dependentRequired", _) => demand.rules += Weight::of(value).steps(),
                ("dependencies", Value::Object(map)) => {
                    map.values()
                        .filter(|value| value.is_array())
                        .for_each(|list| demand.rules += Weight::of(list).steps());
                }
                _ => {}
            }
        }
        demand
    }

    /// The most steps that it takes over `weight`.
    pub(crate) fn over(self, weight: Weight) -> u64 {
        let texts = self.states.saturating_mul(weight.bytes) / TRANSITIONS_A_STEP;
        let each_with_each = weight.steps().saturating_mul(weight.count.max(FEW_ITEMS));
        let comparisons = self.comparisons.saturating_mul(each_with_each);
        self.rules.saturating_mul(weight.steps()).saturating_add(texts).saturating_add(comparisons)
    }

    pub(crate) fn times(self, factor: u64) -> Self {
        Self {
            rules: self.rules.saturating_mul(factor),
            states: self.states.saturating_mul(factor),
            comparisons: self.comparisons.saturating_mul(factor),
        }
    }
}

impl AddAssign for Demand {
    fn add_assign(&mut self, other: Self) {
        self.rules = self.rules.saturating_add(other.rules);
        self.states = self.states.saturating_add(other.states);
        self.comparisons = self.comparisons.saturating_add(other.comparisons);
    }
}
