use serde_json::{Value, json};

use super::*;

fn check(condition: Condition) -> Check {
    Check::compile(&condition, &Key::of("k")).unwrap()
}

fn under(path: &str) -> Check {
    check(Condition { under: Some(path.into()), ..Condition::default() })
}

fn told(check: &Check, value: &str) -> Result<(), String> {
    let value = serde_json::from_str(value).map_err(|_| "no tree".to_owned())?;
    check.holds(&value, &mut Steps::of_a_call())
}

fn holds(check: &Check, value: &Value) -> bool {
    told(check, &value.to_string()).is_ok()
}

#[test]
fn a_path_lies_under_another_however_it_is_written() {
    let exports = under("/exports/");
    for path in [
        "/exports",
        "/exports/",
        "/exports/a",
        "/exports/./a/../b",
        "/exports//a",
        "/./exports/a",
        "/exports/100%",
        "/exports/%61",
        "/exports/a%2520b",
        "/exports/%25252561",
        "/exports/~a",
        "/exports/12:30.txt",
        "/exports/a..b",
        "/exports/..a",
        "/exports/a.",
        "/exports/my file (1).txt",
        "/exports/\u{e9}t\u{e9}",
        "/exports/e\u{301}",
        "/exports/\u{1f468}\u{200d}\u{1f469}.png",
        "/exports/a\\b",
        "/exports/%7Ea",
        "/exports/-",
        "/exports/a .",
        "/exports/a/..",
    ] {
        assert_eq!(told(&exports, &json!(path).to_string()), Ok(()), "{path}");
    }
    for path in [
        "/exports/../etc",
        "/exportsx",
        "/exports%2fa",
        "/%65xports/a",
        "/",
        "",
        "exports/a",
        "../exports",
        "/exports/%2e%2e/etc",
        "/exports/a\u{0}",
        "/exports/a%00",
        "/exports/a%2500",
        "/exports/a\n",
        "/exports/a%0a",
        "/exports/a\u{85}",
        "/exports/%252e%252e/%2e%2e/etc",
        "/exports/a%252fb/%2e%2e/%2e%2e/secret",
        "/exports/a%2fb/%2e%2e/x",
        "/exports\\..\\etc",
        "~/exports",
        "/exports/..\\..",
        "/exports/a\\..\\..",
        "file:///exports/a",
        "/exports\\a",
        "\\exports\\a",
        "//exports/a",
        "/\\exports/a",
        "/%2fexports/a",
        "///exports",
        "/exports/../exports/a",
        "/a/../exports/b",
        "/exports/a/../../exports/b#/../c",
    ] {
        assert!(!holds(&exports, &json!(path)), "{path}");
    }
    assert!(!holds(&exports, &json!(7)));
    assert_eq!(told(&under("/"), r#""/etc""#), Ok(()));
    assert!(told(&under("/"), r#""//etc""#).is_err() && told(&under("/"), r#""etc""#).is_err());
}

#[test]
fn dots_that_some_servers_read_as_the_folder_above_lead_nowhere() {
    for base in ["/exports", "."] {
        let prefix = if base == "." { "exports" } else { base };
        let check = under(base);
        for parent in [
            "%2e%2e",
            "%2e.",
            "%252e%252e",
            "%25252e.",
            ".%u002e",
            "%U002E.",
            "%c0%ae%c0%ae",
            "%e0%80%ae.",
            "\u{2025}",
            "\u{ff0e}.",
            "\u{2024}\u{2024}",
            "%EF%BC%8E%EF%BC%8E",
            "\u{ff05}2e.",
            ".\u{200b}.",
            ".\u{fe0f}.",
            "..;x",
            "..:x",
            "..?",
            "..#a",
            "{a,..",
            "..}",
            ".. ",
            " ..",
            ". .",
            "...",
            "....",
            "..\t",
            "..\u{a0}",
            "x\\..",
            "..\\",
            "x%5c..",
            "..%2f",
            "..\u{2044}x",
            "..\u{2215}x",
            "\u{2216}..",
            "\u{a5}..",
            "\u{20a9}..",
            "\u{ff0f}..",
            "%252525252e.",
        ] {
            for path in [
                format!("{prefix}/{parent}/{parent}/x"),
                format!("{prefix}/a/{parent}"),
                format!("{prefix}/a/{parent}/{parent}"),
            ] {
                assert!(!holds(&check, &json!(path)), "{path}");
            }
        }
        // A part that some servers leave out is none to go up from.
        for empty in [";", " ", "%20", "\u{200b}", "?", "\u{3000}", "\\", ";x", "%", "*"] {
            let path = format!("{prefix}/{empty}/../../x");
            assert!(!holds(&check, &json!(path)), "{path}");
            assert!(!holds(&check, &json!(format!("{prefix}/{empty}/../x"))), "{path}");
        }
        assert!(holds(&check, &json!(format!("{prefix}/a/../x"))));
    }
}

#[test]
fn a_relative_path_stays_relative_for_every_server() {
    let here = under(".");
    for path in ["a.txt", ".", "./", "./a", "a/b:c", "a/~", "a/$x", ".hidden", "-a", "a/../b", "100%"] {
        assert_eq!(told(&here, &json!(path).to_string()), Ok(()), "{path}");
    }
    for path in [
        "",
        "/a",
        "../a",
        "a/../../b",
        "\\a",
        "%2fa",
        "%5Ca",
        "~",
        "%7e",
        "%257e/a",
        "~root/a",
        "./~/a",
        "file:///etc/passwd",
        "file%3a///etc/passwd",
        "file:etc",
        "C:\\Windows",
        "C:/Windows",
        "c:a",
        "%43:/a",
        "./C:/Windows",
        "x/../C:/Windows",
        "\\\\host\\share",
        "//host/share",
        "\\\\?\\C:\\a",
        " /etc",
        "\t/etc",
        "\u{feff}/etc",
        "\u{3000}/etc",
        "%20/etc",
        "$HOME/a",
        "%HOME%/a",
        "%USERPROFILE%/a",
        "./$HOME",
        ";/etc",
        "\"/etc\"",
        "'/etc'",
        "`pwd`/a",
        ".//C:",
        "././/C:/a",
        ".//a",
        "./%2fetc",
        "./%2f",
        ".\\/etc",
        "./././%5cetc",
        "./ /etc",
        "./%2fC:",
        ".\\\\C:/a",
        "\u{ff5e}/a",
        "C\u{ff1a}/a",
        "\u{ff0f}etc",
        "http://host/a",
        "./\\a:b\\..",
        "./.;/C:",
        ".;x/C:/a",
        ".:/",
        ".;/~",
        ". /C:a",
        ".%3b/%2fetc",
    ] {
        assert!(!holds(&here, &json!(path)), "{path}");
    }
    let relative = under("out");
    assert_eq!(told(&relative, r#""./out/a""#), Ok(()));
    assert_eq!(told(&relative, r#""out/12:30""#), Ok(()));
    for path in ["/out/a", "out/../..", "out/..", "~/out", "a/out", "a/../out/b", "out:x", "\\out", "./out\\..\\a"] {
        assert!(!holds(&relative, &json!(path)), "{path}");
    }
    let drive = under("C:/data");
    assert_eq!(told(&drive, r#""C:/data/a""#), Ok(()));
    assert!(!holds(&drive, &json!("C:/a")) && !holds(&drive, &json!("D:/data/a")));
}

#[test]
fn a_refused_path_has_a_reason() {
    let exports = under("/exports");
    for (path, why) in [
        ("/etc", "must be a path under /exports"),
        ("/exports/a%0ab", "must be a path under /exports, written without control characters"),
        ("/exports/...", "must be a path under /exports, written without dots that some servers read as \"..\""),
        (
            "/exports/%2e%2e",
            "must be a path under /exports, written without \"..\" beside characters that servers read differently",
        ),
        ("/exports/%u002e", "must be a path under /exports, written without %u escapes"),
        ("/exports/%ff", "must be a path under /exports, written without bytes that are not UTF-8"),
        ("/exports/%2525252561", "must be a path under /exports, written without percent-encoding of percent-encoding"),
    ] {
        assert_eq!(told(&exports, &json!(path).to_string()), Err(why.to_owned()), "{path}");
    }
}

#[test]
fn numbers_are_compared_exactly_and_as_numbers_only() {
    let few = check(Condition { at_most: Some(10.0), at_least: Some(0.0), ..Condition::default() });
    for value in ["0", "10", "9.5", "1e1", "10.000", "-0", "0.1e2", "[1,2,[3]]", "9.99999999999999999999999"] {
        assert_eq!(told(&few, value), Ok(()), "{value}");
    }
    for value in [
        "11",
        "10.5",
        "\"5\"",
        "null",
        "true",
        "{\"a\":1}",
        "{}",
        "[1,11]",
        "123456789012345678901234567890",
        "-1e-400",
        "10.0000000000000000001",
        "10000000000000000000000000000001e-30",
        "1e999999999",
        "-1",
        "[]",
        "[[]]",
        "[1,[]]",
    ] {
        assert!(told(&few, value).is_err(), "{value}");
    }
    let tenth = check(Condition { at_least: Some(0.1), ..Condition::default() });
    assert_eq!(told(&tenth, "0.1"), Ok(()));
    assert_eq!(told(&tenth, "0.09999999999999999999999"), Err("must be a number of at least 0.1".to_owned()));
}

#[test]
fn values_and_expressions_must_match_as_a_whole() {
    let listed = vec![json!("a"), json!(1), json!(null), json!(["x", "y"]), json!({"k": [1], "l": true}), json!(1.5)];
    let named = check(Condition { one_of: Some(listed), ..Condition::default() });
    for value in [
        "\"a\"",
        "1",
        "null",
        "1.5",
        "[\"x\",\"y\"]",
        "[ \"x\" , \"\\u0079\" ]",
        "[\"a\",1]",
        "\"\\u0061\"",
        "{\"l\":true,\"k\":[1]}",
        "[{\"k\":[1],\"l\":true}]",
        "[[\"x\",\"y\"],\"a\"]",
    ] {
        assert_eq!(told(&named, value), Ok(()), "{value}");
    }
    for value in [
        "\"A\"",
        "\"1\"",
        "[\"x\"]",
        "[\"x\",\"y\",\"z\"]",
        "[\"y\",\"x\"]",
        "[]",
        "{}",
        "{\"k\":[1]}",
        "{\"k\":[1],\"l\":false}",
        "{\"k\":[1],\"l\":true,\"m\":1}",
        "{\"k\":[1],\"k\":[1]}",
        "true",
        "1.50",
        "\"\\ud800\"",
        "{\"k\":1,\"l\":true}",
        "[\"a\",2]",
    ] {
        assert!(told(&named, value).is_err(), "{value}");
    }
    let none = check(Condition { one_of: Some(vec![json!([])]), ..Condition::default() });
    assert_eq!(told(&none, "[]"), Ok(()));
    let empty = check(Condition { one_of: Some(vec![json!({}), json!([])]), ..Condition::default() });
    assert_eq!(told(&empty, "[{},[],[ ]]"), Ok(()));
    for value in ["7", "\"\"", "null", "[7]", "[{\"a\":1}]"] {
        assert!(told(&none, value).is_err() && told(&empty, value).is_err(), "{value}");
    }
    let slug = check(Condition { matching: Some("[a-z]+|x1".into()), ..Condition::default() });
    assert_eq!(told(&slug, "\"x1\""), Ok(()));
    for value in [json!("ab1"), json!("ab\nx"), json!(""), json!(1), json!("x1\n"), json!([])] {
        assert!(!holds(&slug, &value), "{value}");
    }
}

#[test]
fn all_parts_of_a_condition_must_hold() {
    let both = check(Condition { under: Some("/a".into()), matching: Some(".*[.]csv".into()), ..Condition::default() });
    assert!(holds(&both, &json!("/a/x.csv")));
    assert!(!holds(&both, &json!("/a/x.txt")) && !holds(&both, &json!("/b/x.csv")));
    let named = check(Condition {
        one_of: Some(vec![json!("/a/x"), json!("/b/x")]),
        under: Some("/a".into()),
        ..Condition::default()
    });
    assert!(holds(&named, &json!("/a/x")) && holds(&named, &json!(["/a/x"])));
    assert!(!holds(&named, &json!("/b/x")) && !holds(&named, &json!("/a/y")));
}

#[test]
fn what_a_condition_looks_at_is_bounded() {
    let long = |unit: &str, times: usize| json!(format!("/exports/{}", unit.repeat(times))).to_string();
    let exports = under("/exports");
    let exhausted = Err(String::from(Exhausted));
    // As long as arguments may be by default: each of these is decided without going over the text again and again.
    for unit in ["%25", "%2525", "../", "a/", "a/../", ".", "\u{2025}", "%e2%80%a5", "\u{fdfa}", "a\u{301}\u{327}"] {
        let said = told(&exports, &long(unit, (4 << 20) / unit.len()));
        assert_eq!(said, exhausted, "{unit}");
    }
    assert!(String::from(Exhausted).starts_with("must be shorter"));
    assert_eq!(told(&exports, &long("a/", 100_000)), Ok(()));
    assert_eq!(told(&exports, &long("%25", 26_666)), Ok(()));
    let layers = format!("/exports/%{}", "25".repeat(100_000));
    assert!(told(&exports, &json!(layers).to_string()).unwrap_err().ends_with("percent-encoding of percent-encoding"));
    let list = json!(vec!["/exports/a"; 30_000]).to_string();
    assert_eq!(told(&exports, &list), Ok(()));
    assert_eq!(told(&exports, &json!(vec!["/exports/a"; 200_000]).to_string()), exhausted);
    let few = check(Condition { at_most: Some(10.0), ..Condition::default() });
    assert_eq!(told(&few, &format!("[{}1]", "1,".repeat(1 << 20))), exhausted);
    assert_eq!(told(&few, &format!("{}1{}", "[".repeat(100), "]".repeat(100))), Ok(()));
    // Texts and numbers cost their length, whatever the condition asks of them.
    for value in [json!("1".repeat(5_000_000)).to_string(), "1".repeat(5_000_000)] {
        assert_eq!(told(&few, &value), exhausted);
    }
    // One expression that is large for each byte, one that is small.
    let word = |text: &str| check(Condition { matching: Some(text.into()), ..Condition::default() });
    let text = json!("a".repeat(100_000)).to_string();
    assert_eq!(told(&word("a*"), &text), Ok(()));
    assert_eq!(told(&word("(?:[ab]*a[ab]{900})+c"), &text), exhausted);
    let many = check(Condition { one_of: Some((0..10_000).map(Value::from).collect()), ..Condition::default() });
    assert_eq!(told(&many, "9999"), Ok(()));
    assert_eq!(told(&many, &format!("[{}9999]", "9999,".repeat(1_000))), exhausted);
}

#[test]
fn a_condition_that_does_not_compile_is_an_error() {
    let said = |condition: Condition| {
        Check::compile(&condition, &Key::of_server("a").below("constraints").below("t").below("x"))
            .unwrap_err()
            .to_string()
    };
    let under = |path: &str| said(Condition { under: Some(path.into()), ..Condition::default() });
    assert!(said(Condition::default()).starts_with("servers.a.constraints.t.x: requires under"));
    assert!(under("a/../..").contains("leads above"));
    assert!(under("").contains("is empty"));
    for path in ["file:///exports", "https://a.example/b", "out:x"] {
        assert!(under(path).contains("is an address"), "{path}");
    }
    assert!(under("C:\\data").contains("backslash"));
    for path in ["~/data", "$HOME/a", "%HOME%/a", "/a%2f..", "/a/...", "/a\n", "/%ff"] {
        assert!(under(path).contains("is read differently"), "{path}: {}", under(path));
    }
    for path in ["/\u{ff21}", "/a b", "/a%20b", "..a", "./a", "//a"] {
        assert!(
            Check::compile(&Condition { under: Some(path.into()), ..Condition::default() }, &Key::of("k")).is_ok(),
            "{path}"
        );
    }
    for number in [f64::NAN, f64::INFINITY, 1e300] {
        let most = said(Condition { at_most: Some(number), ..Condition::default() });
        assert!(most.contains("at_most: must be between"), "{most}");
        let least = said(Condition { at_least: Some(number), ..Condition::default() });
        assert!(least.contains("at_least: must be between"), "{least}");
    }
    assert!(
        said(Condition { matching: Some("(?=a)".into()), ..Condition::default() })
            .ends_with("x: matching: look-around, including look-ahead and look-behind, is not supported")
    );
    assert!(said(Condition { matching: Some("a{1000}{1000}".into()), ..Condition::default() }).contains("size limit"));
    assert!(said(Condition { matching: Some("a{20000}".into()), ..Condition::default() }).contains("size limit"));
}

#[test]
fn a_condition_that_nothing_fulfils_is_refused_with_what_contradicts() {
    let (one, other) = (|number| Some(number), |text: &str| Some(text.to_owned()));
    let listed = |values: Value| values.as_array().cloned();
    let none = Condition::default;
    for (condition, told) in [
        (Condition { at_least: one(10.0), at_most: one(1.0), ..none() }, "at least 10 and at most 1"),
        (Condition { at_least: one(0.2), at_most: one(0.1), ..none() }, "at least 0.2 and at most 0.1"),
        (Condition { one_of: listed(json!([])), ..none() }, "must not be empty"),
        (Condition { one_of: listed(json!([5, 7])), at_least: one(10.0), ..none() }, "no value satisfies"),
        (Condition { one_of: listed(json!(["b"])), matching: other("a+"), ..none() }, "no value satisfies"),
        (Condition { one_of: listed(json!(["/etc", 7])), under: other("/srv"), ..none() }, "no value satisfies"),
        (
            Condition { at_most: one(1.0), matching: other("a"), ..none() },
            "at_most applies to numbers and matching to strings",
        ),
        (
            Condition { at_least: one(1.0), under: other("/a"), ..none() },
            "at_least applies to numbers and under to strings",
        ),
        (Condition { matching: other("[^\\s\\S]"), ..none() }, "no string can match"),
    ] {
        let error = Check::compile(&condition, &Key::of("k")).unwrap_err();
        assert!(error.message.contains(told), "{told}: {error:?}");
    }
    for condition in [
        Condition { at_least: one(1.0), at_most: one(1.0), ..none() },
        Condition { one_of: listed(json!([5, 70])), at_least: one(10.0), ..none() },
        Condition { one_of: listed(json!([[]])), ..none() },
        Condition { matching: other(""), ..none() },
        Condition { matching: other("a+"), under: other("."), ..none() },
    ] {
        assert!(Check::compile(&condition, &Key::of("k")).is_ok(), "{condition:?}");
    }
}
