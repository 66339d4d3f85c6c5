//! Numbers of any size, compared exactly.

use std::cmp::Ordering;

/// The largest power of ten, up or down, that a number may be written with.
const MAX_EXPONENT: i64 = 1_000_000;

/// A decimal number: 0.DIGITS times ten to the power of `point`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    point: i64,
    /// Without zeros at either end: none for zero itself.
    digits: String,
}

impl Decimal {
    /// A number as JSON writes it. `None` for anything else, and for exponents beyond a million.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let exponent: i64 = exponent.parse().ok()?;
        if exponent.abs() > MAX_EXPONENT {
            return None;
        }
        let written = [whole, fraction].concat();
        let digits = written.trim_start_matches('0');
        let leading = written.len() - digits.len();
        let digits = digits.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, point: 0, digits });
        }
        let point = i64::try_from(whole.len()).ok()? - i64::try_from(leading).ok()? + exponent;
        Some(Self { negative, point, digits })
    }

    /// The number that an operator wrote, if it can have been just this one: beyond 2^53 the configuration does not keep every
    /// whole number.
    pub(super) fn written(number: f64) -> Option<Self> {
        const EXACT: f64 = (1_u64 << 53) as f64;
        if number.abs() < EXACT { Self::parse(&format!("{number:e}")) } else { None }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Digits without zeros at the end are in the order of the alphabet.
        let size = self.point.cmp(&other.point).then_with(|| self.digits.cmp(&other.digits));
        let size = if self.negative { size.reverse() } else { size };
        self.sign().cmp(&other.sign()).then(size)
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn numbers_are_in_order_whatever_their_size_and_spelling() {
        let rising = [
            "-1e1000000",
            "-20.5",
            "-20",
            "-3",
            "-1e-1000000",
            "0",
            "1e-1000000",
            "0.09",
            "0.1",
            "0.10000000000000000000000000000000000001",
            "0.9",
            "9.9999999999999999999",
            "10",
            "10.0000000000000000001",
            "10.1",
            "123456789012345678901234567890",
            "123456789012345678901234567891",
            "1e1000000",
        ];
        for (place, text) in rising.iter().enumerate() {
            for (other_place, other) in rising.iter().enumerate() {
                assert_eq!(number(text).cmp(&number(other)), place.cmp(&other_place), "{text} and {other}");
            }
        }
        for (one, same) in
            [("10", "1e1"), ("10", "0.1E+2"), ("10", "1000e-2"), ("0.5", "5e-1"), ("-0", "0.00"), ("0e7", "0")]
        {
            assert_eq!(number(one), number(same));
        }
    }

    #[test]
    fn a_text_that_is_no_number_does_not_parse() {
        for text in [
            "",
            "-",
            ".5",
            "a",
            "1a",
            "1.a",
            "--1",
            "+1",
            "1e",
            "1e1.5",
            "0x10",
            " 1",
            "NaN",
            "1e1000001",
            "1e-1000001",
            "1e99999999999999999999",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_an_operator_wrote_is_taken_as_written() {
        for (written, text) in [
            (0.1, "0.1"),
            (10.0, "10"),
            (-2.5e-7, "-0.00000025"),
            (0.0, "0"),
            (9_007_199_254_740_991.0, "9007199254740991"),
        ] {
            assert_eq!(Decimal::written(written), Some(number(text)));
        }
        for lost in
            [9_007_199_254_740_992.0, -9_007_199_254_740_992.0, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]
        {
            assert_eq!(Decimal::written(lost), None, "{lost}");
        }
    }
}
