//! Whatever a program calls is in its set of tools; and where it names all that it calls, nothing else is.
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use exuvia_analysis::analyze;
use exuvia_test_support::descriptor;
use exuvia_test_support::programs::{Program, SERVERS, program};
use exuvia_tool::{Namespace, ToolName};
use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any, proptest};
use serde_json::json;

fn namespace() -> Namespace {
    let tool = |name: &&str| descriptor(&json!({"name": name, "inputSchema": {}}));
    let servers = SERVERS.iter().map(|(name, tools)| ((*name).to_owned(), tools.iter().map(tool).collect()));
    exuvia_catalog::build(servers.collect())
}

fn missing(program: &Program, namespace: &Namespace) -> Vec<String> {
    let may_call = analyze(&program.source, namespace).may_call;
    let is_missing = |call: &&String| {
        let (server, tool) = call.split_once('.').unwrap();
        !may_call.contains(&ToolName::new(server, tool))
    };
    program.calls.iter().filter(is_missing).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_call_is_ever_missing(tape in vec(any::<u32>(), 1..120)) {
        let program = program(&tape, false);
        let missing = missing(&program, &namespace());
        assert!(missing.is_empty(), "{missing:?} in\n{}", program.source);
    }

    #[test]
    fn a_program_that_names_its_tools_is_held_to_no_others(tape in vec(any::<u32>(), 1..120)) {
        let program = program(&tape, true);
        assert!(program.is_plain);
        let analysis = analyze(&program.source, &namespace());
        let named: Vec<String> = analysis.may_call.referenced().map(|name| name.to_string()).collect();
        let calls: Vec<String> = program.calls.iter().cloned().collect();
        assert!(analysis.precision.is_precise() && named == calls, "{analysis:?} in\n{}", program.source);
        assert!(analysis.findings.is_empty(), "{:?} in\n{}", analysis.findings, program.source);
    }
}

#[test]
fn programs_are_varied() {
    let mut random = 1_u32;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        random
    };
    let programs: Vec<Program> =
        (0..500).map(|_| program(&std::array::from_fn::<u32, 100, _>(|_| next()), false)).collect();
    assert!(programs.iter().map(|program| program.calls.len()).sum::<usize>() > 700);
    let all: String = programs.iter().map(|program| program.source.as_str()).collect();
    for shape in [
        "f_globals",
        "__closure__",
        "metaclass=",
        "match ",
        "async def",
        ".obj(",
        "__missing__",
        "lambda",
        "if 0: eval",
        "        global ",
        "__call__(self",
        "𝐜",
    ] {
        assert!(all.contains(shape), "{shape}");
    }
}
