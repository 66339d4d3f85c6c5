//! Numbers for people.

/// `12.345 M`: fuel in millions.
pub(crate) fn millions(fuel: u64) -> String {
    format!("{:.3} M", fuel as f64 / 1e6)
}

/// `12,345`
#[must_use]
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far `now` is from `before`, in percent.
pub(crate) fn change_percent(now: u64, before: u64) -> f64 {
    if now == before { 0.0 } else { (now as f64 / before as f64 - 1.0) * 100.0 }
}

/// The value in the middle, or the greater of the two there. None of none.
pub(crate) fn median<T: Ord + Copy>(values: impl IntoIterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn the_median_stands_in_the_middle() {
        assert_eq!((median([3, 1, 2]), median([4, 1]), median::<u8>([])), (Some(2), Some(4), None));
    }

    #[test]
    fn a_change_has_a_sign() {
        assert_eq!([change_percent(0, 0), change_percent(50, 100), change_percent(3, 2)], [0.0, -50.0, 50.0]);
    }
}
