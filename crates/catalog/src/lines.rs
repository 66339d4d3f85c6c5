//! The lines that a request for stubs asks for: `crm.pyi:200-300`, `crm.pyi:200`, `crm.pyi:-300`.

/// Some lines, counted from 1, both included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    pub(crate) first: Option<usize>,
    pub(crate) last: Option<usize>,
}

impl Lines {
    /// The names in a request, and which lines of them it wants, if it says that at its end.
    pub(crate) fn of(request: &str) -> (&str, Option<Self>) {
        let lines = request.trim_end().rsplit_once(':').and_then(|(names, lines)| Some((names, Self::read(lines)?)));
        lines.map_or((request, None), |(names, lines)| (names, Some(lines)))
    }

    fn read(text: &str) -> Option<Self> {
        let number = |text: &str| match text.trim() {
            "" => Some(None),
            digits => digits.parse().ok().map(Some),
        };
        let (first, last) = text.split_once('-').unwrap_or((text, ""));
        let lines = Self { first: number(first)?, last: number(last)? };
        (lines != Self::default()).then_some(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stand_behind_the_last_colon() {
        let lines = |first, last| Some(Lines { first, last });
        for (request, expected) in [
            ("crm.pyi:200-300", ("crm.pyi", lines(Some(200), Some(300)))),
            ("crm.a, crm.b:7", ("crm.a, crm.b", lines(Some(7), None))),
            ("crm.pyi:-9 ", ("crm.pyi", lines(None, Some(9)))),
            ("crm.pyi", ("crm.pyi", None)),
            ("crm:get", ("crm:get", None)),
            ("crm.pyi:", ("crm.pyi:", None)),
            ("crm.pyi:1-x", ("crm.pyi:1-x", None)),
            ("crm.pyi:99999999999999999999", ("crm.pyi:99999999999999999999", None)),
        ] {
            assert_eq!(Lines::of(request), expected, "{request}");
        }
    }
}
