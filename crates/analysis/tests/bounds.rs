//! Every bound of the analysis is met, and holds from there on and not before.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use exuvia_analysis::{Analysis, FindingCode, MAX_FINDINGS, MAX_SOURCE_BYTES, ReasonKind, analyze};
use exuvia_test_support::descriptor;
use exuvia_tool::{Namespace, ToolName};
use serde_json::{Value, json};

/// Servers `crm` and `mail`, each with this many tools `t0`, `t1`, that take an integer `n`.
fn namespace(tools: usize) -> Namespace {
    let schema = json!({"properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let tool = |number: usize| descriptor(&json!({"name": format!("t{number}"), "inputSchema": schema}));
    let server = |name: &str| (name.to_owned(), (0..tools).map(tool).collect());
    exuvia_catalog::build(vec![server("crm"), server("mail")])
}

fn analyzed(source: &str) -> Analysis {
    analyze(source, &namespace(2))
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(|number| line(number) + "\n").collect()
}

/// The one message about a script.
fn message(source: &str, namespace: &Namespace) -> String {
    let findings = analyze(source, namespace).findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings[0].message.clone()
}

/// What is as large as `most` is read, what is larger by one is not.
fn assert_read_up_to(most: usize, source: impl Fn(usize) -> String) {
    for (size, is_read) in [(most, true), (most + 1, false)] {
        let analysis = analyzed(&source(size));
        let reasons = analysis.precision.reasons();
        let is_parsed = reasons.iter().all(|reason| reason.kind != ReasonKind::NotParsed);
        assert_eq!(is_parsed, is_read, "{size}: {reasons:?}");
        // What is not read may call everything.
        assert_eq!(analysis.may_call.len(), if is_read { 0 } else { 4 }, "{size}");
    }
}

#[test]
fn scripts_are_read_up_to_their_bounds() {
    assert_read_up_to(MAX_SOURCE_BYTES, |bytes| format!("#{}", "x".repeat(bytes - 1)));
    assert_read_up_to(200, |brackets| format!("x = {}1{}", "(".repeat(brackets), ")".repeat(brackets)));
    assert_read_up_to(200, |brackets| format!("x = f'{{{}1{}}}'", "[".repeat(brackets), "]".repeat(brackets)));
    assert_read_up_to(150, |fields| format!("x = {}1{}", "f'{".repeat(fields), "}'".repeat(fields)));
    assert_read_up_to(99, |blocks| lines(blocks, |level| " ".repeat(level) + "if x:") + &" ".repeat(blocks) + "pass\n");
}

#[test]
fn a_number_has_its_value_up_to_four_hundred_digits() {
    // A number of unknown value is no literal, and what is no literal may be anything.
    for (digits, findings) in [(1, 1), (399, 1), (400, 1), (401, 0), (4_000, 0)] {
        for number in ["1".repeat(digits), format!("0x{}", "1".repeat(digits)), format!("1_{}", "1".repeat(digits - 1))]
        {
            if number.ends_with('_') {
                continue;
            }
            let found = analyzed(&format!("crm.t0(n=[{number}])")).findings;
            assert_eq!(found.len(), findings, "{digits} digits: {found:?}");
        }
    }
}

#[test]
fn the_first_twenty_findings_are_kept() {
    for (wrong, told) in [(MAX_FINDINGS - 1, MAX_FINDINGS - 1), (MAX_FINDINGS, MAX_FINDINGS), (60, MAX_FINDINGS)] {
        let analysis = analyzed(&lines(wrong, |_| "crm.t0(n='x')".to_owned()));
        let found: Vec<u32> = analysis.findings.iter().map(|finding| finding.line).collect();
        assert_eq!(found, (1..=told).map(|line| u32::try_from(line).unwrap()).collect::<Vec<_>>());
    }
}

#[test]
fn forty_unknown_names_and_a_thousand_calls_are_looked_at() {
    // What is told of one server falls away, because the script looks at what it has.
    for (before, found) in [(39, 1), (40, 0)] {
        let source = lines(before, |number| format!("crm.nothing{number}()")) + "mail.nothing()\ndir(crm)\n";
        assert_eq!(analyzed(&source).findings.len(), found, "{before} unknown tools");
        let source = lines(before, |number| format!("try: s{number}.x()\nexcept NameError: pass")) + "nowhere.x()\n";
        assert_eq!(analyzed(&source).findings.len(), found, "{before} unknown servers");
    }
    for (before, found) in [(999, 1), (1_000, 0)] {
        let source = lines(before, |number| format!("crm.t0(n={number})")) + "crm.t0(n='x')\n";
        assert_eq!(analyzed(&source).findings.len(), found, "{before} calls");
    }
}

#[test]
fn the_first_twenty_reasons_and_lines_are_kept() {
    for (count, kept) in [(19, 19), (20, 20), (21, 20), (70, 20)] {
        let expected: Vec<u32> = (1..=kept).collect();
        let told = |evidence: &[exuvia_analysis::Evidence]| evidence.iter().map(|one| one.line).collect::<Vec<_>>();
        let tool = ToolName::new("mail", "t1");
        for line in ["mail.t1(n=1)", "x = mail", "eval('1')"] {
            let analysis = analyzed(&lines(count, |_| line.to_owned()));
            assert_eq!(told(analysis.may_call.evidence(&tool)), expected, "{line} x {count}");
            let reasons: Vec<u32> = analysis.precision.reasons().iter().map(|reason| reason.line).collect();
            assert_eq!(reasons, if line.starts_with("mail") { vec![] } else { expected.clone() }, "{line} x {count}");
        }
    }
    // The strongest evidence is kept even where it comes last.
    let source =
        lines(70, |_| "eval('1')".to_owned()) + &lines(70, |_| "x = mail".to_owned()) + "f = mail.t1\nmail.t1(n=1)\n";
    let analysis = analyzed(&source);
    let named: Vec<ToolName> = analysis.may_call.referenced().collect();
    assert_eq!(named, [ToolName::new("mail", "t1")]);
    let kinds: Vec<_> = analysis.may_call.evidence(&ToolName::new("mail", "t1")).iter().map(|one| one.kind).collect();
    assert!(kinds.contains(&exuvia_analysis::EvidenceKind::Called), "{kinds:?}");
    assert!(analysis.may_call.evidence(&ToolName::new("mail", "t1")).len() <= 20);
    let only_reached = analysis.may_call.evidence(&ToolName::new("crm", "t0"));
    assert_eq!(only_reached.len(), 20);
    // Whoever looks for a tool finds it or nothing.
    assert!(analysis.may_call.evidence(&ToolName::new("crm", "t9")).is_empty());
    assert!(analysis.may_call.evidence(&ToolName::new("gone", "t0")).is_empty());
    assert_eq!((analysis.may_call.len(), analysis.may_call.is_empty()), (4, false));
    assert_eq!((analyzed("x = 1").may_call.len(), analyzed("x = 1").may_call.is_empty()), (0, true));
}

#[test]
fn a_message_names_twelve_tools_and_counts_the_rest() {
    let few = message("crm.zzzzzz()", &namespace(12));
    assert!(few.ends_with("its tools: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11"), "{few}");
    let many = message("crm.zzzzzz()", &namespace(13));
    assert!(many.ends_with("its tools: t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, ... (13 in all)"), "{many}");
    assert!(message("crm.zzzzzz()", &namespace(0)).ends_with("its tools: none"));
}

#[test]
fn names_and_messages_are_cut() {
    for (chars, is_cut) in [(100, false), (101, true)] {
        let name = format!("z{}", "é".repeat(chars - 1));
        let shown = if is_cut { format!("z{}...", "é".repeat(99)) } else { name.clone() };
        for (source, quoted) in [
            (format!("crm.{name}()"), format!("'{shown}'")),
            (format!("{name}.x()"), format!("{shown} is neither a server")),
            (format!("crm.t0(n=1, {name}=1)"), format!("'{shown}'")),
        ] {
            let message = message(&source, &namespace(2));
            assert!(message.contains(&quoted), "{chars}: {message}");
        }
    }
    let options: Vec<String> = (0..80).map(|number| format!("option-{number:03}-{}", "o".repeat(20))).collect();
    let schema = json!({"properties": {"one": {"enum": options}, "x": {}}, "required": ["one"]});
    let long = descriptor(&json!({"name": "pick", "inputSchema": schema}));
    let namespace = exuvia_catalog::build(vec![("crm".to_owned(), vec![long])]);
    let message = message("crm.pick(one='none', x=input())", &namespace);
    let listed = message.split("must be one of ").nth(1).unwrap();
    let listed = listed.split(", not ").next().unwrap();
    assert!(listed.ends_with("...") && listed.chars().count() == 303, "{message}");
    assert!(message.chars().count() <= 803, "{}", message.chars().count());
    let whole: Value = json!("v".repeat(100));
    let text = format!("crm.pick(one={whole}, x=input())");
    let told = analyze(&text, &namespace).findings[0].message.clone();
    assert!(told.contains(&format!("not \"{}...", "v".repeat(59))), "{told}");
}

#[test]
fn a_finding_says_which_kind_it_is() {
    for (source, code) in [
        ("nowhere.x()", FindingCode::UnknownServer),
        ("json.dumps(1)", FindingCode::NotImported),
        ("crm.t9()", FindingCode::UnknownTool),
        ("crm.t0(n=1, m=2)", FindingCode::UnknownArgument),
        ("crm.t0(1, 2)", FindingCode::UnknownArgument),
        ("crm.t0(1, n=1)", FindingCode::RepeatedArgument),
        ("crm.t0()", FindingCode::MissingArgument),
        ("crm.t0(n='x')", FindingCode::WrongValue),
    ] {
        let findings = analyzed(source).findings;
        assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [code], "{source}: {findings:?}");
    }
}
