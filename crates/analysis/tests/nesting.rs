//! No script is nested so deeply, or is so long, that its analysis does not end well.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::time::{Duration, Instant};

use exuvia_analysis::{MAX_SOURCE_BYTES, ReasonKind, analyze};
use exuvia_tool::Namespace;

/// Far more than any analysis takes, on any machine that builds this.
const DEADLINE: Duration = Duration::from_secs(30);

/// How source texts nest: what stands in front, what is repeated, what stands in the middle, what closes each level.
const SHAPES: &[(&str, &str, &str, &str)] = &[
    ("", "(", "", ")"),
    ("", "[", "", "]"),
    ("", "{", "", "}"),
    ("", "{0:", "0", "}"),
    ("", "f(", "", ")"),
    ("f", "()", "", ""),
    ("f", "[0]", "", ""),
    ("f", "['x']", "", ""),
    ("f", ".a", "", ""),
    ("f", ".a()", "", ""),
    ("", "getattr(", "f", ",'x')"),
    ("x = ", "not ", "x", ""),
    ("x = ", "-", "x", ""),
    ("x = ", "~", "x", ""),
    ("x = ", "await ", "x", ""),
    ("x = ", "lambda: ", "x", ""),
    ("x = ", "lambda a, b: ", "x", ""),
    ("x = ", "lambda a=", "x", ": a"),
    ("x = ", "x if y else ", "x", ""),
    ("x = ", "x + ", "x", ""),
    ("x = ", "x ** ", "x", ""),
    ("x = ", "x and ", "x", ""),
    ("x = ", "x and not y or ", "x", ""),
    ("x = ", "x < ", "x", ""),
    ("x = ", "x, ", "x", ""),
    ("x = ", "y = ", "x", ""),
    ("x = ", "[y for y in ", "x", "]"),
    ("x = ", "x + (", "x", ")"),
    ("", "*", "x", ""),
    ("", "yield ", "x", ""),
    ("x = ", "'a' ", "", ""),
    ("x = ", "f'{x}' ", "", ""),
    ("x = ", "f'{", "x", "}'"),
    ("x = ", "f\"{x:", "y", "}\""),
    ("x = f'{x:", "{x:", "", "}"),
    ("if x: pass\n", "elif x: pass\n", "", ""),
    ("", "if x:\n", "", ""),
    ("x = 1", "1", "", ""),
    ("x = 0x", "f", "", ""),
    ("x = 1e", "9", "", ""),
    ("x = '", "a", "", ""),
    ("x = '''", "a\n", "", ""),
    ("", "x\n", "", ""),
    ("", "x;", "", ""),
    ("", "except ", "", ""),
    ("", "match ", "", ""),
    ("", "match x:\n", "", ""),
    ("", "type x", "", ""),
    ("", "@f\n", "", ""),
    ("", "import a.", "", ""),
    ("import a", ".a", "", ""),
    ("", "\\\n", "", ""),
    ("", "#", "", ""),
    ("", "\r", "", ""),
    ("", "\u{feff}", "", ""),
    ("", "é", "", ""),
    ("match x:\n case ", "[", "", "]"),
    ("match x:\n case ", "C(", "", ")"),
    ("match x:\n case ", "1 | ", "1", ""),
    ("match x:\n case a", ".a", "", ": pass"),
    ("class C[T: ", "(", "T", ")"),
    ("x: ", "list[", "int", "]"),
    ("with ", "a, ", "a", ": pass"),
    ("del ", "(", "a", ")"),
    ("for ", "(", "a", ",)"),
    ("def f(", "a=lambda: ", "1", ""),
    ("", "a.b.c(d)[e] + ", "1", ""),
];

#[test]
fn every_way_of_nesting_ends_in_time_at_every_depth() {
    let namespace = Namespace::default();
    for (head, open, middle, close) in SHAPES {
        for times in [1, 90, 600, 2_400, 4_900, 5_100, 60_000, usize::MAX] {
            let times = times.min((MAX_SOURCE_BYTES - 100) / (open.len() + close.len()));
            let source = format!("{head}{}{middle}{}", open.repeat(times), close.repeat(times));
            let start = Instant::now();
            let _ = analyze(&source, &namespace);
            assert!(start.elapsed() < DEADLINE, "{open} x {times}");
        }
    }
}

#[test]
fn blocks_nest_as_deep_as_python_lets_them() {
    let nested = |depth: usize| {
        let line = |level: usize| format!("{}if x:\n", " ".repeat(level));
        (0..depth).map(line).collect::<String>() + &" ".repeat(depth) + "crm.search(query='x')\n"
    };
    let namespace = support::evasions().namespace;
    assert!(analyze(&nested(98), &namespace).precision.is_precise());
    assert_eq!(analyze(&nested(100), &namespace).precision.reasons()[0].kind, ReasonKind::NotParsed);
}

#[test]
fn a_script_that_is_too_deep_or_too_long_may_call_everything() {
    let evasions = support::evasions();
    let everything = evasions.namespace.servers().iter().map(|server| server.tools().len()).sum::<usize>();
    let deep = format!("x = {}youtube.search(query='x')", "not ".repeat(10_000));
    let long = format!("x = 1\n{}youtube.search(query='x')", "# long\n".repeat(MAX_SOURCE_BYTES / 7));
    for source in [deep, long] {
        let analysis = analyze(&source, &evasions.namespace);
        assert_eq!(analysis.precision.reasons()[0].kind, ReasonKind::NotParsed);
        assert_eq!(analysis.may_call.len(), everything);
    }
}
