//! What calls cost.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;

/// How many millionths one unit has.
const MICROS: u64 = 1_000_000;
/// The digits behind the point.
const DECIMALS: usize = 6;

/// What a call costs, in whatever unit its operator counts, exact to a millionth. Sums are those of whole numbers. As text and in
/// JSON it is a decimal number without an exponent.
///
/// ```
/// use exuvia_tool::Cost;
///
/// let cost: Cost = "0.002".parse().unwrap();
/// assert_eq!(cost, Cost::from_micros(2_000));
/// assert_eq!((cost + cost).to_string(), "0.004");
/// assert!("0.0000001".parse::<Cost>().is_err(), "finer than a millionth");
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u64);

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many millionths of a unit.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// In millionths of a unit.
    #[must_use]
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    /// At most the largest that there is.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, std::ops::Add::add)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (units, micros) = (self.0 / MICROS, self.0 % MICROS);
        let decimals = format!("{micros:0DECIMALS$}");
        match decimals.trim_end_matches('0') {
            "" => write!(f, "{units}"),
            decimals => write!(f, "{units}.{decimals}"),
        }
    }
}

/// A text that is no cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoCost;

impl fmt::Display for NoCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "must be a number from 0 up with at most {DECIMALS} decimals")
    }
}

impl std::error::Error for NoCost {}

impl FromStr for Cost {
    type Err = NoCost;

    /// A decimal number, with an exponent or without: as JSON writes it.
    fn from_str(text: &str) -> Result<Self, NoCost> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().map_err(|_| NoCost)?),
            None => (text, 0),
        };
        let (units, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if units.is_empty() || !is_number(units) || !is_number(decimals) || mantissa.ends_with('.') {
            return Err(NoCost);
        }
        let digits = [units, decimals].concat();
        let digits = digits.trim_start_matches('0');
        if digits.is_empty() {
            return Ok(Self::ZERO);
        }
        // How many places the digits stand above a millionth.
        let places = DECIMALS as i64 - i64::try_from(decimals.len()).map_err(|_| NoCost)? + i64::from(exponent);
        scaled(digits, places).map(Self).ok_or(NoCost)
    }
}

/// A number of these digits, moved up by so many places, or down where that loses nothing.
fn scaled(digits: &str, places: i64) -> Option<u64> {
    let up = u32::try_from(places.max(0)).ok().filter(|up| *up <= 20)?;
    let down = usize::try_from((-places).max(0)).ok()?;
    let kept = digits.len().checked_sub(down)?;
    if digits[kept..].bytes().any(|digit| digit != b'0') || kept == 0 {
        return None;
    }
    digits[..kept].parse::<u64>().ok()?.checked_mul(10_u64.checked_pow(up)?)
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A text, and no float on the way.
        let number: Number = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        number.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Number::deserialize(deserializer)?.to_string().parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_is_a_decimal_number_and_back() {
        for (text, micros, shown) in [
            ("0", 0, "0"),
            ("0.000001", 1, "0.000001"),
            ("25", 25_000_000, "25"),
            ("25.0", 25_000_000, "25"),
            ("0.10", 100_000, "0.1"),
            ("1e-6", 1, "0.000001"),
            ("1.5e3", 1_500_000_000, "1500"),
            ("2.5E-1", 250_000, "0.25"),
            ("0.0020000000", 2_000, "0.002"),
            ("0e400", 0, "0"),
            ("18446744073709.551615", u64::MAX, "18446744073709.551615"),
        ] {
            let cost: Cost = text.parse().unwrap_or_else(|_| panic!("{text}"));
            assert_eq!((cost.micros(), cost.to_string().as_str()), (micros, shown), "{text}");
            assert_eq!(shown.parse(), Ok(cost));
            let json = serde_json::to_string(&cost).expect("JSON");
            assert_eq!(json, shown);
            assert_eq!(serde_json::from_str::<Cost>(&json).expect("the same"), cost);
        }
    }

    #[test]
    fn what_is_no_number_or_finer_or_larger_than_there_is_is_refused() {
        for text in [
            "",
            "-1",
            "+1",
            ".5",
            "1.",
            "1e",
            "e1",
            "0x1",
            "1 ",
            "0.0000001",
            "1e-7",
            "1.5e-6",
            "18446744073709.551616",
            "1e20",
            "1e2147483647",
            "1e99999999999",
            "nan",
            "inf",
            "1.2.3",
            "1e1e1",
        ] {
            assert_eq!(text.parse::<Cost>(), Err(NoCost), "{text}");
        }
    }

    #[test]
    fn sums_are_exact_and_stop_at_the_largest() {
        let tenth: Cost = "0.1".parse().expect("a cost");
        assert_eq!(std::iter::repeat_n(tenth, 10).sum::<Cost>().to_string(), "1");
        assert_eq!((Cost::from_micros(u64::MAX) + tenth).micros(), u64::MAX);
    }
}
