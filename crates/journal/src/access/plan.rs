//! What is taken from counters, checked and put in the order in which every process locks them.

use std::collections::BTreeMap;

use super::{AccessStoreError, AccessStoreErrorKind, CounterAmount, CounterTake, CounterWindow, MAX_COUNTERS, Taken};
use crate::store::{sql, unsigned};

use super::MAX_COUNTER_BYTES;

/// What is taken from one counter in one window. Numbers are as databases have them: from 0 to [`i64::MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) counter: String,
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) amount: i64,
    pub(super) limit: i64,
}

/// What is taken from counters, or given back: a row for each window, in the order of their names.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    /// The row of each take.
    places: Vec<usize>,
}

impl Row {
    /// Whether so much may be taken where this much is.
    pub(super) fn fits(&self, value: i64) -> bool {
        value <= self.limit - self.amount
    }
}

impl Plan {
    /// What is taken together.
    ///
    /// # Errors
    ///
    /// There are too many counters, or a name is too long.
    pub(super) fn of_takes(takes: &[CounterTake]) -> Result<Self, AccessStoreError> {
        Self::of(takes.iter().map(|take| Row {
            counter: take.counter.clone(),
            start_ms: sql(take.window_start_ms),
            end_ms: sql(take.window_end_ms),
            amount: sql(take.amount),
            limit: sql(take.limit),
        }))
    }

    /// What is given back together.
    ///
    /// # Errors
    ///
    /// As for [`of_takes`](Self::of_takes).
    pub(super) fn of_amounts(amounts: &[CounterAmount]) -> Result<Self, AccessStoreError> {
        Self::of(amounts.iter().map(|back| Row {
            counter: back.counter.clone(),
            start_ms: sql(back.window_start_ms),
            end_ms: 0,
            amount: sql(back.amount),
            limit: 0,
        }))
    }

    /// What is read.
    ///
    /// # Errors
    ///
    /// As for [`of_takes`](Self::of_takes).
    pub(super) fn of_windows(windows: &[CounterWindow]) -> Result<Self, AccessStoreError> {
        Self::of(windows.iter().map(|window| Row {
            counter: window.counter.clone(),
            start_ms: sql(window.window_start_ms),
            end_ms: 0,
            amount: 0,
            limit: 0,
        }))
    }

    fn of(takes: impl ExactSizeIterator<Item = Row>) -> Result<Self, AccessStoreError> {
        if takes.len() > MAX_COUNTERS {
            return Err(malformed(format!("{} counters at once, at most {MAX_COUNTERS} are taken from", takes.len())));
        }
        let (mut rows, mut names) = (BTreeMap::<(String, i64), Row>::new(), Vec::new());
        for row in takes {
            if row.counter.len() > MAX_COUNTER_BYTES || row.counter.contains('\0') {
                return Err(malformed(format!(
                    "the name of a counter has at most {MAX_COUNTER_BYTES} bytes, and no NUL"
                )));
            }
            let name = (row.counter.clone(), row.start_ms);
            names.push(name.clone());
            rows.entry(name).and_modify(|first| first.add(&row)).or_insert(row);
        }
        let places = names.iter().map(|name| rows.range(..name).count()).collect();
        Ok(Self { rows: rows.into_values().collect(), places })
    }

    /// What came of it, where each row had this value before. None: the values are not those of the rows.
    pub(super) fn outcome(&self, before: &[i64]) -> Option<Taken> {
        let found = |place: &usize| Some((self.rows.get(*place)?, *before.get(*place)?));
        let found = self.places.iter().map(found).collect::<Option<Vec<_>>>()?;
        let crossed = found.iter().position(|(row, value)| !row.fits(*value));
        Some(match crossed {
            Some(index) => {
                let (row, value) = found[index];
                Taken::Crossed { index, left: unsigned(row.limit.saturating_sub(value)) }
            }
            None => Taken::All(found.iter().map(|(row, value)| unsigned(value + row.amount)).collect()),
        })
    }

    /// The value of each take's row, where each row has this value.
    pub(super) fn values(&self, of_rows: &[i64]) -> Vec<u64> {
        self.places.iter().map(|place| of_rows.get(*place).copied().map_or(0, unsigned)).collect()
    }
}

/// Names of counters that are looked for: those after the first text and before the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NameRange {
    pub(super) after: String,
    pub(super) before: String,
}

impl NameRange {
    /// Those that begin with `prefix`, which ends with an ASCII character, and come after `after`.
    ///
    /// # Errors
    ///
    /// A name of a counter cannot begin so.
    pub(super) fn of(prefix: &str, after: &str) -> Result<Self, AccessStoreError> {
        let end = prefix.bytes().last().filter(|last| (1..0x7f).contains(last));
        let is_name = |text: &str| text.len() <= MAX_COUNTER_BYTES && !text.contains('\0');
        match end {
            Some(last) if is_name(prefix) && is_name(after) => {
                let before = format!("{}{}", &prefix[..prefix.len() - 1], char::from(last + 1));
                Ok(Self { after: prefix.max(after).to_owned(), before })
            }
            _ => Err(malformed("no name of a counter begins so".to_owned())),
        }
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.amount = self.amount.saturating_add(other.amount);
        self.limit = self.limit.min(other.limit);
        self.end_ms = self.end_ms.max(other.end_ms);
    }
}

fn malformed(cause: String) -> AccessStoreError {
    AccessStoreError::new(AccessStoreErrorKind::Malformed).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(counter: &str, amount: u64, limit: u64) -> CounterTake {
        CounterTake { counter: counter.into(), window_start_ms: 0, window_end_ms: 1, amount, limit }
    }

    #[test]
    fn takes_of_one_counter_are_added_up_and_keep_their_places() {
        let plan = Plan::of_takes(&[take("b", 1, 10), take("a", 2, 10), take("b", 3, 5)]).expect("few");
        let rows: Vec<_> = plan.rows.iter().map(|row| (row.counter.as_str(), row.amount, row.limit)).collect();
        assert_eq!(rows, [("a", 2, 10), ("b", 4, 5)]);
        assert_eq!(plan.outcome(&[0, 1]), Some(Taken::All(vec![5, 2, 5])));
        assert_eq!(plan.outcome(&[0, 2]), Some(Taken::Crossed { index: 0, left: 3 }));
        assert_eq!(plan.outcome(&[9, 0]), Some(Taken::Crossed { index: 1, left: 1 }));
        assert_eq!(plan.values(&[7, 8]), [8, 7, 8]);
    }

    #[test]
    fn numbers_beyond_the_range_of_a_database_neither_wrap_nor_pass() {
        let plan = Plan::of_takes(&[take("a", u64::MAX, u64::MAX)]).expect("few");
        assert!(matches!(plan.outcome(&[0]), Some(Taken::All(_))));
        assert_eq!(plan.outcome(&[1]), Some(Taken::Crossed { index: 0, left: (i64::MAX - 1).cast_unsigned() }));
        let plan = Plan::of_takes(&[take("a", u64::MAX, 5)]).expect("few");
        assert_eq!(plan.outcome(&[7]), Some(Taken::Crossed { index: 0, left: 0 }));
    }

    #[test]
    fn names_are_looked_for_between_two_texts() {
        let range = |after: &str| NameRange::of("budget/day/user:", after).map(|range| (range.after, range.before));
        assert_eq!(range("").ok(), Some(("budget/day/user:".to_owned(), "budget/day/user;".to_owned())));
        assert_eq!(range("budget/day/user:x").map(|range| range.0).ok(), Some("budget/day/user:x".to_owned()));
        for wrong in ["", "a\0b", "a\u{7f}", "\u{e9}", &"a".repeat(MAX_COUNTER_BYTES + 1)] {
            assert_eq!(NameRange::of(wrong, "").expect_err(wrong).kind(), AccessStoreErrorKind::Malformed);
        }
    }

    #[test]
    fn too_many_counters_and_names_that_are_too_long_are_refused() {
        let many = vec![take("a", 1, 1); MAX_COUNTERS + 1];
        let long = [take(&"a".repeat(MAX_COUNTER_BYTES + 1), 1, 1)];
        let nul = [take("a\0", 1, 1)];
        for takes in [&many[..], &long, &nul] {
            let error = Plan::of_takes(takes).expect_err("refused");
            assert_eq!(error.kind(), AccessStoreErrorKind::Malformed);
        }
    }
}
